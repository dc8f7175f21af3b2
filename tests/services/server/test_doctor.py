"""How often, and for how long, a server examines its machine."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from acrux.domain.server.findings import Status, ok
from acrux.services.server.doctor import KEPT_SECONDS, Doctor, Tell

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
NAMES = ("disk", "database", "clock")


@dataclass
class Machine:
    """A machine whose database answers once it is let go."""

    runs: int = 0
    ticks: float = 0.0
    goes: asyncio.Event = field(default_factory=asyncio.Event)

    async def examine(self, tell: Tell) -> None:
        """Examine the disk, then the rest."""
        self.runs += 1
        tell("disk", ok("there is room"))
        await self.goes.wait()
        for name in NAMES[1:]:
            tell(name, ok("well"))

    def doctor(self, seconds: float) -> Doctor:
        """Who examines it, and lets callers wait for so many seconds."""
        return Doctor(NAMES, self.examine, lambda: NOON, lambda: self.ticks, seconds)


@pytest.fixture
def machine() -> Machine:
    """A machine of which nothing is known."""
    return Machine()


async def test_many_who_ask_are_told_of_one_run(machine: Machine) -> None:
    """Each run reads the whole database, and a page that is reloaded must not add up to many."""
    doctor = machine.doctor(30)
    asked = [asyncio.create_task(doctor.report()) for _ in range(20)]
    await asyncio.sleep(0)
    machine.goes.set()
    first, *others = await asyncio.gather(*asked)
    machine.ticks += KEPT_SECONDS - 1
    again = await doctor.report()

    assert machine.runs == 1
    assert [name for name, _ in first.findings] == [*NAMES]
    assert {id(one.findings[0][1]) for one in (*others, again)} == {id(first.findings[0][1])}

    machine.ticks += 1
    await doctor.report()
    assert machine.runs == 2


async def test_a_check_that_hangs_holds_neither_callers_nor_the_rest(machine: Machine) -> None:
    """A file system that does not answer must be named, and not take another thread each time."""
    doctor = machine.doctor(0)
    await doctor.report()
    machine.ticks += 10 * KEPT_SECONDS
    found = dict((await doctor.report()).findings)

    assert machine.runs == 1
    assert [found[name].status for name in NAMES] == [Status.OK, Status.FAILED, Status.SKIPPED]
    assert "does not answer" in found["database"].advice
    assert found["clock"].detail == "waits for the check 'database'"
    await doctor.close()


async def test_a_check_that_has_a_fault_is_not_taken_for_healthy(machine: Machine) -> None:
    """A fault of ours is logged with its traceback, as everywhere."""

    async def examine(_: Tell) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Doctor(NAMES, examine, lambda: NOON, lambda: machine.ticks).report()


async def test_a_doctor_who_was_never_asked_can_be_closed(machine: Machine) -> None:
    """Most registries are stopped before anybody asks."""
    await machine.doctor(0).close()

    assert machine.runs == 0
