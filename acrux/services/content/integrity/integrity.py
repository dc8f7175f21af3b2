"""Compare the database and the store, beside a running registry."""

from contextlib import suppress
from datetime import timedelta
from typing import Final

import msgspec

from acrux.domain.instants import BEGINNING
from acrux.errors import RegistryError, TooManyRequests
from acrux.ports.clock import Clock, Pause, Rest
from acrux.ports.content.integrity.rows import Rows
from acrux.ports.facts import Facts
from acrux.ports.leases import Leases
from acrux.services.content.integrity.pace import Pace
from acrux.services.content.integrity.report import Options, Report
from acrux.services.content.integrity.run import Keep, Part, Run, Tell, nobody
from acrux.services.leases import HeldLease

FACT: Final = "check"
LEASE: Final = "check"
LEASED_FOR: Final = timedelta(minutes=5)
KEPT_EVERY: Final = timedelta(seconds=5)


class Integrity:
    """Checks, part by part, whether all that the registry promises to have is there and whole.

    Without `repair` it changes nothing but one fact: how far it is, so that a check that was
    interrupted goes on. What it finds is looked at again before it is reported or corrected,
    because pushes and the collection go on meanwhile. One check at a time repairs.
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- one of each
        self,
        parts: tuple[Part, ...],
        rows: Rows,
        facts: Facts,
        leases: Leases,
        clock: Clock,
        holder: str,
        pause: Pause,
        rest: Rest,
    ) -> None:
        self._parts = parts
        self._rows = rows
        self._facts = facts
        self._lease = HeldLease(leases, LEASE, holder, clock, LEASED_FOR)
        self._clock = clock
        self._pause = pause
        self._rest = rest
        self._kept_at = BEGINNING

    async def check(self, options: Options, tell: Tell = nobody) -> Report:
        """Check all, and return what was found.

        Raises NotYet while what an earlier version stored is being counted, TooManyRequests if
        another check repairs, StorageUnavailable if something cannot be read.
        """
        await self._rows.check_counted()
        report = await self._begin(options)
        if report.repair:
            await self._take_lease()
        pace = Pace(options.rate, self._clock, self._pause)
        totals = await self._rows.totals()
        run = Run(report, self._rows, totals, pace, tell, self._keeper(report))
        try:
            await self._go_through(run)
            with suppress(RegistryError):  # a read-only file system has kept nothing
                await self._facts.keep(FACT, "")
        except BaseException:
            with suppress(RegistryError):
                await self._keep(report)
            raise
        finally:
            if report.repair:
                await self._lease.release()
        return report

    async def _go_through(self, run: Run) -> None:
        report = run.report
        while report.part < len(self._parts) and not run.is_over:
            part = self._parts[report.part]
            after = await part.step(report.after, run)
            run.flush()
            report.after = after
            if not after:
                report.part += 1
            await self._rest()

    async def _begin(self, options: Options) -> Report:
        now = self._clock()
        if text := await self._facts.find(FACT):
            with suppress(msgspec.DecodeError):  # of another version
                kept = msgspec.json.decode(text, type=Report)
                if kept.continues(options, now):
                    kept.is_resumed = True
                    return kept
        return Report(options.deep, options.repair, now)

    async def _take_lease(self) -> None:
        if not await self._lease.acquire():
            raise TooManyRequests(
                "another check is repairing this registry: wait until it has ended",
                retry_after=int(LEASED_FOR.total_seconds()),
            )

    def _keeper(self, report: Report) -> Keep:
        async def keep() -> None:
            if self._clock() - self._kept_at < KEPT_EVERY:
                return
            if report.repair:
                await self._take_lease()
            with suppress(RegistryError):
                await self._keep(report)

        self._kept_at = self._clock()
        return keep

    async def _keep(self, report: Report) -> None:
        self._kept_at = self._clock()
        await self._facts.keep(FACT, msgspec.json.encode(report.kept()).decode())
