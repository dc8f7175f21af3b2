"""Signing keys: rotations nobody notices, revocations everybody does."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from acrux.adapters.keys.rotating_signer import RotatingSigner
from acrux.adapters.keys.secrets import FileSecrets
from acrux.adapters.keys.signing_keys import KeyFolder
from acrux.adapters.keys.token_authority import TokenAuthority
from acrux.domain.access.signing import MARGIN, PUBLISHED_BEFORE
from acrux.errors import InvalidToken, UnknownName
from acrux.ports.clock import Clock
from acrux.services.access.keys import Keys, KeyState
from tests.adapters.keys.minting import TOKEN, header_of
from tests.http.conftest import HandClock

LIFE = timedelta(hours=3)
LONGEST_UNSEEN = 60  # seconds: a worker looks twice a second, and may be busy


@dataclass(frozen=True)
class Given:
    """A folder with a key, and the service that rotates it."""

    folder: KeyFolder
    clock: HandClock
    keys: Keys

    async def states(self) -> dict[str, str]:
        """The state of each key."""
        return {key.record.name: key.state.value for key in await self.keys.list()}

    async def worker(self) -> RotatingSigner:
        """A worker that has read the current keys."""
        worker = RotatingSigner(self.folder, self.clock)
        await worker.refresh()
        return worker


async def on(folder: Path, clock: Clock, algorithm: str = "ES256") -> tuple[KeyFolder, Keys]:
    """The service for the keys of a folder."""
    secrets = FileSecrets(folder)
    keys = KeyFolder(secrets)
    await keys.prepare(algorithm)
    return keys, Keys(keys, clock, LIFE, TokenAuthority(secrets, clock))


@pytest.fixture
async def given_keys(tmp_path: Path, clock: HandClock) -> Given:
    """One key, which signs."""
    folder, keys = await on(tmp_path, clock)
    return Given(folder, clock, keys)


async def test_there_is_a_certificate_that_outlives_every_key(given_keys: Given) -> None:
    """Whoever trusts it need not be told of a rotation."""
    before = x509.load_pem_x509_certificate(await given_keys.keys.certificate())
    await given_keys.keys.rotate(now=True)
    after = x509.load_pem_x509_certificate(await given_keys.keys.certificate())

    assert before.public_key() == after.public_key()
    assert before.subject == after.subject


async def test_a_key_is_published_then_signs_then_only_verifies_then_goes(
    given_keys: Given,
) -> None:
    """A rotation."""
    seen = [await given_keys.states()]
    await given_keys.keys.rotate()
    for forward in (timedelta(0), PUBLISHED_BEFORE, LIFE, MARGIN):
        given_keys.clock.now += forward
        await given_keys.keys.retire()
        seen.append(await given_keys.states())

    both = {"ES256-0001": "verifying", "ES256-0002": "signing"}
    assert seen == [
        {"ES256-0001": "signing"},
        {"ES256-0001": "signing", "ES256-0002": "announced"},
        both,
        both,
        {"ES256-0002": "signing"},
    ]


async def test_two_requests_for_a_rotation_make_one_key(given_keys: Given) -> None:
    """A timer may run twice, and a registry may have two administrators."""
    await asyncio.gather(*(given_keys.keys.rotate() for _ in range(4)))
    await given_keys.keys.rotate()

    assert await given_keys.states() == {"ES256-0001": "signing", "ES256-0002": "announced"}


async def test_a_key_signs_at_once_on_request(given_keys: Given) -> None:
    """If nobody else caches the key set, there is no reason to wait."""
    await given_keys.keys.rotate(now=True)

    assert await given_keys.states() == {"ES256-0001": "verifying", "ES256-0002": "signing"}


async def test_an_announced_key_can_be_activated_at_once(given_keys: Given) -> None:
    """A second key would be made for nothing."""
    await given_keys.keys.rotate()
    await given_keys.keys.rotate(now=True)

    assert await given_keys.states() == {"ES256-0001": "verifying", "ES256-0002": "signing"}


async def test_one_of_two_concurrent_rotations_can_activate_the_key_at_once(
    given_keys: Given,
) -> None:
    """Its request would be lost if the other rotation makes the key."""
    await asyncio.gather(given_keys.keys.rotate(), given_keys.keys.rotate(now=True))

    states = await given_keys.states()
    assert states["ES256-0001"] == "verifying"
    assert "signing" in states.values()


async def test_another_algorithm_is_announced_too(given_keys: Given) -> None:
    """Services that cache the key set would refuse the new tokens."""
    await given_keys.keys.use("ES256")
    await given_keys.keys.use("RS256")
    await given_keys.keys.use("RS256")
    announced = await given_keys.states()
    text = (await given_keys.worker()).sign(TOKEN)
    given_keys.clock.now += PUBLISHED_BEFORE
    worker = await given_keys.worker()

    assert announced == {"ES256-0001": "signing", "RS256-0002": "announced"}
    assert header_of(worker.sign(TOKEN))["alg"] == "RS256"
    assert worker.read(text) == TOKEN


async def test_a_rotation_keeps_the_algorithm_of_the_newest_key(given_keys: Given) -> None:
    """A command does not know the settings with which the registry runs."""
    await given_keys.keys.use("RS256")
    given_keys.clock.now += PUBLISHED_BEFORE
    shown = await given_keys.keys.rotate(now=True)

    assert shown[-1].record.algorithm == "RS256"


async def test_a_revoked_signing_key_is_replaced_at_once(
    given_keys: Given,
) -> None:
    """It was stolen."""
    worker, memory = await given_keys.worker(), await given_keys.worker()
    stolen = worker.sign(TOKEN)
    before = memory.generation

    left = await given_keys.keys.revoke("ES256-0001")
    for one in (worker, memory):
        await one.refresh()

    assert [(key.record.name, key.state) for key in left] == [("ES256-0002", KeyState.SIGNING)]
    assert memory.generation != before
    with pytest.raises(InvalidToken, match="no longer in use"):
        worker.read(stolen)
    assert memory.read(worker.sign(TOKEN)) == TOKEN


async def test_an_announced_key_signs_at_once_if_its_predecessor_is_revoked(
    given_keys: Given,
) -> None:
    """Services that cache the key set may know it already."""
    await given_keys.keys.rotate()
    await given_keys.keys.revoke("ES256-0001")

    assert await given_keys.states() == {"ES256-0002": "signing"}


async def test_an_old_key_is_revoked_alone(given_keys: Given) -> None:
    """The tokens of the other keys are not affected."""
    await given_keys.keys.rotate(now=True)
    await given_keys.keys.revoke("ES256-0001")
    with pytest.raises(UnknownName, match="acrux key list"):
        await given_keys.keys.revoke("ES256-0001")

    assert await given_keys.states() == {"ES256-0002": "signing"}


class Registry:
    """Workers with differing clocks who look at the folder now and then, and their tokens."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.keys: list[Keys] = []
        self.workers: list[RotatingSigner] = []
        self.issued: dict[object, tuple[str, datetime]] = {}  # the newest token of each key

    async def open(self, folder: Path) -> None:
        """Start the workers."""
        for offset in (-2, 0, 2):  # minutes, of which MARGIN allows five between any two
            clock = Skewed(self.clock, timedelta(minutes=offset))
            keys, service = await on(folder, clock)
            self.keys.append(service)
            self.workers.append(RotatingSigner(keys, clock))
            await self.workers[-1].refresh()

    async def wait(self, seconds: int) -> None:
        """Let time pass; nobody fails to look at the folder for long."""
        self.clock.forward(seconds=seconds)
        if seconds > LONGEST_UNSEEN:
            for worker in self.workers:
                await worker.refresh()

    def everybody_signs(self) -> None:
        """Issue a token in every worker."""
        end = self.clock.now + LIFE
        for text in (worker.sign(TOKEN) for worker in self.workers):
            self.issued[header_of(text)["kid"]] = (text, end)

    async def everybody_verifies_everything(self) -> bool:
        """Whether no request would fail now."""
        living = [text for text, end in self.issued.values() if self.clock.now < end]
        for worker in self.workers:
            for text in living:
                await worker.learn(text)
        return all(worker.read(text) == TOKEN for worker in self.workers for text in living)


