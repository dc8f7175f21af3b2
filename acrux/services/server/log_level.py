"""Change how much is logged while the registry runs."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from acrux.domain.server.log_level import Level, LogLevel
from acrux.ports.clock import Clock
from acrux.ports.facts import Facts

FACT: Final = "log-level"


class Change(Struct, frozen=True):
    """A level that somebody chose, and when."""

    level: Level
    at: datetime


class LogLevels:
    """The level that all servers of the registry log from; `configured` is that of the settings.

    A change is kept in the database, where every process finds it. It holds until it is reset or
    a server is started: `debug` must not fill disks for months because somebody forgot it.
    """

    def __init__(self, facts: Facts, clock: Clock, configured: Level) -> None:
        self._facts = facts
        self._clock = clock
        self._configured: Level = configured
        self._followed: Level = configured

    async def show(self) -> LogLevel:
        """The level now."""
        text = await self._facts.find(FACT)
        if not text:
            return LogLevel(self._configured, self._configured)
        change = msgspec.json.decode(text, type=Change)
        return LogLevel(change.level, self._configured, change.at)

    async def change(self, level: Level) -> LogLevel:
        """Log from this level on, whatever the settings say."""
        change = Change(level, self._clock())
        await self._facts.keep(FACT, msgspec.json.encode(change).decode())
        return LogLevel(level, self._configured, change.at)

    async def reset(self) -> None:
        """Log as the settings say. Resetting twice does no harm."""
        if await self._facts.find(FACT):
            await self._facts.keep(FACT, "")

    async def follow(self) -> Level | None:
        """The level, if it is another one than at the last call, or than the configured one."""
        level = (await self.show()).level
        if level == self._followed:
            return None
        self._followed = level
        return level
