"""Log lines, as text or as JSON, written in batches."""

import asyncio
import json
import logging
import re
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal, TextIO, TypeAlias

import msgspec

from acrux.domain.server.log_level import LEVELS, Level

Style: TypeAlias = Literal["console", "json"]

_INFO: Final = LEVELS.index("info")

# Makes a line from a time and values; each kind of line has its own.
Render: TypeAlias = Callable[[str, Iterable[object]], str]

# A line is written within this time, in seconds, so that one system call writes several.
DELAY: Final = 0.05

# Several workers write to one pipe, where only so many bytes stay together (pipe(7), PIPE_BUF).
MAX_WRITTEN: Final = 4096

# The longest value of a line, in characters as written: clients choose some of the values.
MAX_VALUE: Final = 1024
MAX_TRACEBACK: Final = 8 * 1024  # before it is escaped, which makes it little longer
LONGEST_ESCAPE: Final = 12  # \ud83d\ude00, for one character

CACHED_CHARACTERS: Final = 256  # a longer value is escaped each time

# What needs no quotes in a line of text.
_NUMBERS: Final = frozenset({int, float})
_AS_IS: Final = _NUMBERS | {bool, type(None)}
_CONTROLS: Final = re.compile(r"[^ -~]")
_PRINTABLE: Final = re.compile(r"[ -~]*")
_PLAIN: Final = re.compile(r"[!#-<>-~]+")


class LineLog:
    """One line for each event: its time, its level, its name and its values.

    On an event loop, lines wait for DELAY, so that no request waits for the terminal or the pipe.
    `flush` writes the waiting lines. Text from clients is quoted, so that it cannot begin a line.
    Lines below the level `least` are left out, until `obey` sets another.
    """

    def __init__(self, stream: TextIO, style: Style, least: Level = "info") -> None:
        self._stream = stream
        self._least = LEVELS.index(least)
        self._render = _json if style == "json" else _text
        self._waiting: list[str] = []
        self._second = 0
        self._at = ""

    def obey(self, level: Level) -> None:
        """Leave out the lines below this level from now on."""
        self._least = LEVELS.index(level)

    def info(self, event: str, /, **values: object) -> None:
        """Log that something happened."""
        self._log("info", event, values)

    def warning(self, event: str, /, **values: object) -> None:
        """Log what an operator should look at, although everything works."""
        self._log("warning", event, values)

    def line(self, event: str, *names: str) -> Callable[..., None]:
        """As `info`, for frequent events: a function that logs the values of `names`, in order."""
        render = self._render("info", event, names)

        def log(*values: object) -> None:
            if self._least <= _INFO:
                self._write(render(self._now(), values))

        return log

    def exception(self, event: str, /, **values: object) -> None:
        """Log an unforeseen failure, with its traceback; call it while the exception is handled."""
        # The end says what failed; after a recursion, thousands of frames come before it.
        trace = traceback.format_exc()[-MAX_TRACEBACK:]
        self._log("error", event, {**values, "exception": trace}, MAX_TRACEBACK * LONGEST_ESCAPE)
        self.flush()

    def _log(
        self, level: Level, event: str, values: Mapping[str, object], longest: int = MAX_VALUE
    ) -> None:
        if self._leaves_out(level):
            return
        render = self._render(level, event, tuple(values), longest)
        self._write(render(self._now(), values.values()))

    def _leaves_out(self, level: Level) -> bool:
        return LEVELS.index(level) < self._least

    def _write(self, line: str) -> None:
        self._waiting.append(line)
        if len(self._waiting) == 1:
            self._flush_soon()

    def _now(self) -> str:
        # Many lines fall into one second, whose date and time are written out once.
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._at = datetime.fromtimestamp(second, UTC).isoformat()[:-6]  # Z is shorter
        return f"{self._at}.{int((now - second) * 1e6):06}Z"

    def _flush_soon(self) -> None:
        try:
            asyncio.get_running_loop().call_later(DELAY, self.flush)
        except RuntimeError:  # no loop runs, and nothing would write it later
            self.flush()

    def flush(self) -> None:
        """Write the waiting lines."""
        waiting, self._waiting = self._waiting, []
        written = ""
        for line in waiting:
            if written and len(written) + len(line) > MAX_WRITTEN:
                self._put(written)
                written = ""
            written += line
        self._put(written)

    def _put(self, text: str) -> None:
        with suppress(OSError):  # if the disk of the log is full, the registry goes on without it
            self._stream.write(text)
            self._stream.flush()


