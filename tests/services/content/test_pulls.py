"""Notes of last pulls: in memory, and written in batches."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from acrux.domain.content.digest import Digest
from acrux.domain.content.names import Reference, RepositoryName, Tag
from acrux.errors import StorageExhausted
from acrux.ports.content.pulls import Pull
from acrux.services.content.pulls import AT_ONCE, WRITTEN_EVERY, Pulls
from tests.http.conftest import HandClock

APP, OTHER = map(RepositoryName.parse, ("team/app", "team/other"))
LATEST, STABLE = map(Tag.parse, ("latest", "stable"))
DIGEST, NEWER = Digest.of(b"manifest"), Digest.of(b"newer manifest")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MOST = 10


class Recorded:
    """The port Pulls in memory; it counts transactions, and its disk may be full."""

    def __init__(self) -> None:
        self.last: dict[tuple[RepositoryName, Reference], datetime] = {}
        self.transactions = 0
        self.is_full = False
        self.began: datetime | None = None

    async def record(self, pulls: Sequence[Pull]) -> None:
        """See ports.Pulls."""
        if self.is_full:
            raise StorageExhausted("the disk is full")
        self.transactions += 1
        references = [(pull.repository, pull.reference) for pull in pulls]
        assert len(references) == len(set(references)) <= 2 * AT_ONCE
        for key, pull in zip(references, pulls, strict=True):
            self.last[key] = max(pull.at, self.last.get(key, pull.at))

    async def begin(self, at: datetime) -> None:
        """See ports.Pulls."""
        if self.is_full:
            raise StorageExhausted("the disk is full")
        self.began = self.began or at

    async def since(self) -> datetime | None:
        """See ports.Pulls."""
        return self.began


class Slow(Recorded):
    """Another request pulls while a transaction is on its way."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__()
        self.clock = clock
        self.pulls = Pulls(self, clock)

    async def record(self, pulls: Sequence[Pull]) -> None:
        """See ports.Pulls."""
        await super().record(pulls)
        if self.transactions == 1:
            await pass_time(self.pulls, self.clock, seconds=20)
            self.pulls.note(APP, LATEST, DIGEST)


@pytest.fixture
def recorded() -> Recorded:
    """Nothing is recorded yet."""
    return Recorded()


@pytest.fixture
def pulls(recorded: Recorded, clock: HandClock) -> Pulls:
    """Nothing was pulled yet."""
    return Pulls(recorded, clock, most=MOST)


async def pass_time(pulls: Pulls, clock: HandClock, **units: float) -> None:
    """Let the time pass, and the background task run at its end."""
    clock.forward(**units)
    await pulls.keep()


async def test_a_pull_by_tag_counts_for_the_tag_and_for_its_manifest(
    pulls: Pulls, recorded: Recorded
) -> None:
    """docker asks for the tag, and only then for the manifest by its digest."""
    pulls.note(APP, LATEST, DIGEST)
    await pulls.write_down()

    assert recorded.last == {(APP, LATEST): NOON, (APP, DIGEST): NOON}


async def test_a_pull_by_digest_counts_for_the_manifest_alone(
    pulls: Pulls, recorded: Recorded
) -> None:
    """The tags that point at it may all be unused."""
    pulls.note(APP, DIGEST, DIGEST)
    await pulls.write_down()

    assert recorded.last == {(APP, DIGEST): NOON}


async def test_the_same_manifest_by_two_tags_has_the_later_time(
    pulls: Pulls, recorded: Recorded, clock: HandClock
) -> None:
    """A transaction would contain two times of one manifest."""
    recorded.is_full = True
    pulls.note(APP, LATEST, DIGEST)
    with pytest.raises(StorageExhausted):
        await pass_time(pulls, clock, minutes=1)
    pulls.note(APP, STABLE, DIGEST)
    recorded.is_full = False
    await pulls.write_down()

    later = NOON + timedelta(minutes=1)
    assert recorded.last == {(APP, LATEST): NOON, (APP, STABLE): later, (APP, DIGEST): later}


async def test_a_moved_tag_counts_for_both_manifests(pulls: Pulls, recorded: Recorded) -> None:
    """The one that it pointed at before was pulled too."""
    pulls.note(APP, LATEST, DIGEST)
    pulls.note(APP, LATEST, NEWER)
    pulls.note(OTHER, LATEST, NEWER)
    await pulls.write_down()

    assert recorded.last.keys() == {
        (APP, LATEST), (APP, DIGEST), (APP, NEWER), (OTHER, LATEST), (OTHER, NEWER),
    }  # fmt: skip


async def test_the_time_is_the_minute_of_the_pull(
    pulls: Pulls, recorded: Recorded, clock: HandClock
) -> None:
    """The time of writing would be later the longer the disk was full."""
    await pass_time(pulls, clock, minutes=3, seconds=42, microseconds=7)
    pulls.note(APP, LATEST, DIGEST)
    await pass_time(pulls, clock, minutes=5)

    assert recorded.last[APP, LATEST] == NOON + timedelta(minutes=3)


async def test_a_thousand_pulls_are_one_transaction_and_none_is_none(
    pulls: Pulls, recorded: Recorded, clock: HandClock
) -> None:
    """Every pull would wait for the disk, or an idle registry would never let it rest."""
    for _ in range(1000):
        pulls.note(APP, LATEST, DIGEST)
    await pass_time(pulls, clock, minutes=1)
    await pass_time(pulls, clock, minutes=1)

    assert recorded.transactions == 1


