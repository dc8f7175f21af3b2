"""Authentication: what a name means now, and what is cached of it."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from acrux.adapters.passwords.chosen import ChosenPasswords
from acrux.adapters.passwords.generated import KeyedPasswords
from acrux.adapters.passwords.schemes import AllPasswords
from acrux.adapters.sql.access.accounts import SqlAccounts
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.access.credential import Credential, Secret
from acrux.domain.access.grants import ANONYMOUS
from acrux.domain.access.reason import Reason
from acrux.domain.access.scope_maps import NOTHING
from acrux.errors import BadCredentials
from acrux.ports.accounts import Account, PasswordRecord
from acrux.services.access.authentication import Authentication
from tests.http.conftest import HandClock

GENERATED = KeyedPasswords(lambda: b"k" * 32)


async def nobodys_hashes() -> tuple[str, ...]:
    """The hashes of chosen passwords: there are none."""
    return ()


PASSWORDS = AllPasswords(GENERATED, ChosenPasswords(HandClock()), nobodys_hashes)
EPOCH = 7


class Given:
    """An authentication that caches one scope map, and the accounts it reads."""

    def __init__(self, database: SqliteDatabase, clock: HandClock) -> None:
        self.accounts = SqlAccounts(database)
        self.waited: list[datetime] = []
        self.clock = clock
        self.authentication = Authentication(self.accounts, PASSWORDS, clock, self.wait)

    async def wait(self, until: datetime) -> None:
        """Note until when a refusal waits."""
        self.waited.append(until)

    async def account(
        self,
        name: str,
        scope_map: str = "_repositories_pull",
        expires_at: datetime | None = None,
    ) -> Account:
        """A new account whose password is its name."""
        password = PasswordRecord("password1", PASSWORDS.hash(name), self.clock(), expires_at)
        account = Account(name, (password,), scope_map, epoch=EPOCH, created_at=self.clock())
        assert await self.accounts.create(account)
        return account


@pytest.fixture
def given(database: SqliteDatabase, clock: HandClock) -> Given:
    """Accounts in a database of their own."""
    return Given(database, clock)


async def test_a_right_password_yields_the_account_and_its_rights(given: Given) -> None:
    """The name as it is stored, the current rights, and the epoch for tokens."""
    await given.account("somebody")

    found = await given.authentication.authenticate(Credential("somebody", Secret("somebody")))

    assert (found.name, found.scope_map.name, found.epoch) == (
        "somebody",
        "_repositories_pull",
        EPOCH,
    )
    known = await given.authentication.find("somebody")
    assert (found.authentication_method, known.authentication_method) == ("password1", "")
    assert found.password == "password1"
    assert replace(found, authentication_method="", password="") == known
    assert given.waited == []


REFUSED = {
    "unknown name": ("nobody", "somebody", Reason.UNKNOWN_NAME),
    "wrong password": ("somebody", "nobody", Reason.WRONG_PASSWORD),
    "expired password": ("expired", "expired", Reason.EXPIRED_PASSWORD),
    "disabled account": ("disabled", "disabled", Reason.DISABLED_ACCOUNT),
}


@pytest.mark.parametrize(("name", "password", "reason"), REFUSED.values(), ids=REFUSED)
async def test_a_refusal_tells_the_caller_nothing_and_the_journal_everything(
    given: Given, name: str, password: str, reason: Reason
) -> None:
    """All refusals have one message and one duration; only the operator sees the reason."""
    await given.account("somebody")
    await given.account("expired", expires_at=given.clock())
    await given.account("disabled")
    await given.accounts.change("disabled", EPOCH + 1, scope_map=None, is_enabled=False)

    with pytest.raises(BadCredentials) as refused:
        await given.authentication.authenticate(Credential(name, Secret(password)))

    assert refused.value.message == "the user name or the password is wrong"
    assert refused.value.reason == reason
    assert refused.value.account == ("" if name == "nobody" else name)
    assert given.waited == [given.clock() + timedelta(milliseconds=300)]


async def test_a_password_is_valid_until_the_instant_at_which_it_expires(given: Given) -> None:
    """And not a moment longer."""
    end = given.clock() + timedelta(days=1)
    await given.account("somebody", expires_at=end)
    credential = Credential("somebody", Secret("somebody"))
    given.clock.now = end - timedelta(microseconds=1)
    assert (await given.authentication.authenticate(credential)).name == "somebody"

    given.clock.now = end

    with pytest.raises(BadCredentials):
        await given.authentication.authenticate(credential)


@pytest.mark.parametrize("credential", [None, Credential("", Secret(""))])
async def test_an_empty_credential_is_anonymous(
    given: Given, credential: Credential | None
) -> None:
    """With the rights of the account without a name, as long as it is enabled."""
    assert await given.authentication.authenticate(credential) == ANONYMOUS
    await given.account("", "_repositories_pull")

    found = await given.authentication.authenticate(credential)

    assert (found.name, found.scope_map.name) == ("", "_repositories_pull")
    await given.accounts.change("", EPOCH + 1, scope_map=None, is_enabled=False)
    assert await given.authentication.authenticate(credential) == ANONYMOUS


@pytest.mark.parametrize("how", ["gone", "disabled"])
async def test_a_deleted_or_disabled_account_holds_nothing(given: Given, how: str) -> None:
    """Its token may still be valid, but its content must not count any more."""
    await given.account("somebody")
    if how == "gone":
        await given.accounts.delete("somebody", EPOCH + 1)
    else:
        await given.accounts.change("somebody", EPOCH + 1, scope_map=None, is_enabled=False)

    with pytest.raises(BadCredentials) as refused:
        await given.authentication.find("somebody")

    assert refused.value.message == "the account of this token is deleted or disabled"
    assert refused.value.account == "somebody"
    assert (
        refused.value.reason
        == {
            "gone": Reason.GONE_ACCOUNT,
            "disabled": Reason.DISABLED_ACCOUNT,
        }[how]
    )
    assert await given.authentication.scope_map("somebody") == NOTHING


async def test_an_account_holds_what_its_scope_map_says_now(given: Given) -> None:
    """The catalog and mounts read it, whatever an older token says."""
    await given.account("somebody")
    before = await given.authentication.scope_map("somebody")
    await given.accounts.change(
        "somebody", EPOCH + 1, scope_map="_repositories_push", is_enabled=None
    )

    after = await given.authentication.scope_map("somebody")

    assert (before.name, after.name) == ("_repositories_pull", "_repositories_push")


class SlowPasswords(AllPasswords):
    """Passwords whose verification takes so long that something happens meanwhile."""

    def __init__(self, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(GENERATED, ChosenPasswords(HandClock()), nobodys_hashes)
        self._meanwhile = meanwhile

    def is_slow(self, kept: str) -> bool:
        """All of them are."""
        return bool(kept)

    async def find(
        self,
        password: str,
        hashes: tuple[str, ...],
        opens: Callable[[int], bool] = lambda _: True,
    ) -> int | None:
        """Wait until that has happened, then find."""
        await self._meanwhile()
        return await super().find(password, hashes, opens)


@pytest.mark.parametrize("change", ["disabled", "deleted", "renewed"])
async def test_an_account_disabled_while_its_password_is_verified_is_refused(
    given: Given, change: str
) -> None:
    """When many log in at once, a password waits seconds for its turn."""
    await given.account("somebody")
    changes: dict[str, Callable[[], Awaitable[object]]] = {
        "disabled": lambda: given.accounts.change("somebody", 0, scope_map=None, is_enabled=False),
        "deleted": lambda: given.accounts.delete("somebody", 0),
        "renewed": lambda: given.accounts.replace_password(
            "somebody", PasswordRecord("password1", PASSWORDS.hash("new"), given.clock()), 0
        ),
    }
    slow = SlowPasswords(changes[change])
    authentication = Authentication(given.accounts, slow, given.clock, given.wait)

    with pytest.raises(BadCredentials):
        await authentication.authenticate(Credential("somebody", Secret("somebody")))
