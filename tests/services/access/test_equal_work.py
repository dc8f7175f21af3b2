"""A refused login takes the same work for every account and hash."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

import argon2
import bcrypt
import pytest

from acrux.adapters.keys.slow_hashes import ARGON2, BCRYPT
from acrux.adapters.passwords.chosen import ChosenPasswords
from acrux.adapters.passwords.generated import KeyedPasswords
from acrux.adapters.passwords.schemes import AllPasswords
from acrux.adapters.sql.access.accounts import SqlAccounts
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.access.credential import Credential, Secret
from acrux.errors import BadCredentials
from acrux.ports.accounts import Account, AccountKind, PasswordRecord
from acrux.services.access.authentication import Authentication
from tests.http.conftest import HandClock

Result = TypeVar("Result")

RIGHT: Final = "a few words do"
WRONG: Final = "none of them"
GENERATED: Final = KeyedPasswords(lambda: bytes(32))


class Counted(ChosenPasswords):
    """Passwords that count the work done, by scheme and cost, and the turns it took."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__(clock)
        self.work: Counter[str] = Counter()

    def _verify(self, password: str, kept: str) -> bool | None:
        found = super()._verify(password, kept)
        if found is not None:
            parts = kept.split("$")
            self.work[f"bcrypt {parts[2]}" if kept.startswith(BCRYPT) else parts[3]] += 1
        return found

    async def _compute(self, work: Callable[[], Result]) -> Result:
        self.work["turns"] += 1
        return await super()._compute(work)


def argon2id(passes: int, memory: int) -> str:
    """An argon2id hash of RIGHT."""
    hasher = argon2.PasswordHasher(time_cost=passes, memory_cost=memory, parallelism=1)
    return f"{ARGON2}:{hasher.hash(RIGHT)}"


def bcrypted(cost: int) -> str:
    """A bcrypt hash of RIGHT."""
    return f"{BCRYPT}:{bcrypt.hashpw(RIGHT.encode(), bcrypt.gensalt(cost)).decode()}"


OURS: Final = argon2id(2, 19456)

# By account name. All are hashes of the right password, or damaged and so of none.
HASHES: Final = {
    "generated": GENERATED.hash(RIGHT),
    "argon2id": OURS,
    "argon2id-of-before": argon2id(1, 64),
    "bcrypt-04": bcrypted(4),
    "bcrypt-06": bcrypted(6),
    "no-scheme": "x",
    "no-hash": "",
    "argon2id-cut": OURS[:50],
    "argon2id-without-parameters": "argon2id:$argon2id$v=19$x",
    "argon2id-of-gigabytes": OURS.replace("m=19456", "m=9919456"),
    "argon2id-another-letter": OURS[:-1] + "*",
    "bcrypt-cut": bcrypted(6)[:20],
    "bcrypt-of-days": bcrypted(6).replace("$06$", "$31$"),
    "bcrypt-another-letter": bcrypted(6)[:20] + "*" * 47,
}

# One verification of each scheme and cost that the registry stores, in one turn.
ALL: Final = {
    "turns": 1,
    "m=19456,t=2,p=1": 1,
    "m=64,t=1,p=1": 1,
    "bcrypt 04": 1,
    "bcrypt 06": 1,
}  # fmt: skip


class Start:
    """A process that has just started on the data, before any login."""

    def __init__(self, accounts: SqlAccounts, clock: HandClock) -> None:
        self.counted = Counted(clock)
        passwords = AllPasswords(GENERATED, self.counted, accounts.chosen_hashes)
        self._authentication = Authentication(accounts, passwords, clock, _no_pause)

    async def lets_in(self, name: str, password: str) -> bool:
        """Whether the login succeeds."""
        try:
            await self._authentication.authenticate(Credential(name, Secret(password)))
        except BadCredentials:
            return False
        return True

    async def work(self, name: str, password: str) -> dict[str, int]:
        """The work that it took to refuse the login."""
        self.counted.work.clear()
        assert not await self.lets_in(name, password)
        return dict(self.counted.work)


async def _no_pause(_: datetime) -> None:
    """No time passes here."""


async def create(accounts: SqlAccounts, name: str, kept: str, ends: datetime | None = None) -> None:
    """An account with this hash, whose password never expires unless stated."""
    kind = AccountKind.FILE_USER if kept.startswith(BCRYPT) else AccountKind.USER
    password = PasswordRecord("password", kept, HandClock().now, ends)
    assert await accounts.create(Account(name, (password,), kind=kind))


@pytest.fixture
async def accounts(database: SqliteDatabase) -> SqlAccounts:
    """An account with each kind of hash."""
    accounts = SqlAccounts(database)
    await accounts.create(Account("without-passwords", ()))
    for name, kept in HASHES.items():
        await create(accounts, name, kept)
    await create(accounts, "of-before-for-good", HASHES["argon2id-of-before"])
    return accounts


@pytest.mark.parametrize("name", [*HASHES, "without-passwords", "nobody", ""])
async def test_a_wrong_password_takes_the_same_work_for_every_name(
    accounts: SqlAccounts, clock: HandClock, name: str
) -> None:
    """The first login after a start revealed which names exist, and a damaged hash always did."""
    start = Start(accounts, clock)

    for password in (WRONG, "long" * 100, "with\0nul", "\ud800"):
        assert await start.work(name, password) == ALL


@pytest.mark.parametrize("name", list(HASHES)[:5])
@pytest.mark.parametrize("is_cached", [False, True])
async def test_a_disabled_account_takes_the_same_work_with_the_right_password(
    accounts: SqlAccounts,
    clock: HandClock,
    name: str,
    is_cached: bool,
) -> None:
    """The time would reveal that a former user's password is right, and that the name exists."""
    start = Start(accounts, clock)
    if is_cached:
        assert await start.lets_in(name, RIGHT)
    await accounts.change(name, 1, scope_map=None, is_enabled=False)

    assert await start.work(name, RIGHT) == ALL
    assert await start.work(name, WRONG) == ALL


@pytest.mark.parametrize("name", list(HASHES)[:5])
async def test_an_expired_password_takes_the_same_work(
    accounts: SqlAccounts, clock: HandClock, name: str
) -> None:
    """The time would reveal that it was right."""
    await create(accounts, f"{name}-expired", HASHES[name], clock() - timedelta(days=1))

    assert await Start(accounts, clock).work(f"{name}-expired", RIGHT) == ALL


async def test_a_scheme_counts_from_its_first_user_to_its_last(
    database: SqliteDatabase, clock: HandClock
) -> None:
    """A registry without an htpasswd file, or with none any more, must not pay for one."""
    accounts = SqlAccounts(database)
    start, work = Start(accounts, clock), []
    for name in ("argon2id", "bcrypt-06"):
        work.append(await start.work("nobody", WRONG))
        await create(accounts, name, HASHES[name])
    work.append(await start.work("nobody", WRONG))
    await accounts.delete("bcrypt-06", 1)
    work.append(await start.work("nobody", WRONG))

    ours = {"turns": 1, "m=19456,t=2,p=1": 1}
    assert work == [{}, ours, {**ours, "bcrypt 06": 1}, ours]


async def test_a_successful_login_costs_only_its_own_scheme(
    accounts: SqlAccounts, clock: HandClock
) -> None:
    """docker logs in for every token."""
    start = Start(accounts, clock)
    assert await start.lets_in("generated", RIGHT)
    assert await start.lets_in("bcrypt-04", RIGHT)

    assert start.counted.work == {"turns": 1, "bcrypt 04": 1}
