"""How much is logged."""

from datetime import datetime
from typing import Final, Literal, TypeAlias

from msgspec import Struct

Level: TypeAlias = Literal["debug", "info", "warning", "error"]

LEVELS: Final[tuple[Level, ...]] = ("debug", "info", "warning", "error")


class LogLevel(Struct, frozen=True):
    """The least level that is logged, and the `configured` one, which is that of the settings.

    `changed_at` is when somebody replaced the configured level, None if nobody has.
    """

    level: Level
    configured: Level
    changed_at: datetime | None = None
