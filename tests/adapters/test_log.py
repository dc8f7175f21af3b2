"""Log lines: one for each event, whatever a client sends."""

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Iterator

import pytest

from acrux.adapters.log import (
    DELAY,
    MAX_TRACEBACK,
    MAX_VALUE,
    MAX_WRITTEN,
    LibraryFormatter,
    LineLog,
    Style,
    hear_libraries,
)
from acrux.domain.server.log_level import LEVELS, Level


class Stream(io.StringIO):
    """A stream that records each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        """Record it."""
        self.writes.append(text)
        return super().write(text)


def test_an_event_is_one_line_of_its_time_its_level_its_name_and_its_values() -> None:
    """You can search the log for a request by any of them."""
    stream = Stream()

    LineLog(stream, "console").info("request", method="GET", status=200, ms=0.3)

    at, rest = stream.getvalue().split(" ", 1)
    assert at.startswith("timestamp=2")
    assert at.endswith("Z")
    assert rest == "level=info event=request method=GET status=200 ms=0.3\n"


def test_json_lines_hold_the_same() -> None:
    """A log collector needs no special parser for them."""
    stream = Stream()

    LineLog(stream, "json").info("request", method="GET", status=200)

    line = json.loads(stream.getvalue())
    assert line.pop("timestamp").startswith("2")
    assert line == {"level": "info", "event": "request", "method": "GET", "status": 200}


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_line_that_was_prepared_says_what_info_says(style: str) -> None:
    """Requests are logged with it: the log must look the same either way."""
    stream = Stream()
    log = LineLog(stream, "json" if style == "json" else "console")

    log.info("request", agent="a b", status=200, ms=0.3, ended=True)
    log.line("request", "agent", "status", "ms", "ended")("a b", 200, 0.3, True)

    first, second = (_without_time(line, style) for line in stream.getvalue().splitlines())
    assert second == first


def _without_time(line: str, style: str) -> str:
    return line.split("," if style == "json" else " ", 1)[1]


@pytest.mark.parametrize("style", ["console", "json"])
@pytest.mark.parametrize(
    "text",
    [
        "a\nlevel=error",
        "\x1b[2J",
        "\x9b1m",
        "\x7f",
        "\u2028",
        "\U0001f600",
        "é",
        'a" b="c',
        "",
        "a=b",
    ],
)
def test_what_a_client_sends_cannot_begin_a_line_nor_steer_a_terminal(
    style: str, text: str
) -> None:
    """A user agent could forge log lines, or clear the terminal on which the log is read."""
    stream = Stream()

    LineLog(stream, "json" if style == "json" else "console").info("request", agent=text)

    written = stream.getvalue()
    assert written.count("\n") == 1
    assert f"agent={text} " not in written
    assert all(" " <= character <= "~" for character in written.rstrip("\n"))
    assert style == "console" or json.loads(written)["agent"] == text


@pytest.mark.parametrize("style", ["console", "json"])
@pytest.mark.parametrize("character", ["a", '"', "\xff", "\0", "\x7f", "\u2028", "\U0001f600"])
def test_no_value_is_longer_than_a_line_can_bear(style: str, character: str) -> None:
    """Otherwise a header of 240 KB would fill the disk with log, whatever it contains."""
    stream = Stream()
    log = LineLog(stream, "json" if style == "json" else "console")

    log.info("request", agent=character * 300_000, id="last")
    log.line("request", "agent")(character * MAX_VALUE)
    log.info("request", agent=character * 10)

    whole, prepared, short = stream.getvalue().splitlines()
    assert "..." in whole
    assert "last" in whole
    assert len(whole) < MAX_VALUE + 200
    assert len(prepared) < MAX_VALUE + 200
    assert "..." not in short


def test_a_value_is_logged_as_far_as_there_is_room() -> None:
    """A path that is cut after a few characters is useless."""
    stream = Stream()

    LineLog(stream, "json").info("request", path="/v2/" + "a" * 5000)

    assert len(json.loads(stream.getvalue())["path"]) > MAX_VALUE - 20


def test_a_traceback_keeps_its_end() -> None:
    """A recursion would log a megabyte; its cause is at the end."""
    stream = Stream()
    log = LineLog(stream, "json")

    try:
        json.loads("[" * 100_000)
    except RecursionError:
        log.exception("failure")

    told = json.loads(stream.getvalue())["exception"]
    assert told.endswith("exceeded while decoding a JSON array from a unicode string\n")
    assert len(told) <= MAX_TRACEBACK


def test_a_failure_is_logged_with_its_traceback_in_one_line() -> None:
    """You must be able to find an unexpected error from the log alone."""
    stream = Stream()
    log = LineLog(stream, "json")

    try:
        json.loads("{")
    except ValueError:
        log.exception("failure", path="/v2/")

    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["level"], line["event"], line["path"]) == ("error", "failure", "/v2/")
    assert "JSONDecodeError" in line["exception"]


async def test_lines_of_one_moment_are_written_together() -> None:
    """Otherwise each request would make a system call, and wait for the pipe."""
    stream = Stream()
    log = LineLog(stream, "console")
    written = asyncio.Event()
    for number in range(3):
        log.info("request", number=number)

    assert stream.writes == []
    asyncio.get_running_loop().call_later(DELAY * 2, written.set)
    await written.wait()
    assert [text.count("\n") for text in stream.writes] == [3]


async def test_no_write_is_longer_than_a_pipe_keeps_together() -> None:
    """Otherwise the lines of two workers would be interleaved."""
    stream = Stream()
    log = LineLog(stream, "console")
    for number in range(100):
        log.info("request", number=number, text="x" * 100)

    log.flush()

    assert len(stream.writes) > 1
    assert all(len(text) <= MAX_WRITTEN and text.endswith("\n") for text in stream.writes)
    assert stream.getvalue().count("\n") == 100


async def test_flushing_nothing_writes_nothing() -> None:
    """Otherwise an idle registry would wake the reader of its log."""
    stream = Stream()

    LineLog(stream, "console").flush()

    assert stream.getvalue() == ""


@pytest.mark.parametrize("least", LEVELS)
def test_what_is_below_the_level_is_left_out(least: Level) -> None:
    """A busy registry writes gigabytes a day, of which an operator wants the failures only."""
    stream = Stream()
    log = LineLog(stream, "json", least)
    log.info("usual")
    log.line("request", "status")(200)
    log.warning("odd")
    try:
        json.loads("no json")
    except ValueError:
        log.exception("failure")
    found = [json.loads(line)["level"] for line in stream.getvalue().splitlines()]

    assert set(found) == {"info", "warning", "error"} & set(LEVELS[LEVELS.index(least) :])


def test_a_log_takes_another_level_while_it_is_used() -> None:
    """Whoever looks for a fault cannot restart the registry first: it may be gone then."""
    stream = Stream()
    log = LineLog(stream, "json", "warning")
    requests = log.line("request", "status")
    requests(1)
    log.obey("info")
    requests(2)
    log.obey("error")
    requests(3)
    log.warning("odd")

    assert [json.loads(line)["status"] for line in stream.getvalue().splitlines()] == [2]


@pytest.fixture
def levels() -> Iterator[dict[str, logging.Logger]]:
    """The loggers of Python's libraries, as they were."""
    loggers = {name: logging.getLogger(name) for name in ("", "_granian", "opentelemetry")}
    before = {name: (logger.level, logger.propagate) for name, logger in loggers.items()}
    yield loggers
    for name, logger in loggers.items():
        logger.setLevel(before[name][0])
        logger.propagate = before[name][1]


