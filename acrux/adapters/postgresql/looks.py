"""Whether anybody has committed: one question answers many requests."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from acrux.adapters.sql.database import Statement
from acrux.threads import Outcome, resolve

# Equal snapshots see the same committed transactions, of all clients of the server
# (https://www.postgresql.org/docs/current/functions-info.html, §9.27.13). Only a server that was
# started again may use a transaction's number once more.
VERSION: Final = Statement(
    "SELECT pg_current_snapshot()::text || ' ' || pg_postmaster_start_time()::text", {}
)

_CLOSED: Final = Outcome(failure=RuntimeError("the database is not open"))


class Looks:
    """Asks for the version of the database, and tells `saw` what the server answered.

    A look answers for all who asked before its question was sent. Who asks while a question is
    under way waits for the next one, as the server may have answered before a commit that the
    caller knows of.
    """

    def __init__(self, ask: Callable[[], Awaitable[str]], saw: Callable[[str], None]) -> None:
        self._ask = ask
        self._saw = saw
        self._waiting: list[asyncio.Future[None]] = []
        self._asking: asyncio.Task[None] | None = None

    def look(self) -> asyncio.Future[None]:
        """What is done once `saw` was told a version that is not older than this call.

        It raises what the question did.
        """
        caller = asyncio.get_running_loop().create_future()
        self._waiting.append(caller)
        if self._asking is None:
            self._asking = asyncio.create_task(self._run())
        return caller

    async def _run(self) -> None:
        while self._waiting:
            callers, self._waiting = self._waiting, []
            outcome = _CLOSED
            try:
                outcome = await self._answer()
            finally:
                for caller in callers:
                    resolve(caller, outcome)
        self._asking = None

    async def _answer(self) -> Outcome:
        try:
            self._saw(await self._ask())
        except Exception as failure:  # noqa: BLE001 -- whatever failed, the callers wait for it
            return Outcome(failure=failure)
        return Outcome()

    async def stop(self) -> None:
        """End the question under way, and refuse those who wait."""
        if self._asking is not None:
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking
        for caller in self._waiting:
            resolve(caller, _CLOSED)
