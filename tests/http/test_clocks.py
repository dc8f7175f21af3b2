"""A registry whose clock jumps, wired as one that runs: only the clocks are moved by hand."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from acrux.bootstrap.application import Registry, build
from acrux.clocks import running
from acrux.domain.audit.decision import Record, Search
from acrux.settings import Settings
from tests.http.caller import Caller
from tests.http.conftest import HandClock, Lines

FAR = timedelta(days=400)
DAY = timedelta(days=1)


@dataclass
class Machine:
    """A wall clock, a count of seconds, and a log."""

    settings: Settings
    wall: HandClock = field(default_factory=HandClock)
    seconds: float = 1000.0
    log: Lines = field(default_factory=Lines)

    def passes(self, time: timedelta) -> None:
        """Let time pass on both clocks."""
        self.seconds += time.total_seconds()
        self.wall.now += time

    @asynccontextmanager
    async def start(self) -> AsyncIterator[Registry]:
        """A registry that is open on this machine."""
        clocks = running(self.log, self.wall, lambda: self.seconds)
        registry = build(self.settings, clocks, self.log)
        await registry.lifespan.open()
        try:
            yield registry
        finally:
            await registry.lifespan.close()


@pytest.fixture
def machine(settings: Settings) -> Machine:
    """A machine whose clock is right."""
    return Machine(settings)


async def password(registry: Registry) -> str:
    """A password of the administrator."""
    created = await registry.services.accounts.create_administrator("acrux")
    assert created is not None
    first = created.passwords[0].value
    assert first is not None
    return first.reveal()


async def tell(registry: Registry, secret: str) -> Record:
    """Log in, have the audit log write its records, and return the new one."""
    before = {record.id for record in await records(registry)}
    await Caller(registry, "acrux", secret).login("registry:catalog:*")
    await registry.services.audit_log.keep()
    (new,) = [record for record in await records(registry) if record.id not in before]
    return new


async def records(registry: Registry) -> list[Record]:
    """All records, read in pages of one."""
    found: list[Record] = []
    step = Search(limit=1, oldest_first=True)
    while page := await registry.services.audit_log.search(step):
        found += page
        step = Search(limit=1, oldest_first=True, after=page[-1].id)
    return found


def is_about(at: datetime, expected: datetime) -> bool:
    """Whether the instants are less than a minute apart."""
    return abs(at - expected) < timedelta(minutes=1)


async def test_what_is_recorded_after_a_jump_ahead_has_its_own_time_and_place(
    machine: Machine,
) -> None:
    """For 400 days, the audit would date every event in the future."""
    async with machine.start() as registry:
        secret = await password(registry)
        before = await tell(registry, secret)
        machine.passes(timedelta(seconds=10))
        machine.wall.now += FAR
        machine.passes(timedelta(seconds=1))
        astray = await tell(registry, secret)
        machine.wall.now -= FAR
        machine.passes(timedelta(seconds=10))

        after, later = await tell(registry, secret), await tell(registry, secret)

        assert is_about(after.at, machine.wall.now)
        assert [before, after, later, astray] == await records(registry)
        newest = await registry.services.audit_log.search(Search(until=machine.wall.now + DAY))
        assert [before, after, later] == list(newest)
    jumps = [line for line in machine.log.lines if line["event"] == "clock-jump"]
    assert len(jumps) == 1


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_is_recorded_while_the_clock_is_far_behind_is_not_old_afterwards(
    machine: Machine, restarted: bool
) -> None:
    """A minute of a wrong clock would drop that minute's records from the audit."""
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(machine.start())
        secret = await password(registry)
        machine.wall.now -= FAR
        machine.passes(timedelta(minutes=1))
        if restarted:
            await stack.aclose()
            registry = await stack.enter_async_context(machine.start())

        told = await tell(registry, secret)
        machine.passes(timedelta(minutes=1))
        machine.wall.now += FAR
        machine.passes(timedelta(minutes=2))
        await registry.services.audit_log.keep()

        assert told in await records(registry)
        assert is_about(told.at, machine.wall.now - timedelta(minutes=3)) or restarted


@pytest.mark.parametrize("jump", [FAR, -FAR])
@pytest.mark.parametrize("hours", [0, 1, 23])
@pytest.mark.parametrize("restarted", [False, True])
async def test_no_jump_ages_the_audit_by_more_than_a_day(
    machine: Machine, jump: timedelta, hours: int, restarted: bool
) -> None:
    """The audit is how you find out afterwards what happened."""
    async with AsyncExitStack() as stack:
        registry = await stack.enter_async_context(machine.start())
        told = await tell(registry, await password(registry))
        machine.passes((machine.settings.audit_days - 3) * DAY)
        await registry.services.audit_log.keep()
        machine.wall.now += jump
        if restarted:
            await stack.aclose()
            registry = await stack.enter_async_context(machine.start())
        for _ in range(hours):
            machine.passes(timedelta(hours=1))
            await registry.services.audit_log.keep()
        machine.wall.now -= jump
        machine.passes(timedelta(minutes=2))
        await registry.services.audit_log.keep()

        assert told in await records(registry)
        machine.passes(4 * DAY)
        await registry.services.audit_log.keep()
        assert told not in await records(registry)
