"""Long listings: bounded memory, and progress where somebody watches."""

import io
import sys
import tracemalloc
from collections.abc import Iterator

import click
import pytest

from acrux.cli.content import printing
from acrux.cli.options import output_option

MANY = 100_000
MEBIBYTE = 1 << 20


def tags(count: int) -> Iterator[dict[str, object]]:
    """Tags as a registry lists them."""
    for number in range(count):
        yield {"name": f"build-{number}", "digest": f"sha256:{number:064}"}


@click.command()
@output_option
def listing(output: str) -> None:
    """List many tags."""
    printing.print_listing(tags(MANY), "tags", printing.TAG, printing.tag)


class Terminal(io.StringIO):
    """A stream that somebody watches."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def test_a_listing_as_lines_takes_no_memory_for_what_was_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A repository with a million tags is listed on a laptop."""
    with open("/dev/null", "w") as nowhere:  # noqa: PTH123 -- a device
        monkeypatch.setattr(sys, "stdout", nowhere)
        tracemalloc.start()
        try:
            listing(["--output", "jsonl"], standalone_mode=False)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < MEBIBYTE


@pytest.mark.parametrize(("is_watched", "shown"), [(True, "1 tags"), (False, "")])
def test_progress_is_shown_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, *, is_watched: bool, shown: str
) -> None:
    """In the log of a pipeline, lines that overwrite each other would be noise."""
    watched = Terminal() if is_watched else io.StringIO()
    monkeypatch.setattr(sys, "stderr", watched)
    monkeypatch.setattr(sys, "stdout", io.StringIO())

    found = list(printing.counted(tags(3), "tags"))

    assert len(found) == 3
    assert shown in watched.getvalue()
    assert bool(watched.getvalue()) is is_watched


@pytest.mark.parametrize(
    ("time", "written"),
    [
        ("2026-11-30T11:55:51.016189Z", "2026-11-30 11:55:51 UTC"),
        ("2021-03-30T12:18:51.8749Z", "2021-03-30 12:18:51 UTC"),
        ("long ago", "long ago"),
        (None, ""),
    ],
)
def test_times_are_written_for_people(time: str | None, written: str) -> None:
    """ACR writes as many digits of a second's fraction as it likes."""
    assert printing.tag({"lastUpdateTime": time})[2] == written
