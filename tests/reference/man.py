"""The man pages: one for each command of `acrux`, with its subcommands."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from acrux import __version__
from tests.reference.commands import Command, every

FOLDER: Final = Path(__file__).parents[2] / "man" / "man1"

EXIT_STATUS: Final = (
    ("0", "it succeeded"),
    ("1", "something was refused, or failed"),
    ("2", "the usage or the input was wrong"),
    ("3", "a registry could not be reached"),
    ("4", "what was named does not exist"),
    ("5", "it conflicts with what there is"),
)


def render() -> dict[str, str]:
    """Every page, by the name of its file."""
    commands = list(every())
    root, *others = commands
    tops = [one for one in others if one.path.count(" ") == 1]
    below = {
        top.path: [one for one in others if one.path.startswith(f"{top.path} ")] for top in tops
    }
    pages = {_file(top): _page(top, below[top.path]) for top in tops}
    return {_file(root): _page(root, [], tops), **pages}


def write() -> None:
    """Write every page, and remove those of commands that are gone."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    pages = render()
    for file in FOLDER.iterdir():
        if file.name not in pages:
            file.unlink()
    for name, text in pages.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def _file(one: Command) -> str:
    return f"{_name(one)}.1"


def _name(one: Command) -> str:
    return one.path.replace(" ", "-")


def _page(one: Command, below: list[Command], tops: list[Command] | None = None) -> str:
    lines = [*_head(one), *_body(one)]
    if tops:
        lines.append(".SH COMMANDS")
        for top in tops:
            lines += [".TP", f".BR {_escaped(_name(top))} (1)", _escaped(_short(top))]
    if below:
        lines.append(".SH COMMANDS")
        for sub in below:
            lines += [f".SS {_escaped(sub.path)}", *_usage(sub), *_body(sub, ".PP")]
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXIT_STATUS:
        lines += [".TP", f".B {code}", meaning]
    lines += [".SH SEE ALSO", f".BR {_escaped('acrux-serve')} (1)" if tops else ".BR acrux (1)"]
    return "\n".join(lines) + "\n"


def _head(one: Command) -> Iterator[str]:
    yield '.\\" Made by scripts/reference from acrux/cli/.'
    yield f'.TH {_name(one).upper()} 1 "" "acrux {__version__}" "acrux"'
    yield ".SH NAME"
    yield f"{_escaped(_name(one))} \\- {_escaped(_short(one))}"
    yield ".SH SYNOPSIS"
    yield from _usage(one)


def _short(one: Command) -> str:
    return one.command.get_short_help_str(200).removesuffix(".")


def _usage(one: Command) -> Iterator[str]:
    yield f".B {_escaped(one.path)}"
    yield _escaped(" ".join(one.command.collect_usage_pieces(one.context)))


def _body(one: Command, heading: str = ".SH DESCRIPTION") -> Iterator[str]:
    yield heading
    for number, paragraph in enumerate(one.help.split("\n\n")):
        laid_out = paragraph.partition("\b\n")[2]
        if number:
            yield ".PP"
        yield from _laid_out(laid_out) if laid_out else [_escaped(" ".join(paragraph.split()))]
    records = [record for p in one.command.params if (record := p.get_help_record(one.context))]
    if records and heading != ".PP":
        yield ".SH OPTIONS"
    for name, meaning in records:
        yield ".TP"
        yield f".B {_escaped(name)}"
        yield _escaped(" ".join(meaning.split())) or "\\&"
    if one.examples:
        yield ".PP" if heading == ".PP" else ".SH EXAMPLES"
        yield from _laid_out(one.examples)


def _laid_out(text: str) -> Iterator[str]:
    yield ".nf"
    yield from (_escaped(line) for line in text.splitlines())
    yield ".fi"


def _escaped(text: str) -> str:
    """The text as roff prints it: hyphens that can be copied, and no line that is a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
