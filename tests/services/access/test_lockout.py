"""Guessing: slow for guessers, and for nobody else."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from acrux.adapters.sql.access.failed_logins import SqlFailedLogins
from acrux.adapters.sql.database import Statement
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.access.lockout import OF_ACCOUNT, OF_ACCOUNT_AT_ADDRESS, OF_ADDRESS, Subject
from acrux.errors import (
    BadCredentials,
    InvalidInput,
    StorageExhausted,
    StorageReadOnly,
    TooManyRequests,
)
from acrux.services.access.lockout import NEW_PAIRS, Lockout
from tests.http.conftest import HandClock

HOME, AWAY, GUESSER = "192.0.2.7", "198.51.100.7", "203.0.113.7"
FREE = OF_ACCOUNT_AT_ADDRESS.free


class Door:
    """One of a registry's workers, and the password that it accepts."""

    def __init__(self, path: Path, clock: HandClock) -> None:
        self.database = SqliteDatabase(path)
        self.database.open()
        self.failed_logins = SqlFailedLogins(self.database, lambda: bytes(32))
        self.lockout = Lockout(self.failed_logins, clock)
        self.verified = 0

    def check(self, password: str) -> Callable[[], Awaitable[str]]:
        """Verify a password, which takes a while."""

        async def verify() -> str:
            self.verified += 1
            await asyncio.sleep(0)
            if password != "right":
                raise BadCredentials
            return "in"

        return verify

    async def enter(self, password: str, address: str = HOME, account: str = "alice") -> str | int:
        """`in`, `wrong`, or the number of seconds to wait."""
        try:
            return await self.lockout.attempt(account, address, self.check(password))
        except BadCredentials:
            return "wrong"
        except TooManyRequests as refused:
            return refused.retry_after

    async def guess(self, times: int, address: str = HOME, account: str = "alice") -> list[object]:
        """Guess this often, one guess after the other."""
        return [await self.enter("wrong", address, account) for _ in range(times)]


@pytest.fixture
def doors(tmp_path: Path, clock: HandClock) -> Iterator[list[Door]]:
    """Two workers of one registry."""
    doors = [Door(tmp_path / "registry.sqlite", clock) for _ in range(2)]
    yield doors
    for door in doors:
        door.database.close()


@pytest.fixture
def door(doors: list[Door]) -> Door:
    """One of them."""
    return doors[0]


