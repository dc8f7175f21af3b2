"""The contract of ports.Accounts, on every database."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from acrux.adapters.sql.access.accounts import MAX_HASH_KINDS, SqlAccounts
from acrux.adapters.sql.access.revocations import SqlRevocations
from acrux.adapters.sql.access.scope_maps import SqlScopeMaps
from acrux.domain.content.page import Page, Slice
from acrux.ports.accounts import Account, AccountKind, PasswordRecord, StoredScopeMap
from tests.contracts.databases import Databases

AT = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
FIRST = PasswordRecord("password", "hash-1", AT)
SECOND = PasswordRecord("password2", "hash-2", AT)
EPOCH = 100
ADMIN = Account("acrux", (FIRST, SECOND), epoch=1)


@pytest.fixture
def accounts(databases: Databases) -> SqlAccounts:
    """Accounts, none yet."""
    return SqlAccounts(databases.open())


async def test_an_account_is_found_as_it_was_created(accounts: SqlAccounts) -> None:
    """Otherwise nobody could log in with the passwords printed at the first start."""
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
    """Every token request would pay for more."""
    await accounts.create(ADMIN)

    with databases.watched() as statements:
        await accounts.find("acrux")

    assert len(statements) == 1


async def test_an_account_may_have_no_password(accounts: SqlAccounts) -> None:
    """An account that authenticates in another way would be unknown."""
    await accounts.create(Account("robot", ()))

    assert await accounts.find("robot") == Account("robot", (), epoch=1)


async def test_an_account_is_created_once(accounts: SqlAccounts) -> None:
    """A second start would replace the passwords printed by the first."""
    await accounts.create(ADMIN)
    again = await accounts.create(Account("acrux", (replace(FIRST, hash="other"),)))

    assert not again
    assert await accounts.find("acrux") == ADMIN


async def test_workers_that_start_at_once_create_an_account_once(databases: Databases) -> None:
    """Two workers would each print passwords, and one pair would not work."""
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


async def test_a_password_replaces_the_one_of_its_name(accounts: SqlAccounts) -> None:
    """Renewing one password would break the other, or leave the old one valid."""
    renewed = PasswordRecord("password", "hash-3", AT + timedelta(days=1))
    await accounts.create(ADMIN)
    replaced = await accounts.replace_password("acrux", renewed, EPOCH)

    assert replaced
    assert await accounts.find("acrux") == replace(ADMIN, passwords=(renewed, SECOND), epoch=EPOCH)


async def test_a_password_of_a_new_name_is_added(accounts: SqlAccounts) -> None:
    """An account that began with one password could never get its second."""
    await accounts.create(Account("acrux", (FIRST,)))
    await accounts.replace_password("acrux", SECOND, EPOCH)

    assert await accounts.find("acrux") == replace(ADMIN, epoch=EPOCH)


async def test_a_password_of_an_unknown_account_is_refused(accounts: SqlAccounts) -> None:
    """Renewing a password could create an account."""
    replaced = await accounts.replace_password("nobody", FIRST, EPOCH)

    assert not replaced
    assert await accounts.find("nobody") is None


async def test_a_renewed_password_is_seen_by_other_workers(databases: Databases) -> None:
    """A password renewed by the command line would work only after a restart."""
    command, server = SqlAccounts(databases.open()), SqlAccounts(databases.open())
    await command.create(ADMIN)
    await server.find("acrux")
    await command.replace_password("acrux", replace(FIRST, hash="renewed"), EPOCH)

    found = await server.find("acrux")
    assert found is not None
    assert found.passwords[0].hash == "renewed"


async def test_an_instant_of_another_zone_is_the_same_instant(accounts: SqlAccounts) -> None:
    """A password would seem to be created hours earlier or later than it was."""
    zone = timezone(timedelta(hours=5, minutes=30))
    local = Account("acrux", (replace(FIRST, created_at=AT.astimezone(zone)),))
    await accounts.create(local)

    assert await accounts.find("acrux") == Account("acrux", (FIRST,), epoch=1)


# Epochs -------------------------------------------------------------------------------------------


async def epoch(accounts: SqlAccounts, name: str) -> int:
    """The epoch that the account's next tokens carry."""
    account = await accounts.find(name)
    assert account is not None
    return account.epoch


async def test_every_change_raises_the_epoch_even_if_the_clock_goes_back(
    accounts: SqlAccounts,
) -> None:
    """Otherwise a revoked token would be valid again."""
    await accounts.create(ADMIN)
    seen = [await epoch(accounts, "acrux")]
    for change in (
        accounts.revoke("acrux", 50),
        accounts.change("acrux", 10, scope_map=None, is_enabled=False),
        accounts.replace_password("acrux", FIRST, 50),
        accounts.delete_password("acrux", "password", 0),
    ):
        assert await change
        seen.append(await epoch(accounts, "acrux"))

    assert seen == sorted(set(seen))


