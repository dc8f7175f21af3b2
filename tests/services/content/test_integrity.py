"""A check is resumed, paced, and looks again before it reports or repairs."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from acrux.adapters.inspection import FileInspection
from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.database import Statement
from acrux.adapters.sql.facts import SqlFacts
from acrux.adapters.sql.integrity.rows import SqlRows
from acrux.domain.content.integrity.findings import (
    MAX_AFFECTED,
    Affected,
    Finding,
    Kind,
    Outcome,
    affected_by,
)
from acrux.domain.content.storage.space import Chain, Ground, Keeper, Kept, Step, Thing
from acrux.errors import NotYet, StorageUnavailable, TooManyRequests
from acrux.ports.content.integrity.rows import Cursor, Fault, Scan
from acrux.services.content.integrity import blobs, parts
from acrux.services.content.integrity.blobs import BlobPart, Healing
from acrux.services.content.integrity.integrity import FACT, LEASE, Integrity
from acrux.services.content.integrity.pace import Pace
from acrux.services.content.integrity.parts import CopyPart, DatabasePart, RowPart, StrangerPart
from acrux.services.content.integrity.report import MAX_FINDINGS, Options, Report
from acrux.services.content.integrity.run import Part, Run
from tests.http.conftest import HandClock
from tests.services.content.workers import APP, HELD, OTHER, V1, Between, Worker, image, layer
from tests.tools import blob_files, copy_file

ONE = image("one", "base", "only one")
BASE = layer("base")
SPARE = "0123456789abcdef"


class Steps:
    """A part of so many steps, each of which finds something and may be interrupted."""

    def __init__(self, name: str, count: int) -> None:
        self.name = name
        self.seen: list[str] = []
        self.at: dict[str, Callable[[], Awaitable[object]]] = {}
        self._count = count

    async def step(self, after: Cursor, run: Run) -> Cursor:
        """Look at one more."""
        number = int(after[0]) + 1 if after else 1
        run.found(Finding(Kind.UNKNOWN_FILE, f"{self.name} {number}"))
        if happens := self.at.pop(str(number), None):
            await happens()
        self.seen.append(str(number))
        following = (str(number),) if number < self._count else ()
        await run.looked(self.name, 1, following)
        return following


class Checker:
    """A worker, and checks of its folder."""

    def __init__(self, worker: Worker, clock: HandClock) -> None:
        self.worker, self.clock = worker, clock
        rules = Rules(Grace(clock, timedelta(days=1), held=HELD))
        self.rows: Any = Between(SqlRows(worker.database, rules))
        self.files: Any = Between(FileInspection(worker.folder))
        self.facts = SqlFacts(worker.database)
        self.leases: Any = worker.leases
        self.waited = timedelta()
        store: Any = worker.store
        garbage: Any = worker.garbage
        self.healing = Healing(self.rows, self.files, store, clock)
        self.blobs = BlobPart(self.rows, self.files, self.healing)
        self.copies = CopyPart(self.rows, self.files, store, garbage, clock, HELD)

    def integrity(self, *chosen: Part) -> Integrity:
        """A check of these parts."""
        return Integrity(
            chosen, self.rows, self.facts, self.leases, self.clock, "me", self._pause, _rest
        )

    async def _pause(self, until: datetime) -> None:
        self.waited += until - self.clock()
        self.clock.now = until

    async def check(self, *chosen: Part, **options: Any) -> Report:
        """Check these parts."""
        return await self.integrity(*chosen).check(Options(**options))


async def _rest() -> None:
    pass


async def _fail() -> None:
    raise StorageUnavailable("the disk is gone")


@pytest.fixture
async def checker(tmp_path: Path, clock: HandClock) -> Any:
    """A registry that holds one image."""
    worker = Worker(tmp_path, clock)
    await worker.push(ONE, V1)
    yield Checker(worker, clock)
    worker.close()


def _damage(checker: Checker) -> None:
    [file] = blob_files(checker.worker.folder, BASE)
    file.write_bytes(b"BASE")


class TestResumption:
    """An interrupted check goes on."""

    async def test_it_goes_on_after_the_last_step(self, checker: Checker) -> None:
        """A deep check of a large registry takes days, and machines are restarted."""
        one, two = Steps("one", 2), Steps("two", 3)
        two.at["3"] = _fail
        with pytest.raises(StorageUnavailable):
            await checker.check(one, two)

        report = await checker.check(one, two)

        assert (one.seen, two.seen) == (["1", "2"], ["1", "2", "3"])
        assert report.is_resumed
        assert report.found == {"unknown-file": 5}, "nothing counts twice"
        assert report.looked_at == {"one": 2, "two": 3}
        assert [finding.name for finding in report.findings][-1] == "two 3"
        assert not (await checker.check(one, two)).is_resumed

    async def test_a_cancelled_one_goes_on_too(self, checker: Checker) -> None:
        """Whoever presses Ctrl-C wants the disk, not another beginning."""
        part, blocked = Steps("one", 3), asyncio.Event()

        async def block() -> None:
            blocked.set()
            await asyncio.Event().wait()

        part.at["2"] = block
        running = asyncio.create_task(checker.check(part))
        await blocked.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

        assert (await checker.check(part)).is_resumed
        assert part.seen == ["1", "2", "3"]

    @pytest.mark.parametrize("killed_after", [0, 6])
    async def test_a_killed_one_goes_on_where_it_was_seconds_ago(
        self, checker: Checker, killed_after: int
    ) -> None:
        """A kill lets nothing be noted at the end."""
        part = Steps("one", 3)

        async def killed() -> None:
            noted = await checker.facts.find(FACT) or ""
            assert ('"after":["1"]' in noted) == bool(killed_after)

        async def pass_time() -> None:
            checker.clock.forward(seconds=killed_after)

        part.at = {"1": pass_time, "2": killed}
        await checker.check(part)

    @pytest.mark.parametrize(
        "options", [{"deep": True}, {"repair": True}, {"restart": True}], ids=str
    )
    async def test_another_check_begins_again(
        self, checker: Checker, options: dict[str, bool]
    ) -> None:
        """What a shallow check has seen, a deep one has not."""
        part = Steps("one", 3)
        part.at["2"] = _fail
        with pytest.raises(StorageUnavailable):
            await checker.check(part)

        assert not (await checker.check(part, **options)).is_resumed
        assert part.seen == ["1", "1", "2", "3"]

    async def test_after_a_week_it_begins_again(self, checker: Checker) -> None:
        """What was whole then says little of now."""
        part = Steps("one", 2)
        part.at["2"] = _fail
        with pytest.raises(StorageUnavailable):
            await checker.check(part)
        checker.clock.forward(days=7)

        assert not (await checker.check(part)).is_resumed

    async def test_what_another_version_noted_is_ignored(self, checker: Checker) -> None:
        """An upgrade must not end every check with an error."""
        await checker.facts.keep(FACT, '{"deep": 1}')

        assert not (await checker.check(Steps("one", 1))).is_resumed


class TestRepairs:
    """One check at a time repairs."""

    async def test_a_second_one_is_refused(self, checker: Checker) -> None:
        """Both would add the same difference to a counter."""
        until = checker.clock() + timedelta(minutes=1)
        await checker.leases.acquire(LEASE, "other", until, checker.clock())

        with pytest.raises(TooManyRequests, match="another check"):
            await checker.check(repair=True)

        await checker.check()

    async def test_a_long_one_keeps_its_lease_and_gives_it_back(self, checker: Checker) -> None:
        """A deep one takes longer than any lease."""
        part = Steps("one", 3)

        async def pass_time() -> None:
            checker.clock.forward(minutes=4)

        part.at = {"1": pass_time, "2": pass_time, "3": pass_time}
        await checker.check(part, repair=True)

        assert await checker.leases.find(LEASE, checker.clock()) is None

    async def test_nothing_is_checked_until_all_is_counted(self, checker: Checker) -> None:
        """References that are not rows yet would all be missing."""
        await checker.worker.database.write(_uncount())

        with pytest.raises(NotYet):
            await checker.check()


def _uncount() -> Any:
    yield Statement("UPDATE usage SET blobs_to = ''", {})


class TestPace:
    """Others can use the disk."""

    async def test_bytes_are_read_at_the_rate(self, checker: Checker) -> None:
        """A check at full speed makes every pull wait."""
        report = await checker.check(checker.blobs, deep=True, rate=4)

        assert report.read == len("base" + "only one" + "config of one")
        assert checker.waited == timedelta(seconds=report.read / 4)

    async def test_without_a_rate_nothing_waits(self, checker: Checker) -> None:
        """A registry that is stopped has nobody to wait for."""
        await checker.check(checker.blobs, deep=True)

        assert checker.waited == timedelta()

    async def test_a_clock_that_is_set_back_stops_nothing(self, clock: HandClock) -> None:
        """It would wait for the hours that come twice."""
        waited: list[datetime] = []

        async def pause(until: datetime) -> None:
            waited.append(until)

        pace = Pace(1_000_000, clock, pause)
        await pace.spend(1000)
        assert waited == [], "what is short is waited for together"
        clock.forward(hours=-2)
        await pace.spend(2_000_000)

        assert waited == [clock() + timedelta(seconds=3)]


class TestBesidePushes:
    """What was pushed again or removed meanwhile is not wrong."""

    @pytest.fixture(params=["pushed again", "collected"])
    def change(self, request: pytest.FixtureRequest, checker: Checker) -> Any:
        """What happens between two looks at the damaged blob."""

        async def happens() -> None:
            if request.param == "pushed again":
                await checker.worker.push_blob(b"base")
            else:
                await checker.worker.metadata.unlink_blob(APP, BASE)

        happens.name = request.param  # type: ignore[attr-defined]
        return happens

    async def test_it_is_looked_at_again_before_it_is_reported(
        self, checker: Checker, change: Any
    ) -> None:
        """Every check beside pushes would find damage that is none."""
        _damage(checker)
        checker.files.before("verify", change)

        report = await checker.check(checker.blobs, deep=True, repair=True)

        assert report.found == {}

    async def test_a_blob_that_changes_while_it_is_healed_stays_as_it_is(
        self, checker: Checker, change: Any
    ) -> None:
        """The copy that was just pushed is the one that somebody waits for."""
        _damage(checker)
        copy_file(checker.worker.folder, BASE, SPARE).write_bytes(b"base")
        checker.files.after("copies_of", change)

        await checker.check(checker.blobs, deep=True, repair=True)

        assert await checker.worker.has_blob(BASE) == (change.name == "pushed again")
        names = {file.name.partition(".")[2] for file in blob_files(checker.worker.folder, BASE)}
        assert len(names) == 2 + (change.name == "pushed again"), "the new copy is removed"

    async def test_a_spare_copy_that_is_removed_meanwhile_heals_nothing(
        self, checker: Checker
    ) -> None:
        """The collection goes on."""
        _damage(checker)
        spare = copy_file(checker.worker.folder, BASE, SPARE)
        spare.write_bytes(b"base")

        async def remove() -> None:
            spare.unlink()

        checker.files.before("copy_again", remove)
        report = await checker.check(checker.blobs, deep=True, repair=True)

        assert [finding.outcome for finding in report.findings] == [Outcome.QUARANTINED]

    async def test_two_links_without_a_blob_are_healed_once(self, checker: Checker) -> None:
        """The second repair finds it done."""
        await checker.worker.push(ONE, V1, repository=OTHER)
        await checker.worker.database.write(_forget(BASE))
        links = RowPart(Scan.LINKS, checker.rows, checker.healing)

        report = await checker.check(links, repair=True)

        assert (report.found, report.repaired) == ({"link-without-blob": 2},) * 2
        assert await checker.worker.has(V1)


def _forget(digest: object) -> Any:
    yield Statement("DELETE FROM blobs WHERE digest = :digest", {"digest": str(digest)})


class TestBounds:
    """A million of anything fits."""

    async def test_pages_of_one_find_the_same(
        self, checker: Checker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever lies beyond the first page would never be checked."""
        for name in ("ROWS", "COPIES"):
            monkeypatch.setattr(parts, name, 1)
        monkeypatch.setattr(blobs, "BLOBS", 1)
        everything: list[Part] = [
            checker.blobs,
            *(RowPart(scan, checker.rows, checker.healing) for scan in Scan),
            checker.copies,
            StrangerPart(checker.files),
        ]

        report = await checker.check(*everything)

        assert report.is_whole
        assert report.looked_at == {
            "blobs": 3, "links": 3, "manifests": 1, "references": 3, "tags": 1, "repositories": 1,
            "parts": 256, "copies": 3, "folders": 516,
        }  # fmt: skip

    async def test_so_many_findings_are_named_and_all_are_counted(self, checker: Checker) -> None:
        """A disk that lost everything must not fill the memory."""
        folder = checker.worker.folder / "blobs" / "sha256" / "00"
        folder.mkdir(exist_ok=True)
        for number in range(150):
            (folder / f"strange {number}").touch()

        report = await checker.check(*[StrangerPart(checker.files)] * 11)

        assert report.found == {"unknown-file": 1650}
        assert len(report.findings) == MAX_FINDINGS
        assert report.is_whole, "they only take space"

    async def test_no_more_is_looked_up_for_what_is_not_named(self, checker: Checker) -> None:
        """What uses a blob is looked for in every repository."""
        _damage(checker)
        part = Steps("one", MAX_FINDINGS)

        report = await checker.check(part, checker.blobs, deep=True)

        assert report.found["damaged-blob"] == 1
        assert len(report.findings) == MAX_FINDINGS


