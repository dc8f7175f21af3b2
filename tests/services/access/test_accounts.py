"""Accounts: created once, shown without secrets, renewed singly."""

import asyncio
from datetime import datetime

import pytest

from acrux.adapters.passwords.chosen import ChosenPasswords
from acrux.adapters.passwords.generated import KeyedPasswords
from acrux.adapters.passwords.schemes import AllPasswords
from acrux.adapters.sql.access.accounts import SqlAccounts
from acrux.adapters.sql.access.revocations import SqlRevocations
from acrux.adapters.sql.access.scope_maps import SqlScopeMaps
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.access.credential import Credential, Secret
from acrux.domain.access.scope_maps import ADMINISTRATOR
from acrux.domain.access.shown_accounts import ShownAccount
from acrux.errors import (
    BadCredentials,
    InvalidInput,
    InvalidSettings,
    NameTaken,
    UnknownName,
)
from acrux.services.access.accounts import ADMINISTRATOR_PASSWORDS, Accounts
from acrux.services.access.authentication import Authentication
from tests.http.conftest import HandClock


class Services:
    """Accounts, and the authentication that checks their passwords."""

    def __init__(self, database: SqliteDatabase, clock: HandClock) -> None:
        stored = SqlAccounts(database)
        passwords = AllPasswords(
            KeyedPasswords(lambda: bytes(32)), ChosenPasswords(clock), stored.chosen_hashes
        )
        revocations = SqlRevocations(database)
        scope_maps = SqlScopeMaps(database)
        self.accounts = Accounts(stored, scope_maps, passwords, revocations, clock)
        self.waited: list[datetime] = []
        self.authentication = Authentication(stored, passwords, clock, self._wait)

    async def _wait(self, until: datetime) -> None:
        self.waited.append(until)

    async def works(self, password: str) -> bool:
        """Whether the administrator can log in with it."""
        try:
            await self.authentication.authenticate(Credential("acrux", Secret(password)))
        except BadCredentials:
            return False
        return True


@pytest.fixture
def services(database: SqliteDatabase, clock: HandClock) -> Services:
    """The services of a registry without accounts."""
    return Services(database, clock)


def values(account: ShownAccount | None) -> dict[str, str]:
    """The passwords whose values are shown."""
    assert account is not None
    return {
        password.name: password.value.reveal() for password in account.passwords if password.value
    }


async def test_the_administrator_is_created_once(services: Services) -> None:
    """A second start would change passwords that everybody uses."""
    created = values(await services.accounts.create_administrator("acrux"))

    assert created.keys() == {"password", "password2"}
    assert len(set(created.values())) == 2
    assert await services.accounts.create_administrator("acrux") is None
    assert all([await services.works(password) for password in created.values()])


async def test_of_nodes_that_start_at_once_one_creates_the_administrator(
    services: Services,
) -> None:
    """A cluster is started as a whole, and each of its nodes must start."""
    made = await asyncio.gather(
        *(services.accounts.create_administrator("acrux") for _ in range(3))
    )

    [created] = [account for account in made if account is not None]
    assert all([await services.works(password) for password in values(created).values()])


class Initial:
    """Where the first password comes from, and goes to."""

    place = "a file"

    def __init__(self, held: str = "") -> None:
        self.held = held

    def read(self) -> Secret | None:
        """The password, None if there is none."""
        return Secret(self.held) if self.held else None

    def keep(self, password: Secret) -> None:
        """Keep it."""
        self.held = password.reveal()


async def test_the_first_password_may_be_given(services: Services) -> None:
    """Whoever deploys the registry knows it before the first start."""
    created = await services.accounts.create_administrator("acrux", Initial("a few words do"))

    assert values(created).keys() == {"password2"}, "the other one is generated, and nobody asks"
    assert await services.works("a few words do")


async def test_a_generated_first_password_is_kept_where_one_was_looked_for(
    services: Services,
) -> None:
    """A log would show it to more people."""
    initial = Initial()
    created = values(await services.accounts.create_administrator("acrux", initial))

    assert initial.held == created["password"]
    assert await services.works(initial.held)


async def test_a_weak_first_password_makes_no_administrator(services: Services) -> None:
    """The next start can use a better one."""
    with pytest.raises(InvalidSettings, match="a file: a password needs at least 12"):
        await services.accounts.create_administrator("acrux", Initial("weak"))

    assert await services.accounts.create_administrator("acrux", Initial()) is not None


async def test_a_password_that_is_not_there_is_told_apart_from_an_account(
    services: Services,
) -> None:
    """Whoever mistyped the one would look for the other."""
    await services.accounts.create("reader", "_repositories_pull", password_names=("password1",))

    with pytest.raises(UnknownName, match="the account 'reader' has no password 'password2'"):
        await services.accounts.delete_password("reader", "password2")
    with pytest.raises(UnknownName, match="there is no account 'raeder'"):
        await services.accounts.delete_password("raeder", "password2")


async def test_a_name_that_is_taken_is_told_as_it_is_written(services: Services) -> None:
    """`update or delete it` helps only with the name that there is."""
    await services.accounts.create("Alice", "_repositories_pull")

    for name, said in (("alice", "'Alice' already, and capitals"), ("Alice", "'Alice' already:")):
        with pytest.raises(NameTaken, match=said):
            await services.accounts.create(name, "_repositories_pull")


async def test_a_second_administrator_stops_the_start_unless_it_is_disabled(
    services: Services,
) -> None:
    """An earlier release made one for each name that it was started under."""
    accounts = services.accounts
    await accounts.create_administrator("acrux")
    await accounts.create("other", ADMINISTRATOR.name, password_names=ADMINISTRATOR_PASSWORDS)

    with pytest.raises(InvalidSettings, match="second admin user, 'other'"):
        await accounts.create_administrator("acrux")
    await accounts.change("other", is_enabled=False)
    assert await accounts.create_administrator("acrux") is None


async def test_an_account_is_shown_without_its_passwords(services: Services) -> None:
    """`acrux credential show` would reveal passwords, or require that they are stored."""
    await services.accounts.create_administrator("acrux")

    shown = await services.accounts.show("acrux")
    assert [(password.name, password.value) for password in shown.passwords] == [
        ("password", None),
        ("password2", None),
    ]


async def test_a_renewed_password_replaces_itself_only(services: Services) -> None:
    """Every password change would have a moment in which clients fail."""
    old = values(await services.accounts.create_administrator("acrux"))
    new = values(await services.accounts.renew_password("acrux", "password2"))

    assert new.keys() == {"password2"}
    assert await services.works(new["password2"])
    assert await services.works(old["password"])
    assert not await services.works(old["password2"])


@pytest.mark.parametrize("name", ["nobody", ""])
async def test_an_unknown_account_is_named_in_the_refusal(services: Services, name: str) -> None:
    """A mistyped --name would seem to have worked."""
    for attempt in (
        services.accounts.show(name),
        services.accounts.renew_password(name, "password"),
    ):
        with pytest.raises(InvalidInput, match=repr(name)):
            await attempt


async def test_many_scope_maps_are_read_one_after_another(services: Services) -> None:
    """The cache of them must not grow for ever, and must not mix them up."""
    for name, scope_map in (("reader", "_repositories_pull"), ("writer", "_repositories_push")):
        await services.accounts.create(name, scope_map)

    for _ in range(2):
        reader = await services.authentication.find("reader")
        writer = await services.authentication.find("writer")
        assert (reader.scope_map.name, writer.scope_map.name) == (
            "_repositories_pull",
            "_repositories_push",
        )