async def test_a_worker_learns_of_every_revocation_in_whatever_order_they_come(
    databases: Databases,
) -> None:
    """A worker that missed one would accept a stolen token for an hour."""
    accounts, revocations = SqlAccounts(databases.open()), SqlRevocations(databases.open())
    for name in ("a", "b", "c"):
        await accounts.create(Account(name, ()))
    for name, at in (("a", 1000), ("b", 5), ("c", 1000), ("a", 5)):
        await revocations.refresh()
        await accounts.revoke(name, at)
        await revocations.refresh()
        assert revocations.least_epoch(name, "") == await epoch(accounts, name)


async def test_only_accounts_with_a_scope_map_are_revoked_with_it(
    databases: Databases,
) -> None:
    """A right removed from a scope map must end at once, and others must not be logged out."""
    accounts, revocations = SqlAccounts(databases.open()), SqlRevocations(databases.open())
    maps = SqlScopeMaps(databases.open())
    await maps.create(StoredScopeMap("one", "", ("repositories/*/content/read",), AT))
    for name, scope_map in (("a", "one"), ("b", "one"), ("c", "two")):
        await accounts.create(Account(name, (), scope_map=scope_map))
    await maps.change("one", 100, description=None, permissions=())
    await revocations.refresh()

    assert [revocations.least_epoch(name, "") for name in "abc"] == [100, 100, 0]


async def test_a_recreated_account_is_not_revoked(databases: Databases) -> None:
    """Otherwise its first token would be refused."""
    accounts, revocations = SqlAccounts(databases.open()), SqlRevocations(databases.open())
    await accounts.create(ADMIN)
    await accounts.delete("acrux", 1000)
    await accounts.create(ADMIN)
    await revocations.refresh()

    assert await epoch(accounts, "acrux") >= revocations.least_epoch("acrux", "")
    assert not await accounts.delete("nobody", 1)
    assert not await accounts.revoke("nobody", 1)
    assert not await accounts.delete_password("acrux", "nothing", 1)
    assert not await accounts.change("nobody", 1, scope_map=None, is_enabled=None)


async def test_revocations_are_found_with_one_statement_on_an_index(
    databases: Databases,
) -> None:
    """Every worker checks twice a second."""
    revocations = SqlRevocations(databases.open())

    with databases.watched() as statements:
        await revocations.refresh()

    assert len(statements) == 1


async def test_each_kind_of_hash_is_found_in_one_step_however_many_there_are(
    accounts: SqlAccounts, databases: Databases
) -> None:
    """Every refused login looks for them, and a directory of people has thousands."""
    kinds = ("argon2id:$argon2id$v=19$m=19456,t=2,p=1$", "bcrypt:$2y$05$", "bcrypt:$2y$10$")
    kept = [f"{kind}{number:030}" for kind in kinds for number in range(20)]
    for number, hash_ in enumerate([*kept, *(f"hmac-sha256:{n}" for n in range(20))]):
        await accounts.create(Account(f"person{number}", (PasswordRecord("password", hash_, AT),)))

    with databases.watched() as statements:
        found = await accounts.chosen_hashes()

    assert found == (kept[0], kept[20], kept[40])
    assert len(statements) == len(kinds) + 2  # and one after the last of each scheme


async def test_only_a_bounded_number_of_damaged_hashes_is_checked(accounts: SqlAccounts) -> None:
    """Each counts as a kind of its own, and a refused login would check them all."""
    for number in range(MAX_HASH_KINDS + 10):
        record = PasswordRecord("password", f"argon2id:{number:03}", AT)
        await accounts.create(Account(f"person{number}", (record,)))
    await accounts.create(
        Account("alice", (PasswordRecord("password", "bcrypt:$2y$05$x", AT),)),
    )

    found = await accounts.chosen_hashes()

    assert len(found) == MAX_HASH_KINDS + 1
    assert found[-1] == "bcrypt:$2y$05$x"


async def test_accounts_are_listed_a_page_at_a_time(accounts: SqlAccounts) -> None:
    """There may be 100,000 of them."""
    kinds = (AccountKind.TOKEN, AccountKind.USER, AccountKind.FILE_USER)
    names = ["Zoe-1", "a-name", "acrux", "b_name", "zed-1"]
    for number, name in enumerate(names):
        await accounts.create(Account(name, (FIRST,), created_at=AT, kind=kinds[number % 3]))
    await accounts.create(Account("", ()))  # the anonymous account cannot be managed

    assert await told(accounts, kinds, 2) == [names[:2], names[2:4], names[4:]]
    assert await told(accounts, kinds, 5) == [names]
    assert await told(accounts, kinds[:1], 1) == [["Zoe-1"], ["b_name"]]
    assert await accounts.page(kinds, Page(0)) == Slice(())


async def told(
    accounts: SqlAccounts, kinds: tuple[AccountKind, ...], items: int
) -> list[list[str]]:
    """The names on all pages."""
    pages = [await accounts.page(kinds, Page(items))]
    while pages[-1].more:
        pages.append(await accounts.page(kinds, Page(items, pages[-1].items[-1].name)))
    return [[account.name for account in page.items] for page in pages]
