"""Check that tests notice every small change: python -m tests.mutants.

mutmut makes the mutants of the deciding code and runs the tests that pyproject.toml selects. A
mutant that survives must be listed in docs/explanation/mutation.md, with the reason why it does
not change the program's behaviour. Exits with 1 if one is not listed, or if the page lists one
that does not survive.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs" / "explanation" / "mutation.md"

# A mutant that makes a test run forever is noticed too.
DEAD: Final = frozenset({"killed", "timeout", "caught by type check"})

_RESULT = re.compile(r"^ *(acrux\S+__mutmut_\d+): (.+)$", re.MULTILINE)
_ROW = re.compile(r"^\| `acrux\..*` \| `.*` → `.*` \|", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """A change of the code: the place, the old text and the new text."""

    where: str
    old: str
    new: str

    @property
    def row(self) -> str:
        """Its row in docs/explanation/mutation.md; the reason follows."""
        cells = (f"`{self.where}`", f"`{self.old}` → `{self.new}`")
        return "".join(f"| {cell.replace('|', chr(92) + '|')} " for cell in cells) + "|"


def main() -> int:
    """Run all mutants, or the given ones, and compare the survivors with the page."""
    chosen = sys.argv[1:]
    _mutmut("run", *chosen, show=True)
    alive = {name: _mutant(name) for name in _alive(chosen)}
    explained = set(_ROW.findall(PAGE.read_text(encoding="utf-8")))
    unexplained = {name: one for name, one in alive.items() if one.row not in explained}
    for name, one in unexplained.items():
        sys.stdout.write(f"\nNo test notices {name}\n{one.row}\n")
    gone = set() if chosen else explained - {one.row for one in alive.values()}
    for row in sorted(gone):
        sys.stdout.write(f"\nNo such mutant lives, take it out of {PAGE.name}:\n{row}\n")
    sys.stdout.write(f"\n{len(alive)} live, {len(unexplained)} of them unexplained\n")
    return 1 if unexplained or gone else 0


def _alive(chosen: Sequence[str]) -> list[str]:
    ignored = DEAD | ({"not checked"} if chosen else set())
    return [name for name, status in _RESULT.findall(_mutmut("results")) if status not in ignored]


def _mutant(name: str) -> Mutant:
    diff = _mutmut("show", name).splitlines()
    old, new = (
        " ".join(line[1:].strip() for line in diff if line[:1] == sign and line[:3] != sign * 3)
        for sign in "-+"
    )
    return Mutant(_where(name), old, new)


def _where(name: str) -> str:
    module, _, function = name.rpartition("__mutmut_")[0].rpartition(".")
    return f"{module}.{function[2:].replace(chr(0x1C1), '.')}"  # as mutmut joins class and method


def _mutmut(*arguments: str, show: bool = False) -> str:
    program = str(Path(sys.executable).with_name("mutmut"))
    ran = subprocess.run(
        [program, *arguments],
        cwd=ROOT,
        check=True,
        text=True,
        stdout=None if show else subprocess.PIPE,
    )
    return ran.stdout or ""


if __name__ == "__main__":
    sys.exit(main())
