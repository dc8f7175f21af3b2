"""Authentication: what a name stands for now, and what is remembered of it."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from acrux.adapters.passwords.chosen import ChosenPasswords
from acrux.adapters.passwords.generated import KeyedPasswords
from acrux.adapters.passwords.schemes import AllPasswords
from acrux.adapters.sql.accounts import SqlAccounts
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.access.credential import Credential, Secret
from acrux.domain.access.grants import ANONYMOUS
from acrux.domain.access.reason import Reason
from acrux.domain.access.scope_maps import NOTHING
from acrux.errors import BadCredentials
from acrux.ports.accounts import Account, PasswordRecord
from acrux.services.access.authentication import Authentication
from tests.http.conftest import HandClock

GENERATED = KeyedPasswords(b"k" * 32)


async def nobodys_hashes() -> tuple[str, ...]:
    """Nobody chose a password."""
    return ()


PASSWORDS = AllPasswords(GENERATED, ChosenPasswords(HandClock()), nobodys_hashes)
EPOCH = 7


class Given:
    """An authentication that remembers one scope map, and the accounts it looks at."""

    def __init__(self, database: SqliteDatabase, clock: HandClock) -> None:
        self.accounts = SqlAccounts(database)
        self.waited: list[datetime] = []
        self.clock = clock
        self.authentication = Authentication(self.accounts, PASSWORDS, clock, self.wait)

    async def wait(self, until: datetime) -> None:
        """Remember until when a refusal waits."""
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


async def test_a_right_password_tells_who_it_is_and_what_they_hold(given: Given) -> None:
    """The name as it is kept, the rights of now, and the epoch for their tokens."""
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
async def test_whoever_is_refused_learns_nothing_and_the_journal_all(
    given: Given, name: str, password: str, reason: Reason
) -> None:
    """One sentence and one time for all of them; what it was, only the registry's owner sees."""
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


async def test_a_password_is_good_until_the_instant_at_which_it_ends(given: Given) -> None:
    """Not a moment longer."""
    end = given.clock() + timedelta(days=1)
    await given.account("somebody", expires_at=end)
    credential = Credential("somebody", Secret("somebody"))
    given.clock.now = end - timedelta(microseconds=1)
    assert (await given.authentication.authenticate(credential)).name == "somebody"

    given.clock.now = end

    with pytest.raises(BadCredentials):
        await given.authentication.authenticate(credential)


@pytest.mark.parametrize("credential", [None, Credential("", Secret(""))])
async def test_whoever_presents_nothing_is_anonymous(
    given: Given, credential: Credential | None
) -> None:
    """With what the account without a name holds, as long as it is enabled."""
    assert await given.authentication.authenticate(credential) == ANONYMOUS
    await given.account("", "_repositories_pull")

    found = await given.authentication.authenticate(credential)

    assert (found.name, found.scope_map.name) == ("", "_repositories_pull")
    await given.accounts.change("", EPOCH + 1, scope_map=None, is_enabled=False)
    assert await given.authentication.authenticate(credential) == ANONYMOUS


@pytest.mark.parametrize("how", ["gone", "disabled"])
async def test_whoever_is_gone_or_disabled_is_nobody_and_holds_nothing(
    given: Given, how: str
) -> None:
    """Their token may still be good: what it says must not count any more."""
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


async def test_whoever_is_there_holds_what_their_scope_map_says_now(given: Given) -> None:
    """The catalog and mounts ask for it, whatever an older token says."""
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
        """Each of them."""
        return bool(kept)

    async def find(
        self,
        password: str,
        hashes: tuple[str, ...],
        opens: Callable[[int], bool] = lambda _: True,
    ) -> int | None:
        """As they are, once that has happened."""
        await self._meanwhile()
        return await super().find(password, hashes, opens)


@pytest.mark.parametrize("change", ["disabled", "deleted", "renewed"])
async def test_whoever_is_switched_off_while_the_password_is_verified_is_refused(
    given: Given, change: str
) -> None:
    """Where many log in at once, a password waits seconds for its turn."""
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
