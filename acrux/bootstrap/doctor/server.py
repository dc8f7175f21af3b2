"""Carry out the checks of a machine beside the requests of a server."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from acrux.bootstrap.doctor.machine import CHECKS, Machine
from acrux.domain.server.findings import carry_out
from acrux.ports.clock import Clock
from acrux.services.server.doctor import Examine, Tell
from acrux.settings import Settings

DATABASE_SECONDS: Final = 5.0  # of the quick check, which reads all of the database
PROBE_SECONDS: Final = 10.0


def examine(
    settings: Settings, clock: Clock, probe: Callable[[], Coroutine[Any, Any, None]]
) -> Examine:
    """What examines this machine; `probe` tries the server's own object store."""

    async def examine(tell: Tell) -> None:
        loop = asyncio.get_running_loop()

        def probe_here(_: str) -> None:  # a server serves one store alone
            asyncio.run_coroutine_threadsafe(probe(), loop).result(PROBE_SECONDS)

        machine = Machine(settings, clock(), probe_here, DATABASE_SECONDS)

        def work() -> None:
            for name, finding in carry_out(CHECKS, machine):
                loop.call_soon_threadsafe(tell, name, finding)

        await asyncio.to_thread(work)

    return examine
