"""The blocks of commands that the pages print, and what a page says about each."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LANGUAGES: Final = ("console", "sh")

_FENCE: Final = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
                           re.DOTALL | re.MULTILINE)  # fmt: skip
_COMMENTS: Final = re.compile(r"(?:<!--(?:(?!-->).)*-->\s*)+\Z", re.DOTALL)
_COMMENT: Final = re.compile(r"<!--\s*(setup|not run|fails)\b:?\s*(.*?)\s*-->", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A command as it is typed, and what the page prints below it."""

    command: str
    output: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, with the comments that stand right before it.

    `setup` is run unseen before it. `not_run` is the reason why it is not run at all, `fails` why
    its last command is refused.
    """

    page: str
    line: int
    steps: tuple[Step, ...]
    comments: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Where it is: page and line."""
        return f"{self.page}:{self.line}"

    @property
    def setup(self) -> str:
        """Commands that are run before it."""
        return self.comments.get("setup", "")

    @property
    def not_run(self) -> str:
        """Why it is not run, empty if it is."""
        return self.comments.get("not run", "")

    @property
    def fails(self) -> bool:
        """Whether its last command is refused."""
        return "fails" in self.comments

    @property
    def text(self) -> str:
        """All its commands."""
        return "\n".join(step.command for step in self.steps)


def pages() -> list[Path]:
    """The pages that a reader follows: README.md and everything in docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def read(page: Path) -> list[Block]:
    """The blocks of commands of a page, in order."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name
    return [
        Block(
            name,
            text.count("\n", 0, found.start()) + 1,
            tuple(_steps(found["language"], _without(found["indent"], found["text"]))),
            _comments(text[: found.start()]),
        )
        for found in _FENCE.finditer(text)
        if found["language"] in LANGUAGES
    ]


def _without(indent: str, text: str) -> list[str]:
    return [line.removeprefix(indent) for line in text.splitlines()]


def _comments(before: str) -> dict[str, str]:
    standing = _COMMENTS.search(before)
    return dict(_COMMENT.findall(standing[0])) if standing else {}


def _steps(language: str, lines: Sequence[str]) -> Iterator[Step]:
    if language == "sh":  # a script: nothing of it is output
        yield Step("\n".join(lines))
        return
    waiting = list(lines)
    while waiting:
        line = waiting.pop(0)
        assert line.startswith("$ "), f"a command begins with a prompt: {line}"
        command = line.removeprefix("$ ")
        while waiting and not waiting[0].startswith("$ ") and _goes_on(command):
            command += "\n" + waiting.pop(0)
        output = []
        while waiting and not waiting[0].startswith("$ "):
            output.append(waiting.pop(0))
        yield Step(command, tuple(output))


def _goes_on(command: str) -> bool:
    """Whether the next line belongs to the command, as the shell sees it."""
    if command.endswith("\\"):
        return True
    read = subprocess.run(
        ["bash", "-n", "-c", command], capture_output=True, text=True, check=False,
        env={"LC_ALL": "C"},
    )  # fmt: skip
    return "unexpected end of file" in read.stderr or "unexpected EOF" in read.stderr
