"""Check and repair, beside a running registry: the corruption matrix."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.integrity import Kind, Outcome
from acrux.services.content.integrity.report import Options, Report
from acrux.settings import Settings
from tests.http.caller import Caller
from tests.images import image
from tests.integrity.corruptions import CORRUPTIONS, DIGEST, IMAGE, LAYER, LOOSE, Corruption, Data

BUSY = "busy"
PUSHES = 3  # beside each check, at least


@pytest.fixture(autouse=True)
def _without_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acrux.pacing.LEAST_SECONDS", 0)


class Pushes:
    """A client that pushes images, overwrites its tag and deletes, while the block runs."""

    def __init__(self, admin: Caller) -> None:
        self.digests: set[str] = set()
        self._admin = admin

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Push from before the block to after it; a push that is refused fails the test."""
        self._stop, self._begun = asyncio.Event(), asyncio.Event()
        pushing = asyncio.create_task(self._push())
        await self._begun.wait()
        try:
            yield
        finally:
            self._stop.set()
            await pushing

    async def _push(self) -> None:
        count = 0
        while count < PUSHES or not self._stop.is_set():
            new = image(os.urandom(3000), b"base", b"third")
            contents = (*new.blobs, new.manifest)
            self.digests |= {Digest.of(content).encoded for content in contents}
            answer = await self._admin.push(BUSY, "v1", new)
            assert answer.status == 201, answer.body
            if count % 2:
                deleted = await self._admin.call("DELETE", f"/v2/{BUSY}/manifests/{new.digest}")
                assert deleted.status == 202, deleted.body
            self._begun.set()
            count += 1


class Checked:
    """A registry with one image, its checks beside pushes, and what they changed."""

    def __init__(self, registry: Registry, admin: Caller, data: Data) -> None:
        self.data = data
        self._registry = registry
        self._pushes = Pushes(admin)

    async def check(self, *, deep: bool = False, repair: bool = False) -> Report:
        """Check all, while somebody pushes."""
        async with self._pushes.going_on():
            return await self._registry.services.integrity.check(Options(deep, repair))

    def state(self) -> dict[tuple[str, str], object]:
        """All but what the pushes change."""
        return self.data.state(BUSY, self._pushes.digests)

    def touched(self, before: dict[tuple[str, str], object]) -> set[str]:
        """The tables whose rows differ from before; "files" if files do."""
        # The second time without what was pushed since.
        now, gone = self.state(), self._pushes.digests
        then = {key: value for key, value in before.items() if not any(d in key[1] for d in gone)}
        return {key[0] for key in now.keys() | then.keys() if now.get(key, 0) != then.get(key, 0)}


@pytest.fixture
async def checked(registry: Registry, admin: Caller, settings: Settings) -> Checked:
    """A registry that holds IMAGE, and LOOSE."""
    assert (await admin.push("app", "v1", IMAGE)).status == 201
    assert (await admin.push_blob("app", LOOSE)).status == 201
    return Checked(registry, admin, Data(settings.data_dir))


def _set(text: str) -> set[str]:
    return set(text.split())


def _by(report: Report, outcome: Outcome) -> set[str]:
    return {finding.kind.value for finding in report.findings if finding.outcome is outcome}


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda one: one.name)
class TestMatrix:
    """Each class of damage, beside pushes."""

    async def test_a_check_finds_it_and_touches_nothing(
        self, corruption: Corruption, checked: Checked
    ) -> None:
        """A check that nobody dares to run finds nothing."""
        corruption.damage(checked.data)
        before = checked.state()

        shallow, deep = await checked.check(), await checked.check(deep=True)

        assert set(shallow.found) == _set(corruption.shallow)
        assert set(deep.found) == _set(corruption.shallow) | _set(corruption.deep)
        for report in (shallow, deep):
            damage = [kind for kind in report.found if not Kind(kind).is_leftover]
            assert report.is_whole == (not damage)
            assert _by(report, Outcome.REPAIRED) == set()
        assert checked.touched(before) == set()

    async def test_a_repair_corrects_what_it_can_and_touches_nothing_else(
        self, corruption: Corruption, checked: Checked
    ) -> None:
        """A repair that loses something is worse than none."""
        corruption.damage(checked.data)
        before = checked.state()

        report = await checked.check(deep=True, repair=True)
        touched = checked.touched(before)
        again = await checked.check(deep=True)

        assert _by(report, Outcome.REPAIRED) == _set(corruption.repaired)
        assert _by(report, Outcome.QUARANTINED) == _set(corruption.quarantined)
        assert touched == _set(corruption.touched)
        found = _set(corruption.shallow) | _set(corruption.deep)
        left = found - _set(corruption.repaired)
        if corruption.repaired:
            left -= {
                "wrong-link-size",  # the size that was wrong was the blob's
                "orphaned-copy",  # its bytes are shared with the new copy, and as young
            }
        quarantined = {"quarantined-blob"} if corruption.quarantined else set()
        assert set(again.found) == left - _set(corruption.quarantined) | quarantined


@pytest.mark.parametrize(
    "corruption",
    [one for one in CORRUPTIONS if "blob" in f"{one.shallow} {one.deep}"],
    ids=lambda one: one.name,
)
async def test_what_is_not_repaired_a_push_heals(
    corruption: Corruption, checked: Checked, admin: Caller
) -> None:
    """What is in quarantine is never served, and is replaced as if it were missing."""
    corruption.damage(checked.data)
    await checked.check(deep=True, repair=True)

    assert (await admin.push("app", "v1", IMAGE)).status == 201

    assert (await checked.check(deep=True)).is_whole
    assert (await admin.call("GET", f"/v2/app/blobs/{DIGEST}")).body == LAYER


async def test_a_finding_names_the_tags_that_cannot_be_pulled(
    checked: Checked, admin: Caller
) -> None:
    """A digest alone tells nobody whom to ask for another push."""
    await admin.push("other", "stable", IMAGE)
    checked.data.write(b"")

    [finding] = (await checked.check()).findings

    assert finding.affected.names == ("app:v1", "other:stable")
    assert finding.kind.advice