@dataclass(frozen=True)
class Skewed:
    """A clock that is off by this much."""

    right: HandClock
    offset: timedelta

    def __call__(self) -> datetime:
        return self.right() + self.offset


steps = st.one_of(
    st.tuples(st.sampled_from(["rotate", "hurry", "refresh", "retire"]), st.integers(0, 2)),
    st.tuples(st.just("wait"), st.sampled_from([1, 60, 600, 3600, 10800])),
)


@given(st.lists(steps, min_size=4, max_size=16))
@settings(deadline=None)
def test_at_every_step_of_a_rotation_every_worker_verifies_what_any_worker_signed(
    taken: list[tuple[str, int]],
) -> None:
    """A request would fail through no fault of its client."""
    with TemporaryDirectory() as folder:
        asyncio.run(walk(Path(folder), taken))


async def walk(folder: Path, taken: list[tuple[str, int]]) -> None:
    """Take the steps, and check after each."""
    registry = Registry()
    await registry.open(folder)
    acts: dict[str, Callable[[int], Awaitable[object]]] = {
        "refresh": lambda number: registry.workers[number].refresh(),
        "rotate": lambda number: registry.keys[number].rotate(),
        "hurry": lambda number: registry.keys[number].rotate(now=True),
        "retire": lambda number: registry.keys[number].retire(),
    }
    for name, number in taken:
        if name == "wait":
            await registry.wait(number)
        else:
            await acts[name](number)
        registry.everybody_signs()
        assert await registry.everybody_verifies_everything()
