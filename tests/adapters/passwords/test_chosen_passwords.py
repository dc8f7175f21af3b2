"""Chosen passwords: slow to guess, recognised in every scheme."""

import bcrypt
import pytest
from argon2 import Type, extract_parameters

from acrux.adapters.passwords.chosen import CACHED_FOR, MEMORY_KIBIBYTES, ChosenPasswords
from acrux.adapters.passwords.generated import MAX_CHARACTERS, KeyedPasswords
from acrux.adapters.passwords.schemes import AllPasswords
from tests.http.conftest import HandClock

RIGHT = "a few words do"


class Counting(ChosenPasswords):
    """Chosen passwords that count how often the slow work was done."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__(clock)
        self.computed = 0
        self.compared = ""

    def _verify(self, password: str, kept: str) -> bool | None:
        self.computed += 1
        self.compared = kept
        return super()._verify(password, kept)


@pytest.fixture
def clock() -> HandClock:
    """Noon, until a test moves it."""
    return HandClock()


@pytest.fixture
def chosen(clock: HandClock) -> Counting:
    """The checker of chosen passwords."""
    return Counting(clock)


@pytest.fixture
def passwords(chosen: Counting) -> AllPasswords:
    """The checker of all passwords."""
    return AllPasswords(KeyedPasswords(lambda: bytes(32)), chosen, nobodys_hashes)


async def nobodys_hashes() -> tuple[str, ...]:
    """No chosen passwords at all."""
    return ()


def written(password: str, prefix: bytes = b"2b") -> str:
    """A bcrypt hash as `htpasswd -B` writes it."""
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4, prefix))
    return f"bcrypt:{hashed.decode()}"


async def test_a_chosen_password_is_kept_as_argon2id_of_19_mebibytes(
    passwords: AllPasswords,
) -> None:
    """Anyone with the database and the pepper could otherwise guess short passwords in minutes."""
    kept = await passwords.hash_chosen(RIGHT)

    scheme, _, hashed = kept.partition(":")
    parameters = extract_parameters(hashed)
    assert scheme == "argon2id"
    assert (parameters.type, parameters.memory_cost, parameters.time_cost) == (
        Type.ID,
        MEMORY_KIBIBYTES,
        2,
    )
    assert kept != await passwords.hash_chosen(RIGHT)


async def test_a_password_is_found_among_hashes_of_every_scheme(passwords: AllPasswords) -> None:
    """The audit record says which of them it was."""
    hashes = (
        passwords.hash("generated"),
        await passwords.hash_chosen(RIGHT),
        written("from the file"),
        passwords.hash("generated too"),
    )

    found = [
        await passwords.find(password, hashes)
        for password in ("generated", RIGHT, "from the file", "generated too", "wrong")
    ]
    assert found == [0, 1, 2, 3, None]


@pytest.mark.parametrize("prefix", ["2a", "2b", "2y"])
async def test_every_variant_of_bcrypt_is_read(passwords: AllPasswords, prefix: str) -> None:
    """htpasswd writes $2y$, other programs $2a$ and $2b$; all three mean the same."""
    kept = written(RIGHT).replace("$2b$", f"${prefix}$")

    assert await passwords.find(RIGHT, (kept,)) == 0


async def test_a_password_longer_than_bcrypt_reads_is_refused(passwords: AllPasswords) -> None:
    """bcrypt ignores everything after the 72nd byte: any password that begins alike would match."""
    kept = written("x" * 72)

    assert await passwords.find("x" * 72, (kept,)) == 0
    assert await passwords.find("x" * 73, (kept,)) is None


async def test_two_ways_to_type_a_letter_open_the_same_account(passwords: AllPasswords) -> None:
    """Keyboards differ in how they encode é."""
    kept = await passwords.hash_chosen("caf\u00e9 au lait")

    assert await passwords.find("cafe\u0301 au lait", (kept,)) == 0


@pytest.mark.parametrize(
    "kept", ["argon2id:", "argon2id:$argon2id$v=19$x", "bcrypt:", "bcrypt:$2y$99$x", "md5:x", ""]
)
@pytest.mark.parametrize("password", ["", RIGHT, "\ud800", "x" * (MAX_CHARACTERS + 1)])
async def test_a_damaged_hash_opens_nothing(
    passwords: AllPasswords, kept: str, password: str
) -> None:
    """A half-restored database would fail every login, or accept every password."""
    assert await passwords.find(password, (kept,)) is None


async def test_a_right_password_is_computed_once_in_five_minutes(
    passwords: AllPasswords, chosen: Counting, clock: HandClock
) -> None:
    """docker sends it with every token request, and each check would take 17 ms of CPU time."""
    hashes = (await passwords.hash_chosen(RIGHT),)

    for _ in range(3):
        assert await passwords.find(RIGHT, hashes) == 0
    assert chosen.computed == 1
    clock.forward(seconds=CACHED_FOR.total_seconds())
    assert await passwords.find(RIGHT, hashes) == 0
    assert chosen.computed == 2


async def test_a_cached_password_reads_nothing_of_other_accounts(chosen: Counting) -> None:
    """Only a refusal does the work of every kind of hash; a right login must stay fast."""
    asked = 0

    async def in_use() -> tuple[str, ...]:
        nonlocal asked
        asked += 1
        return ()

    passwords = AllPasswords(KeyedPasswords(lambda: bytes(32)), chosen, in_use)
    kept = await passwords.hash_chosen(RIGHT)
    assert [await passwords.find(RIGHT, (kept,)) for _ in range(3)] == [0, 0, 0]
    assert asked == 1

    assert await passwords.find(RIGHT, (kept,), lambda _: False) == 0  # it may not log in
    assert asked == 2


async def test_a_wrong_password_is_never_cached(passwords: AllPasswords, chosen: Counting) -> None:
    """A password that is wrong for one hash may be right for the next one."""
    first, second = (
        await passwords.hash_chosen("something else"),
        await passwords.hash_chosen(RIGHT),
    )

    assert await passwords.find(RIGHT, (first,)) is None
    assert await passwords.find(RIGHT, (first,)) is None
    assert chosen.computed == 2
    assert await passwords.find(RIGHT, (second,)) == 0


async def test_what_is_cached_does_not_outlive_the_hash(passwords: AllPasswords) -> None:
    """Otherwise a changed password would work for minutes more."""
    assert await passwords.find(RIGHT, (await passwords.hash_chosen(RIGHT),)) == 0

    assert await passwords.find(RIGHT, (await passwords.hash_chosen("another one"),)) is None


async def test_a_generated_password_never_waits_for_the_slow_work(
    passwords: AllPasswords, chosen: Counting
) -> None:
    """Robots request thousands of tokens a second."""
    hashes = (await passwords.hash_chosen(RIGHT), passwords.hash("generated"))

    assert await passwords.find("generated", hashes) == 1
    assert chosen.computed == 0


async def test_a_nul_hides_nothing_from_bcrypt(passwords: AllPasswords) -> None:
    """Characters left out before hashing would match without them."""
    assert await passwords.find("x" * 71 + "\0x", (written("x" * 72),)) is None