def render(style: Style, event: str, /, level: str = "info", **values: object) -> str:
    """A line, for callers that write it elsewhere."""
    at = datetime.now(UTC).isoformat()[:-6] + "Z"
    return (_json if style == "json" else _text)(level, event, tuple(values))(at, values.values())


def sentence(style: Style, event: str, text: str, level: str = "error") -> str:
    """For the person who starts the registry, or one line for what collects its log."""
    if style == "json":
        return render(style, event, level, message=text)
    return "".join(f"acrux: {line}\n" for line in text.splitlines())


def hear_libraries(level: Level) -> None:
    """Let Python's libraries log from this level on; what is less than a warning needs `debug`."""
    least = max(level, "warning", key=LEVELS.index) if level != "debug" else level
    for name in ("", "_granian"):
        logging.getLogger(name).setLevel(least.upper())
    # Without debug, a line a minute says what its exporter says every second (serving/logs.py).
    logging.getLogger("opentelemetry").propagate = level == "debug"


class LibraryFormatter(logging.Formatter):
    """Renders what libraries log as our own lines."""

    def __init__(self, style: Style) -> None:
        super().__init__()
        self._written_as: Style = style

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        values = {"logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            values["exception"] = self.formatException(record.exc_info)[-MAX_TRACEBACK:]
        return render(self._written_as, "library", record.levelname.lower(), **values).rstrip("\n")


def _json(level: str, event: str, names: tuple[str, ...], longest: int = MAX_VALUE) -> Render:
    def render(at: str, values: Iterable[object]) -> str:
        common = {"timestamp": at, "level": level, "event": event}
        line = msgspec.json.encode(common | dict(zip(names, values, strict=True)), enc_hook=str)
        text = line.decode()
        if len(text) > longest:  # otherwise no value can be too long
            cut = {
                name: value if value.__class__ in _AS_IS else _cut(str(value), longest)
                for name, value in zip(names, values, strict=True)
            }
            text = msgspec.json.encode(common | cut).decode()
        # From DEL on, JSON allows characters that control a terminal; nobody needs them raw.
        return (text if _PRINTABLE.fullmatch(text) else _CONTROLS.sub(_escaped, text)) + "\n"

    return render


def _escaped(control: re.Match[str]) -> str:
    return "\\u007f" if control[0] == "\x7f" else json.dumps(control[0])[1:-1]


def _text(level: str, event: str, names: tuple[str, ...], longest: int = MAX_VALUE) -> Render:
    named = "".join(f" {name}=%s" for name in names)
    template = f"timestamp=%s level={level} event={event}{named}\n"

    def render(at: str, values: Iterable[object]) -> str:
        texts = [
            value
            if value.__class__ in _NUMBERS
            else _quote_once(text)
            if len(text := str(value)) <= CACHED_CHARACTERS
            else _quote(text, longest)
            for value in values
        ]
        return template % (at, *texts)

    return render


def _cut(text: str, longest: int) -> str:
    if len(text) * LONGEST_ESCAPE <= longest or len(json.dumps(text)) <= longest:
        return text
    head = text[: longest - 10]
    if len(json.dumps(head)) > longest:
        head = text[: longest // LONGEST_ESCAPE - 1]
    return head + "..."


def _quote(text: str, longest: int) -> str:
    # A JSON string in ASCII escapes whatever ends a line or a value, or controls a terminal.
    if len(text) <= longest and _PLAIN.fullmatch(text):
        return text
    text = _cut(text, longest)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


@lru_cache(maxsize=1024)  # most values recur: methods, callers, user agents
def _quote_once(text: str) -> str:
    return _quote(text, MAX_VALUE)
