"""People: who they are, what they may change, and the file they may come from."""

from collections.abc import Sequence
from datetime import datetime

import bcrypt
import pytest

from acrux.adapters.accounts import SqlAccounts, SqlRevocations
from acrux.adapters.chosen_passwords import ChosenPasswords
from acrux.adapters.password_schemes import AllPasswords
from acrux.adapters.passwords import KeyedPasswords
from acrux.adapters.scope_maps import SqlScopeMaps
from acrux.adapters.sqlite import SqliteDatabase
from acrux.domain.credential import Credential, Secret
from acrux.errors import BadCredentials, InvalidInput
from acrux.ports.accounts import FileContent, FileUser
from acrux.services.accounts import Accounts
from acrux.services.authentication import REFUSAL_TIME, Authentication
from acrux.services.users import FileUsers, Users
from tests.http.conftest import HandClock

READER, WRITER = "_repositories_pull", "_repositories_push"
RIGHT, OTHER = Secret("a few words do"), Secret("some other words")


class File:
    """An htpasswd file that tests write; None stands for one that cannot be read."""

    def __init__(self) -> None:
        self.content: FileContent | None = None

    def read_if_changed(self) -> FileContent | None:
        """What was written since the last look."""
        content, self.content = self.content, None
        return content

    def write(self, **passwords: Secret) -> None:
        """Let these be the file's users."""
        users = [FileUser(name, written(password)) for name, password in passwords.items()]
        self.content = FileContent(tuple(users))


def written(password: Secret) -> str:
    """A bcrypt hash, the same for the same password."""
    hashed = bcrypt.hashpw(password.reveal().encode(), b"$2b$04$" + b"a" * 21 + b"u")
    return f"bcrypt:{hashed.decode()}"


class Services:
    """The people of a registry, and who checks their passwords."""

    def __init__(self, database: SqliteDatabase, clock: HandClock) -> None:
        stored, scope_maps = SqlAccounts(database), SqlScopeMaps(database)
        passwords = AllPasswords(KeyedPasswords(bytes(32)), ChosenPasswords(clock))
        self.revocations = SqlRevocations(database)
        self.clock = clock
        self.waited: list[datetime] = []
        self.users = Users(stored, scope_maps, passwords, self.revocations, clock, "acrux")
        self.accounts = Accounts(stored, scope_maps, passwords, self.revocations, clock)
        self.authentication = Authentication(stored, passwords, clock, self._wait)
        self.file = File()
        self.file_users = FileUsers(self.file, stored, self.revocations, clock, READER)

    async def _wait(self, until: datetime) -> None:
        self.waited.append(until)

    async def works(self, name: str, password: Secret) -> bool:
        """Whether somebody gets in with it."""
        try:
            principal = await self.authentication.authenticate(Credential(name, password))
        except BadCredentials:
            return False
        assert (principal.name, principal.proof) == (name, "password")
        return True

    async def names(self) -> Sequence[str]:
        """What the people are called."""
        return [user.username for user in await self.users.list()]


@pytest.fixture
def services(database: SqliteDatabase, clock: HandClock) -> Services:
    """The services of a registry without people."""
    return Services(database, clock)


async def test_a_person_gets_in_with_the_password_of_their_choice(services: Services) -> None:
    """People remember words, not 52 letters and digits."""
    created = await services.users.create("alice", READER, RIGHT)

    assert (created.username, created.source, created.scope_map) == ("alice", "user", READER)
    assert await services.works("alice", RIGHT)
    assert not await services.works("alice", OTHER)
    assert await services.users.show("alice") == created


@pytest.mark.parametrize(
    ("name", "scope_map", "password"),
    [
        ("a:b", READER, RIGHT),
        ("alice", "nothing-of-the-kind", RIGHT),
        ("alice", READER, Secret("short")),
        ("alice", READER, Secret("alice-123456")),
        ("bobby", READER, RIGHT),
    ],
)
async def test_what_cannot_be_a_user_is_refused(
    services: Services, name: str, scope_map: str, password: Secret
) -> None:
    """A mistake here opens the registry, or locks somebody out of it."""
    await services.users.create("bobby", READER, RIGHT)

    with pytest.raises(InvalidInput):
        await services.users.create(name, scope_map, password)

    assert await services.names() == ["bobby"]


async def test_people_and_tokens_are_listed_apart_and_cannot_share_a_name(
    services: Services,
) -> None:
    """Whose password it is must be plain from the name alone."""
    await services.accounts.create("robot", READER)
    await services.users.create("alice", READER, RIGHT)

    assert await services.names() == ["alice"]
    assert [account.username for account in await services.accounts.list()] == ["robot"]
    with pytest.raises(InvalidInput, match="already"):
        await services.users.create("robot", READER, RIGHT)
    with pytest.raises(InvalidInput, match="already"):
        await services.accounts.create("alice", READER)
    with pytest.raises(InvalidInput, match="no user 'robot'"):
        await services.users.show("robot")


async def test_a_persons_password_is_never_generated(services: Services) -> None:
    """`acrux token credential generate -n alice` would give alice a second way in."""
    await services.users.create("alice", READER, RIGHT)

    for attempt in (
        services.accounts.renew_password("alice", "password1"),
        services.accounts.delete_password("alice", "password"),
    ):
        with pytest.raises(InvalidInput, match="acrux user passwd"):
            await attempt


