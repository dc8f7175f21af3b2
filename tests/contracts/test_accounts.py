"""The contract of ports.Accounts, on every database."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from acrux.adapters.accounts import SqlAccounts
from acrux.ports import Account, PasswordRecord
from tests.contracts.databases import KINDS, Databases

AT = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
FIRST = PasswordRecord("password", "hash-1", AT)
SECOND = PasswordRecord("password2", "hash-2", AT)
ADMIN = Account("acrux", (FIRST, SECOND))


@pytest.fixture(params=KINDS)
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Databases]:
    """A place for a database of each kind."""
    databases = Databases(request.param, tmp_path)
    yield databases
    databases.close()


@pytest.fixture
def accounts(databases: Databases) -> SqlAccounts:
    """Accounts, none yet."""
    return SqlAccounts(databases.open())


async def test_an_account_is_found_as_it_was_created(accounts: SqlAccounts) -> None:
    """Nobody could sign in with the passwords printed at the first start."""
    created = await accounts.create(ADMIN)

    assert created
    assert await accounts.find("acrux") == ADMIN


async def test_an_unknown_account_is_not_found(accounts: SqlAccounts) -> None:
    """A misspelt user name would be somebody else."""
    await accounts.create(ADMIN)

    assert await accounts.find("Acrux") is None


async def test_an_account_is_found_with_one_statement(
    accounts: SqlAccounts, databases: Databases
) -> None:
    """Every token request would pay for it."""
    await accounts.create(ADMIN)

    with databases.watched() as statements:
        await accounts.find("acrux")

    assert len(statements) == 1


async def test_an_account_may_have_no_password(accounts: SqlAccounts) -> None:
    """An account that signs in another way would be unknown."""
    await accounts.create(Account("robot", ()))

    assert await accounts.find("robot") == Account("robot", ())


async def test_an_account_is_created_once(accounts: SqlAccounts) -> None:
    """A second start would replace the passwords printed by the first."""
    await accounts.create(ADMIN)
    again = await accounts.create(Account("acrux", (replace(FIRST, hash="other"),)))

    assert not again
    assert await accounts.find("acrux") == ADMIN


async def test_workers_that_start_at_once_create_an_account_once(databases: Databases) -> None:
    """Two workers would each print passwords, of which one pair fails."""
    workers = [SqlAccounts(databases.open()) for _ in range(4)]
    created = await asyncio.gather(
        *(
            worker.create(Account("acrux", (replace(FIRST, hash=f"hash of {number}"),)))
            for number, worker in enumerate(workers)
        )
    )

    assert sum(created) == 1
    found = await workers[0].find("acrux")
    assert found is not None
    assert [password.hash for password in found.passwords] == [f"hash of {created.index(True)}"]


async def test_a_password_takes_the_place_of_the_one_of_its_name(accounts: SqlAccounts) -> None:
    """Renewing one password would break, or leave valid, the other."""
    renewed = PasswordRecord("password", "hash-3", AT + timedelta(days=1))
    await accounts.create(ADMIN)
    replaced = await accounts.replace_password("acrux", renewed)

    assert replaced
    assert await accounts.find("acrux") == Account("acrux", (renewed, SECOND))


async def test_a_password_of_a_new_name_is_added(accounts: SqlAccounts) -> None:
    """An account that began with one password could never get its second."""
    await accounts.create(Account("acrux", (FIRST,)))
    await accounts.replace_password("acrux", SECOND)

    assert await accounts.find("acrux") == ADMIN


async def test_a_password_of_no_account_is_refused(accounts: SqlAccounts) -> None:
    """Renewing a password could create an account."""
    replaced = await accounts.replace_password("nobody", FIRST)

    assert not replaced
    assert await accounts.find("nobody") is None


async def test_a_renewed_password_is_seen_by_other_workers(databases: Databases) -> None:
    """A password renewed by the command line would work only after a restart."""
    command, server = SqlAccounts(databases.open()), SqlAccounts(databases.open())
    await command.create(ADMIN)
    await server.find("acrux")
    await command.replace_password("acrux", replace(FIRST, hash="renewed"))

    found = await server.find("acrux")
    assert found is not None
    assert found.passwords[0].hash == "renewed"


async def test_an_instant_of_another_zone_is_the_same_instant(accounts: SqlAccounts) -> None:
    """A password would seem made hours before or after it was."""
    zone = timezone(timedelta(hours=5, minutes=30))
    local = Account("acrux", (replace(FIRST, created_at=AT.astimezone(zone)),))
    await accounts.create(local)

    assert await accounts.find("acrux") == Account("acrux", (FIRST,))
