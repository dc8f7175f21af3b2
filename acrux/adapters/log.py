"""Log lines, as text or as JSON, written some at a time."""

import asyncio
import json
import re
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal, TextIO, TypeAlias

import msgspec

# From a time and values to a line: each kind of line has its own.
Render: TypeAlias = Callable[[str, Iterable[object]], str]

# A line is written within this time, in seconds: one system call serves what came meanwhile.
DELAY: Final = 0.05

# Several workers write to one pipe, and only so many bytes stay together (pipe(7), PIPE_BUF).
MAX_WRITTEN: Final = 4096

# What can stand in a line of text without quotes.
_NUMBERS: Final = frozenset({int, float})
_PLAIN: Final = re.compile(r"[!#-<>-~]+")


class LineLog:
    """A line an event: its time, its level, its name and its values.

    On an event loop lines wait for DELAY, so that a request does not wait for the terminal or the
    pipe; `flush` writes what waits. Text from clients is quoted: it cannot begin a line.
    """

    def __init__(self, stream: TextIO, style: Literal["console", "json"]) -> None:
        self._stream = stream
        self._render = _json if style == "json" else _text
        self._waiting: list[str] = []
        self._second = 0
        self._at = ""

    def info(self, event: str, /, **values: object) -> None:
        """Something happened."""
        self._tell("info", event, values)

    def line(self, event: str, *names: str) -> Callable[..., None]:
        """As `info`, for what happens often: the values of these names, in their order."""
        render = self._render("info", event, names)

        def tell(*values: object) -> None:
            self._write(render(self._now(), values))

        return tell

    def exception(self, event: str, /, **values: object) -> None:
        """Something failed that nobody foresaw; for use where an exception is handled."""
        self._tell("error", event, {**values, "exception": traceback.format_exc()})
        self.flush()

    def _tell(self, level: str, event: str, values: Mapping[str, object]) -> None:
        render = self._render(level, event, tuple(values))
        self._write(render(self._now(), values.values()))

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
        except RuntimeError:  # no loop runs: nobody would come back to it
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        written = ""
        for line in waiting:
            if written and len(written) + len(line) > MAX_WRITTEN:
                self._put(written)
                written = ""
            written += line
        self._put(written)

    def _put(self, text: str) -> None:
        with suppress(OSError):  # where the log lies on a full disk, the registry goes on without
            self._stream.write(text)
            self._stream.flush()


def _json(level: str, event: str, names: tuple[str, ...]) -> Render:
    def render(at: str, values: Iterable[object]) -> str:
        line = {"timestamp": at, "level": level, "event": event}
        told = {**line, **dict(zip(names, values, strict=True))}
        return msgspec.json.encode(told, enc_hook=str).decode() + "\n"

    return render


def _text(level: str, event: str, names: tuple[str, ...]) -> Render:
    named = "".join(f" {name}=%s" for name in names)
    template = f"timestamp=%s level={level} event={event}{named}\n"

    def render(at: str, values: Iterable[object]) -> str:
        told = [v if v.__class__ in _NUMBERS else _quoted(str(v)) for v in values]
        return template % (at, *told)

    return render


@lru_cache(maxsize=1024)  # most values stand in line after line: methods, callers, agents
def _quoted(text: str) -> str:
    # In JSON's quotes and ASCII, what ends a line or a value, or steers a terminal, is escaped.
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
