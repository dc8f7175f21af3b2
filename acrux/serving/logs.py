"""What the server logs of itself, and where all that is logged goes."""

import logging
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TextIO, cast

from acrux.adapters.data_dir import open_to_all, open_to_group
from acrux.adapters.log import LibraryFormatter, LineLog, Style, render, sentence
from acrux.adapters.standard_error import StandardError
from acrux.http.request_log import Seldom
from acrux.settings import Settings


def standard_error(settings: Settings) -> TextIO:
    """A standard error that never blocks; the workers inherit it by the fork."""
    lost = partial(_lost_lines, settings)
    return cast("TextIO", StandardError(sys.stderr.fileno(), lost))


def _lost_lines(settings: Settings, lines: int) -> str:
    return render(settings.log_format, "log-lines-lost", "warning", lines=lines)


def of_libraries(style: Style) -> dict[str, Any]:
    """How Python and its libraries log: to standard error, and as the registry does.

    granian would write its warnings to standard output, which must hold our one line only.
    """
    lines = {
        "class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr",
    }  # fmt: skip
    return {
        "formatters": {"lines": {"()": LibraryFormatter, "style": style}},
        "handlers": {"lines": lines, "spans": {"()": SpansLost, "style": style}},
        "root": {"handlers": ["lines"], "level": "WARNING"},
        "loggers": {
            "_granian": {"handlers": ["lines"], "propagate": False},
            "opentelemetry": {"handlers": ["spans"]},
        },
    }


class SpansLost(logging.Handler):
    """Says once a minute why spans do not reach their collector; `ticks` is in seconds.

    OpenTelemetry says so for each attempt, of which there are several in a minute.
    """

    def __init__(self, style: Style, ticks: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._style: Style = style
        self._seldom = Seldom(ticks)

    def emit(self, record: logging.LogRecord) -> None:
        """Count the record, and write a line if none was written for a minute."""
        if times := self._seldom.times():
            problem = record.getMessage()
            line = render(self._style, "tracing-failing", "warning", problem=problem, times=times)
            sys.stderr.write(line)


def warn_of_strangers(settings: Settings, log: LineLog) -> None:
    """Log who else may look into the data directory."""
    if mode := open_to_all(settings.data_dir):
        folder = settings.data_dir.absolute()
        log.warning("data-dir-open", path=folder, mode=mode, fix=f"chmod o-rwx {folder}")
    if secret := open_to_group(settings.data_dir):
        group = secret.stat().st_gid
        folder = settings.data_dir.absolute()
        log.warning(
            "secrets-open-to-group", path=secret.absolute(), group=group,
            fix=f"chmod g-rwx {folder}, or keep it so if the group has no other member (fsGroup)",
        )  # fmt: skip


def tell(settings: Settings, event: str, text: str) -> None:
    """Log a failure of the start, as text for people or as JSON."""
    sys.stderr.write(sentence(settings.log_format, event, text))
