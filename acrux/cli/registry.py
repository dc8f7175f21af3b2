"""Open the registry of a data directory for one command."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from acrux.bootstrap import Services, build
from acrux.cli.options import load
from acrux.errors import InvalidSettings
from acrux.settings import Settings

Result = TypeVar("Result")


def on_registry(
    config: Path | None,
    options: dict[str, object],
    act: Callable[[Services, Settings], Awaitable[Result]],
) -> Result:
    """What `act` returns on the services of the registry, whether that is running or not.

    Raises InvalidSettings where there is no registry in the data directory.
    """
    settings = load(config, options).settings
    if not settings.data_dir.is_dir():
        raise InvalidSettings(
            f"data_dir: there is no registry in {settings.data_dir}: give the --data-dir of "
            "acrux serve"
        )
    return asyncio.run(_run(settings, act))


async def _run(
    settings: Settings, act: Callable[[Services, Settings], Awaitable[Result]]
) -> Result:
    registry = build(settings)
    await registry.lifespan.open()
    try:
        return await act(registry.services, settings)
    finally:
        await registry.lifespan.close()