@pytest.mark.parametrize("style", ["console", "json"])
def test_what_a_library_says_is_a_line_like_all_others(style: Style) -> None:
    """What reads the log knows one format, and looks for the time of each line."""
    try:
        raise ValueError("no number")  # noqa: TRY301 -- a traceback needs one
    except ValueError:
        failed = sys.exc_info()
    said = logging.LogRecord("asyncio", logging.ERROR, "", 1, "%s\nfailed", ("it",), failed)

    line = LibraryFormatter(style).format(said)

    if style == "console":
        assert re.match(r"timestamp=\S+Z level=error event=library logger=asyncio message=", line)
        assert r'message="it\nfailed"' in line
        assert "\n" not in line
    else:
        read = json.loads(line)
        assert (read["level"], read["event"], read["logger"]) == ("error", "library", "asyncio")
        assert read["message"] == "it\nfailed"
    assert "ValueError: no number" in line


@pytest.mark.parametrize(
    ("level", "heard"),
    [("debug", "DEBUG"), ("info", "WARNING"), ("warning", "WARNING"), ("error", "ERROR")],
)
def test_libraries_are_heard_below_a_warning_only_by_who_debugs(
    levels: dict[str, logging.Logger], level: Level, heard: str
) -> None:
    """They say much that means nothing to an operator."""
    hear_libraries(level)

    for logger in levels.values():
        assert logging.getLevelName(logger.getEffectiveLevel()) == heard