async def test_another_password_replaces_the_first_and_ends_the_tokens(
    services: Services,
) -> None:
    """A password is changed because somebody else knows it."""
    await services.users.create("alice", READER, RIGHT)

    await services.users.set_password("alice", OTHER)

    assert await services.works("alice", OTHER)
    assert not await services.works("alice", RIGHT)
    assert services.revocations.least_epoch("alice") > 0


async def test_a_person_is_given_other_rights_switched_off_revoked_and_deleted(
    services: Services,
) -> None:
    """Somebody leaves the team."""
    await services.users.create("alice", READER, RIGHT)
    epochs = [services.revocations.least_epoch("alice")]

    changed = await services.users.change("alice", scope_map=WRITER)
    assert changed.scope_map == WRITER
    epochs.append(services.revocations.least_epoch("alice"))
    await services.users.revoke("alice")
    epochs.append(services.revocations.least_epoch("alice"))
    assert await services.works("alice", RIGHT)
    await services.users.change("alice", is_enabled=False)
    assert not await services.works("alice", RIGHT)
    await services.users.delete("alice")

    assert epochs == sorted(set(epochs))
    assert await services.names() == []


async def test_an_unknown_scope_map_changes_nobody(services: Services) -> None:
    """They would hold nothing from then on."""
    await services.users.create("alice", READER, RIGHT)

    with pytest.raises(InvalidInput, match="no scope map"):
        await services.users.change("alice", scope_map="nothing-of-the-kind")

    assert (await services.users.show("alice")).scope_map == READER


async def test_a_refusal_comes_no_sooner_for_one_than_for_another(services: Services) -> None:
    """The time would tell which names there are, and which of them are people's."""
    await services.users.create("alice", READER, RIGHT)
    await services.accounts.create("robot", READER)

    for name in ("alice", "robot", "nobody"):
        assert not await services.works(name, OTHER)
    assert services.waited == [services.clock() + REFUSAL_TIME] * 3
    assert await services.works("alice", RIGHT)
    assert len(services.waited) == 3


async def test_the_users_of_the_file_are_users_of_the_registry(services: Services) -> None:
    """A registry:2 with an htpasswd file moves here without a new password."""
    services.file.write(alice=RIGHT, bobby=OTHER)

    assert await services.file_users.follow() == ()

    assert await services.works("alice", RIGHT)
    assert await services.works("bobby", OTHER)
    shown = await services.users.show("alice")
    assert (shown.source, shown.scope_map) == ("htpasswd", READER)


async def test_the_accounts_follow_the_file(services: Services) -> None:
    """Whoever leaves the file leaves the registry, with every token."""
    services.file.write(alice=RIGHT, bobby=RIGHT, carol=RIGHT)
    await services.file_users.follow()
    services.file.write(alice=RIGHT, bobby=OTHER, david=RIGHT)
    await services.file_users.follow()

    assert await services.names() == ["alice", "bobby", "david"]
    assert await services.works("bobby", OTHER)
    assert not await services.works("bobby", RIGHT)
    assert not await services.works("carol", RIGHT)
    assert services.revocations.least_epoch("alice") == 0
    assert services.revocations.least_epoch("bobby") > 0
    assert services.revocations.least_epoch("carol") > 0


async def test_following_twice_changes_nothing(services: Services) -> None:
    """Every worker follows the file: the second must not end what the first one's users hold."""
    for _ in range(2):
        services.file.write(alice=RIGHT)
        await services.file_users.follow()

    assert await services.names() == ["alice"]
    assert services.revocations.least_epoch("alice") == 0


async def test_a_file_that_cannot_be_read_locks_nobody_out(services: Services) -> None:
    """A volume that is gone for a moment would."""
    services.file.write(alice=RIGHT)
    await services.file_users.follow()

    services.file.content = FileContent(None, ("it is gone",))
    assert await services.file_users.follow() == ("it is gone",)

    assert await services.works("alice", RIGHT)
    assert await services.file_users.follow() == ()


async def test_the_file_cannot_take_over_an_account(services: Services) -> None:
    """Whoever may write the file would be the administrator."""
    await services.accounts.create_administrator("acrux")
    await services.users.create("alice", READER, RIGHT)

    services.file.write(acrux=OTHER, alice=OTHER, bobby=OTHER)
    problems = await services.file_users.follow()

    assert [problem.split()[0] for problem in problems] == ["'acrux'", "'alice'"]
    assert not await services.works("acrux", OTHER)
    assert not await services.works("alice", OTHER)
    assert await services.works("bobby", OTHER)


async def test_a_scope_map_given_to_a_user_of_the_file_stays(services: Services) -> None:
    """The file knows no rights: the next change of a password would take them away."""
    services.file.write(alice=RIGHT)
    await services.file_users.follow()

    await services.users.change("alice", scope_map=WRITER)
    services.file.write(alice=OTHER)
    await services.file_users.follow()

    assert (await services.users.show("alice")).scope_map == WRITER


async def test_a_user_of_the_file_is_changed_in_the_file(services: Services) -> None:
    """What a command changed, the next look at the file would undo."""
    services.file.write(alice=RIGHT)
    await services.file_users.follow()

    for attempt in (services.users.set_password("alice", OTHER), services.users.delete("alice")):
        with pytest.raises(InvalidInput, match="htpasswd file"):
            await attempt
