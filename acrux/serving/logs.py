"""What the server logs of itself, and where all that is logged goes."""

import sys
from functools import partial
from typing import Any, TextIO, cast

from acrux.adapters.data_dir import open_to_all, open_to_group
from acrux.adapters.log import JsonFormatter, LineLog, Style, render, sentence
from acrux.adapters.standard_error import StandardError
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
    console = {
        "class": "logging.StreamHandler", "formatter": style, "stream": "ext://sys.stderr",
    }  # fmt: skip
    return {
        "formatters": {
            "console": {"format": "[%(levelname)s] %(message)s"},
            "json": {"()": JsonFormatter},
        },
        "handlers": {"console": console},
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {"_granian": {"handlers": ["console"], "propagate": False}},
    }


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
