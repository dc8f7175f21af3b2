"""Whether the environment belongs to the code that runs in it."""

import sys
from functools import cache
from pathlib import Path
from typing import Final

from acrux.errors import InvalidSettings

LOCK: Final = "requirements.lock"


def check(checkout: Path, prefix: Path) -> None:
    """Raise InvalidSettings if the code was updated, and its dependencies were not.

    scripts/setup leaves a copy of the lock in the environment that it makes. An acrux that was
    installed from a wheel has neither file, and pip has looked after it.
    """
    wanted, installed = checkout / LOCK, prefix / LOCK
    if not (wanted.exists() and installed.exists()):
        return
    if wanted.read_bytes() != installed.read_bytes():
        raise InvalidSettings(
            f"this acrux is newer than its environment {prefix}: run {checkout}/scripts/setup, or "
            "start it with scripts/serve, which does; nothing has been changed"
        )


@cache  # the help of a group asks for each of its commands
def check_own() -> None:
    """Check the environment that runs this process, once. Raises InvalidSettings."""
    check(Path(__file__).parents[2], Path(sys.prefix))
