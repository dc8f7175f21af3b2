"""A data directory whose content has an age, for commands as typed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from acrux.adapters.sqlite.database import SqliteDatabase
from tests.http.conftest import HandClock
from tests.services.content.retention.shelf import Shelf

Made = TypeVar("Made")


def filled(data_dir: Path, fill: Callable[[Shelf], Awaitable[Made]]) -> Made:
    """Fill a new registry, an hour ago as its clock goes; returns what `fill` does."""

    async def run() -> Made:
        database, clock = SqliteDatabase(data_dir / "registry.sqlite"), HandClock()
        clock.now = datetime.now(UTC) - timedelta(hours=1)
        database.open()
        made = await fill(Shelf(database, clock))
        database.close()
        return made

    return asyncio.run(run())