async def test_notes_are_written_after_half_a_minute(
    pulls: Pulls, recorded: Recorded, clock: HandClock
) -> None:
    """What a crash loses would not be what is promised."""
    pulls.note(APP, LATEST, DIGEST)
    await pass_time(pulls, clock, seconds=WRITTEN_EVERY.total_seconds() - 1)
    assert not recorded.last
    await pass_time(pulls, clock, seconds=1)
    assert recorded.last


async def test_a_clock_that_is_set_back_delays_nothing(
    pulls: Pulls, recorded: Recorded, clock: HandClock
) -> None:
    """Nothing would be written until the clock has caught up."""
    pulls.note(APP, LATEST, DIGEST)
    await pass_time(pulls, clock, days=-1)

    assert recorded.last[APP, LATEST] == NOON


async def test_half_of_the_room_is_written_early(
    pulls: Pulls, recorded: Recorded, clock: HandClock
) -> None:
    """A client that copies a whole registry would crowd out what the others pull."""
    for number in range(MOST // 2):
        pulls.note(APP, Tag.parse(f"t{number}"), DIGEST)
    await pass_time(pulls, clock, seconds=1)

    assert len(recorded.last) == MOST // 2 + 1


async def test_more_than_there_is_room_for_is_counted_once(
    pulls: Pulls, recorded: Recorded, clock: HandClock
) -> None:
    """The memory would grow without bound, or nobody would learn of the loss."""
    for number in range(MOST + 3):
        pulls.note(APP, Tag.parse(f"t{number}"), DIGEST)

    assert await pulls.keep() == 3
    assert len(recorded.last) == MOST + 1
    clock.forward(minutes=1)
    assert await pulls.keep() == 0


async def test_what_is_noted_already_is_never_lost_for_want_of_room(
    pulls: Pulls, recorded: Recorded, clock: HandClock
) -> None:
    """A tag in constant use would look older and older while the disk is full."""
    recorded.is_full = True
    for number in range(MOST):
        pulls.note(APP, Tag.parse(f"t{number}"), DIGEST)
    with pytest.raises(StorageExhausted):
        await pass_time(pulls, clock, hours=1)
    pulls.note(APP, Tag.parse("t0"), DIGEST)
    recorded.is_full = False
    await pass_time(pulls, clock, minutes=1)

    assert recorded.last[APP, Tag.parse("t0")] == NOON + timedelta(hours=1)
    assert recorded.last[APP, Tag.parse("t1")] == NOON


async def test_a_full_disk_loses_no_note_and_no_count(
    pulls: Pulls, recorded: Recorded, clock: HandClock
) -> None:
    """Retention would delete what was in use while the disk was full."""
    recorded.is_full = True
    for number in range(MOST + 3):
        pulls.note(APP, Tag.parse(f"t{number}"), DIGEST)
    for _ in range(3):
        with pytest.raises(StorageExhausted):
            await pass_time(pulls, clock, minutes=1)
    recorded.is_full = False
    clock.forward(minutes=1)

    assert await pulls.keep() == 3
    assert set(recorded.last.values()) == {NOON}
    assert len(recorded.last) == MOST + 1


@pytest.mark.parametrize(("is_full", "lost"), [(False, 3), (True, MOST + 3)])
async def test_the_end_says_how_many_were_lost(
    pulls: Pulls, recorded: Recorded, is_full: bool, lost: int
) -> None:
    """Whoever stops a registry on a full disk would not know what retention does not know."""
    recorded.is_full = is_full
    for number in range(MOST + 3):
        pulls.note(APP, Tag.parse(f"t{number}"), DIGEST)

    assert await pulls.close() == lost


async def test_many_notes_are_written_in_transactions_of_bounded_size(
    recorded: Recorded, clock: HandClock
) -> None:
    """Pushes would wait for one long transaction."""
    pulls = Pulls(recorded, clock)
    for number in range(2 * AT_ONCE + 1):
        pulls.note(APP, Tag.parse(f"t{number}"), Digest.of(str(number).encode()))
    await pulls.write_down()

    assert recorded.transactions == 3
    assert len(recorded.last) == 2 * (2 * AT_ONCE + 1)


async def test_a_pull_during_a_write_is_written_with_the_next_one(clock: HandClock) -> None:
    """It would be taken for the one that was just written."""
    clock.forward(seconds=50)
    slow = Slow(clock)
    slow.pulls.note(APP, LATEST, DIGEST)
    await slow.pulls.write_down()
    assert slow.last[APP, LATEST] == NOON
    await slow.pulls.write_down()

    assert slow.last[APP, LATEST] == NOON + timedelta(minutes=1)


async def test_pulls_are_recorded_since_the_first_run(
    pulls: Pulls, recorded: Recorded, clock: HandClock
) -> None:
    """Retention would take what was pulled before the upgrade for unused."""
    assert await pulls.since() == NOON  # not yet: whatever was pulled before is unknown
    recorded.is_full = True
    with pytest.raises(StorageExhausted):
        await pass_time(pulls, clock, minutes=1)
    recorded.is_full = False
    await pass_time(pulls, clock, minutes=1)
    await pass_time(pulls, clock, minutes=1)

    assert await pulls.since() == NOON + timedelta(minutes=2)