async def attack(door: Door, clock: HandClock) -> None:
    """Guess at one account from many addresses, each of which gets some free guesses."""
    for number in range(OF_ACCOUNT.free // FREE + 1):
        await door.guess(FREE, f"203.0.113.{number}")
    clock.forward(seconds=2)


async def test_some_mistakes_are_free_and_then_the_caller_waits(
    door: Door, clock: HandClock
) -> None:
    """People mistype, programs guess."""
    guessed = await door.guess(FREE + 1)
    clock.forward(seconds=1)
    again = await door.guess(2)

    assert guessed == ["wrong"] * FREE + [1]
    assert again == ["wrong", 2]


async def test_during_a_wait_the_right_password_is_refused_unverified(door: Door) -> None:
    """The answer would tell a guesser that the guess is right."""
    await door.guess(FREE)
    verified = door.verified

    assert await door.enter("right") == 1
    assert door.verified == verified


async def test_an_unverified_attempt_makes_no_wait_longer(door: Door, clock: HandClock) -> None:
    """A program with an old password would lock its owner out for good."""
    await door.guess(FREE + 100)
    clock.forward(seconds=1)

    assert await door.enter("right") == "in"


async def test_the_reported_wait_counts_down(door: Door, clock: HandClock) -> None:
    """Clients come back when they are told to."""
    await door.guess(FREE)
    for wait in (1, 2, 4, 8):
        clock.forward(seconds=wait)
        await door.enter("wrong")
    told = []
    for _ in range(4):
        told.append(await door.enter("right"))
        clock.forward(seconds=4.5)

    assert told == [16, 12, 7, 3]
    assert await door.enter("right") == "in"


async def test_the_right_password_resets_all_counts(door: Door) -> None:
    """Four slips in the morning and one at noon are not an attack."""
    for _ in range(10):
        assert await door.guess(FREE - 1) == ["wrong"] * (FREE - 1)
        assert await door.enter("right") == "in"


async def test_a_guesser_locks_nobody_out_of_other_addresses(door: Door) -> None:
    """Anybody could switch off anybody's account."""
    await door.guess(FREE + 1, GUESSER)

    assert isinstance(await door.enter("right", GUESSER), int)
    assert await door.enter("right", HOME) == "in"


async def test_unknown_names_wait_like_known_ones(door: Door) -> None:
    """The wait would reveal which names exist."""
    assert await door.guess(FREE + 1, account="nobody") == await door.guess(FREE + 1)


async def test_a_guesser_who_tries_many_names_waits_for_all_of_them(
    door: Door, clock: HandClock
) -> None:
    """Trying one password for a thousand users is guessing too."""
    names = [f"user-{number}" for number in range(OF_ADDRESS.free + 1)]
    guessed = [await door.enter("wrong", GUESSER, name) for name in names]

    assert guessed == ["wrong"] * OF_ADDRESS.free + [1]
    assert await door.enter("right", GUESSER, "bob") == 1
    assert await door.enter("right", HOME, "bob") == "in"
    clock.forward(seconds=1)
    assert await door.enter("right", GUESSER, "bob") == "in"


async def test_an_account_that_logged_in_from_an_address_is_not_held_up_by_guessers_there(
    door: Door, clock: HandClock
) -> None:
    """One machine could lock a whole office out."""
    await door.enter("right", GUESSER, "bob")
    await door.lockout.tidy()
    clock.forward(days=29)
    for number in range(OF_ADDRESS.free + 1):
        await door.enter("wrong", GUESSER, f"user-{number}")

    assert await door.enter("right", GUESSER, "bob") == "in"
    assert await door.enter("right", GUESSER, "carol") == 1


async def test_the_addresses_of_one_home_count_as_one(door: Door) -> None:
    """A guesser would have a new address for every guess."""
    for number in range(FREE):
        await door.enter("wrong", f"2001:db8::{number:x}")

    assert await door.enter("right", "2001:db8::ffff") == 1
    assert await door.enter("right", "2001:db8:0:1::1") == "in"


async def test_during_an_attack_on_an_account_each_new_address_gets_one_guess(
    door: Door, clock: HandClock
) -> None:
    """A thousand machines would have five thousand free guesses."""
    await attack(door, clock)

    assert await door.guess(2, AWAY) == ["wrong", 300]
    clock.forward(seconds=300)
    await attack(door, clock)
    assert await door.guess(2, AWAY) == ["wrong", 300]


async def test_an_account_under_attack_lets_its_owner_in_from_anywhere(
    door: Door, clock: HandClock
) -> None:
    """An attack would be as good as a deletion."""
    await door.enter("right", HOME)
    await door.lockout.tidy()
    await attack(door, clock)

    assert await door.enter("right", AWAY) == "in"
    assert await door.guess(FREE, HOME) == ["wrong"] * FREE  # known here: mistakes are free
    clock.forward(seconds=1)
    assert await door.enter("right", HOME) == "in"


async def test_during_an_attack_a_success_makes_no_guesses_free_again(
    door: Door, clock: HandClock
) -> None:
    """A guesser who shares an address with a busy program would never wait."""
    await door.enter("right", HOME)
    await door.lockout.tidy()
    await attack(door, clock)
    await door.guess(FREE - 1, HOME)
    await door.enter("right", HOME)

    assert await door.guess(2, HOME) == ["wrong", 1]


async def test_an_attack_is_over_soon_after_its_end(door: Door, clock: HandClock) -> None:
    """Weeks later, a new colleague who mistypes would wait five minutes."""
    await attack(door, clock)
    clock.forward(minutes=10)

    assert await door.guess(2, AWAY) == ["wrong", "wrong"]


# At once ------------------------------------------------------------------------------------------


async def test_only_the_free_ones_of_a_thousand_concurrent_guesses_are_verified(door: Door) -> None:
    """A fast guesser would finish before anything is counted."""
    guessed = await asyncio.gather(*(door.enter("wrong") for _ in range(1000)))

    assert door.verified == FREE
    assert sorted(map(str, guessed)) == ["1"] * (1000 - FREE) + ["wrong"] * FREE


async def test_only_the_free_ones_of_a_thousand_concurrent_names_are_verified(door: Door) -> None:
    """The same, over all accounts."""
    await asyncio.gather(*(door.enter("wrong", GUESSER, f"u{number}") for number in range(1000)))

    assert door.verified == OF_ADDRESS.free


async def test_a_hundred_concurrent_right_passwords_are_not_too_many(door: Door) -> None:
    """A build farm that starts in the morning would be refused."""
    entered = await asyncio.gather(*(door.enter("right") for _ in range(100)))

    assert entered == ["in"] * 100


async def test_right_passwords_wait_behind_wrong_ones_and_are_told_so(door: Door) -> None:
    """While guesses are under way, whatever arrives with them may be a guess too."""
    both = await asyncio.gather(
        *(door.enter("wrong") for _ in range(FREE)), *(door.enter("right") for _ in range(3))
    )

    assert both == ["wrong"] * FREE + [1] * 3


async def test_after_the_wait_one_attempt_is_let_through_and_not_all(
    door: Door, clock: HandClock
) -> None:
    """Each wait would end in a flood."""
    await door.guess(FREE)
    clock.forward(seconds=1)
    door.verified = 0
    await asyncio.gather(*(door.enter("wrong") for _ in range(100)))

    assert door.verified == 1


async def test_a_client_that_disconnects_leaves_no_attempt_under_way(door: Door) -> None:
    """Five broken connections would lock a user out until the next restart."""
    for _ in range(3 * FREE):
        leaving = asyncio.ensure_future(door.enter("right"))
        await asyncio.sleep(0)
        leaving.cancel()

    assert await asyncio.gather(*(door.enter("right") for _ in range(2 * FREE))) == (
        ["in"] * 2 * FREE
    )


# Workers ------------------------------------------------------------------------------------------


async def test_workers_together_let_through_no_more_than_each_would_alone(
    doors: list[Door], clock: HandClock
) -> None:
    """The limit is multiplied at most by the number of workers, until they know of each other."""
    for _ in range(3):
        await asyncio.gather(*(door.enter("wrong") for door in doors for _ in range(500)))
        clock.forward(seconds=1)
    guessed = [await door.enter("wrong") for door in doors]

    assert sum(door.verified for door in doors) <= len(doors) * (FREE + 2)
    assert all(isinstance(wait, int) for wait in guessed)


async def test_a_worker_that_fails_once_knows_what_the_others_counted(doors: list[Door]) -> None:
    """N workers would allow N times as many guesses, even one after the other."""
    await doors[0].guess(FREE - 1)

    assert await doors[1].guess(2) == ["wrong", 1]


async def test_a_wait_holds_on_every_worker(doors: list[Door]) -> None:
    """The guesser would try the next worker."""
    await doors[0].guess(FREE)
    await doors[1].failed_logins.refresh()

    assert await doors[1].enter("right") == 1


async def test_a_login_is_known_to_other_workers_and_after_a_restart(
    doors: list[Door], clock: HandClock
) -> None:
    """Only one of the workers would let the owner in."""
    await doors[0].enter("right", GUESSER, "bob")
    await doors[0].lockout.tidy()
    for number in range(OF_ADDRESS.free):
        await doors[1].enter("wrong", GUESSER, f"user-{number}")

    assert await doors[1].enter("right", GUESSER, "bob") == "in"


# At rest ------------------------------------------------------------------------------------------


async def test_a_login_every_second_is_stored_once_a_day(door: Door, clock: HandClock) -> None:
    """Every pull would become a write."""
    written = []
    for _ in range(4):
        for _ in range(10):
            await door.enter("right")
        await door.lockout.tidy()
        rows = await door.database.read(Statement("SELECT seen_at FROM known_places", {}))
        written.append(rows[0][0])
        clock.forward(hours=12)

    assert len(set(written)) == 2


async def test_what_a_worker_caches_is_bounded(door: Door, clock: HandClock) -> None:
    """Its memory would grow with every address."""
    door.lockout = Lockout(door.failed_logins, clock, cached_pairs=2)
    for number in range(5):
        await door.enter("right", f"192.0.2.{number}")
    await door.lockout.tidy()

    rows = await door.database.read(Statement("SELECT * FROM known_places", {}))
    assert len(rows) == 5


async def test_no_more_logins_wait_to_be_stored_than_there_is_room_for(
    door: Door, clock: HandClock
) -> None:
    """A crowd that logs in within a minute would fill the memory."""
    door.lockout = Lockout(door.failed_logins, clock, cached_pairs=2)
    for number in range(20):
        await door.enter("right", f"192.0.2.{number}")
    await door.lockout.tidy()

    rows = await door.database.read(Statement("SELECT * FROM known_places", {}))
    assert len(rows) == 2 * NEW_PAIRS


async def test_a_full_disk_refuses_no_right_password(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry with a full disk must still be readable."""

    async def full(*_: object) -> None:
        raise StorageExhausted

    await door.guess(2)
    monkeypatch.setattr(door.failed_logins, "forgive", full)

    assert await door.enter("right") == "in"


async def test_if_nothing_can_be_written_no_more_waits_than_is_cached(
    door: Door, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is read-only for a week would fill the memory."""

    async def refused(*_: object) -> None:
        raise StorageReadOnly

    monkeypatch.setattr(door.failed_logins, "know", refused)
    door.lockout = Lockout(door.failed_logins, clock, cached_pairs=2)
    for number in range(5):
        await door.enter("right", f"192.0.2.{number}")
    with pytest.raises(StorageReadOnly):
        await door.lockout.tidy()
    await door.lockout.tidy()


async def test_if_nothing_can_be_written_failures_are_forgotten_all_the_same(
    door: Door, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Callers choose the names: their counts would stay in memory."""

    async def refused(*_: object) -> None:
        raise StorageReadOnly

    await door.guess(2)
    await door.enter("right", "192.0.2.9")
    monkeypatch.setattr(door.database, "write", refused)
    clock.forward(hours=1)

    with pytest.raises(StorageReadOnly):
        await door.lockout.tidy()

    assert door.failed_logins.find(Subject("alice", None)) is None


# Tokens -------------------------------------------------------------------------------------------


async def test_invalid_tokens_count_by_their_address(door: Door) -> None:
    """Each costs a signature check and a row."""
    for _ in range(OF_ADDRESS.free):
        await door.lockout.refuse_token(GUESSER)

    with pytest.raises(TooManyRequests):
        await door.lockout.refuse_token(GUESSER)
    assert await door.enter("right", GUESSER) == 1
    assert await door.enter("right", HOME) == "in"


# Operators ----------------------------------------------------------------------------------------


async def test_an_operator_sees_who_waits_and_for_how_long(door: Door, clock: HandClock) -> None:
    """The owner asks why; but the names that guessers use may be passwords."""
    await door.guess(FREE, GUESSER)
    await door.enter("wrong", GUESSER, "pa55word")
    clock.forward(seconds=0.5)

    shown = await door.lockout.show(["alice", "bob"])

    assert {(row.account, row.address, row.count, row.wait.total_seconds()) for row in shown} == {
        ("alice", GUESSER, FREE, 0.5),
        ("alice", "", FREE, 0),
        ("", GUESSER, FREE + 1, 0),
        ("(unknown)", GUESSER, 1, 0),
        ("(unknown)", "", 1, 0),
    }


async def test_an_operator_who_mistypes_a_name_is_told_so(door: Door) -> None:
    """The wait would seem lifted, and the owner would call again."""
    await door.guess(FREE, GUESSER)

    with pytest.raises(InvalidInput):
        await door.lockout.forgive(account="alcie")


@pytest.mark.parametrize("named", [{"account": "alice"}, {"address": GUESSER}, {}])
async def test_an_operator_lifts_a_wait_on_every_worker(
    doors: list[Door], named: dict[str, str]
) -> None:
    """The owner who called for help would still have to wait."""
    await doors[0].guess(FREE, GUESSER)
    await doors[1].lockout.forgive(**named)
    await doors[0].failed_logins.refresh()

    assert await doors[0].enter("right", GUESSER) == "in"
    assert ("alice", GUESSER) not in [
        (row.account, row.address) for row in await doors[0].lockout.show(["alice"])
    ]


async def test_the_network_of_an_address_is_lifted_with_it(door: Door) -> None:
    """The log shows the address to the operator, but the limit is on its network."""
    for number in range(FREE):
        await door.enter("wrong", f"2001:db8::{number:x}")
    await door.lockout.forgive(account="alice", address="2001:db8::77")

    assert await door.enter("right", "2001:db8::1") == "in"
    assert door.failed_logins.find(Subject("alice", None)) is not None


async def test_only_attempts_that_had_to_wait_are_counted_as_throttled(door: Door) -> None:
    """A rule that counted wrong passwords would raise an alarm at every typing mistake."""
    await door.guess(FREE)
    assert door.lockout.throttled == 0

    await door.guess(2)
    for _ in range(OF_ADDRESS.free + 1):
        with suppress(TooManyRequests):
            await door.lockout.refuse_token(GUESSER)

    assert door.lockout.throttled == 3