class TestDamagedDatabase:
    """Its rows say nothing of what is there."""

    async def test_nothing_else_is_checked_or_repaired(self, checker: Checker) -> None:
        """A repair that believes damaged rows destroys what was whole."""

        class Broken:
            async def broken(self, *, deep: bool) -> list[str]:
                return ["row 1 missing from index tags_by_time"]

        rows: Any = Broken()
        rest = Steps("rest", 1)

        report = await checker.check(DatabasePart(rows), rest, repair=True)

        assert [finding.detail for finding in report.findings] == [
            "row 1 missing from index tags_by_time"
        ]
        assert not report.is_whole
        assert rest.seen == []


def _kept(*keepers: Keeper, more: bool = False) -> Kept:
    return Kept(BASE, 4, keepers, more=more)


class TestAffected:
    """A finding says what cannot be pulled."""

    def test_by_its_tags_or_digests_or_repository(self, clock: HandClock) -> None:
        """In the order in which they keep it."""
        steps = {thing: Step(thing, thing.value, clock()) for thing in Thing}
        chains = [
            Chain((steps[Thing.TAG], steps[Thing.BLOB]), Ground.TAG),
            Chain((steps[Thing.INDEX], steps[Thing.BLOB]), Ground.UNTAGGED),
            Chain((steps[Thing.BLOB],), Ground.HOLD),
            Chain((steps[Thing.BLOB],), Ground.REVIEW),
        ]

        found = affected_by(
            _kept(
                Keeper("a", tuple(chains), more=False), Keeper("b", tuple(chains[2:]), more=False)
            )
        )

        assert found == Affected(("a:tag", "a@index", "b"), more=False)

    @pytest.mark.parametrize("more", ["registry", "repository", "names"])
    def test_some_of_them(self, clock: HandClock, more: str) -> None:
        """A base layer is used by thousands."""
        keepers = [Keeper(f"team/{n}", (), more=more == "repository") for n in range(11)]
        kept = keepers if more == "names" else keepers[:1]

        found = affected_by(_kept(*kept, more=more == "registry"))

        assert found.more
        assert len(found.names) <= MAX_AFFECTED

    def test_every_kind_has_its_advice(self) -> None:
        """Whoever is told what is wrong asks what to do."""
        assert all(kind.advice for kind in Kind)


async def test_what_cannot_be_repaired_is_not(checker: Checker) -> None:
    """Each kind that has no correction is left to people."""
    fault = Fault(Kind.LOST_TAG, ("team/app", "v9"), "v9")

    assert not await checker.rows.repair(fault)


def test_what_is_kept_of_a_report_is_read_again(clock: HandClock) -> None:
    """An interrupted check goes on with it."""
    report = Report(deep=True, repair=False, began_at=clock())
    report.add(Finding(Kind.MISSING_BLOB, str(BASE), affected=Affected(("a:b",))))

    assert msgspec.json.decode(msgspec.json.encode(report.kept()), type=Report) == report
