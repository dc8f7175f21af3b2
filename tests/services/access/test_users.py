"""Users: who they are, what they may change, and the htpasswd file."""

from collections.abc import Sequence
from datetime import datetime

import argon2
import bcrypt
import pytest

from acrux.adapters.passwords.chosen import ChosenPasswords
from acrux.adapters.passwords.generated import KeyedPasswords
from acrux.adapters.passwords.schemes import AllPasswords
from acrux.adapters.sql.access.accounts import SqlAccounts
from acrux.adapters.sql.access.revocations import SqlRevocations
from acrux.adapters.sql.access.scope_maps import SqlScopeMaps
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.access.credential import Credential, Secret
from acrux.errors import BadCredentials, InvalidInput, StorageExhausted
from acrux.ports.accounts import (
    Account,
    AccountKind,
    FileContent,
    FileUser,
    PasswordRecord,
    StoredScopeMap,
)
from acrux.services.access.accounts import Accounts
from acrux.services.access.authentication import REFUSAL_TIME, Authentication
from acrux.services.access.users import FileUsers, Users
from tests.http.conftest import HandClock

READER, WRITER = "_repositories_pull", "_repositories_push"
RIGHT, OTHER = Secret("a few words do"), Secret("some other words")


class File:
    """An htpasswd file that tests write; None stands for one that cannot be read."""

    def __init__(self) -> None:
        self.content: FileContent | None = None

    def read_if_changed(self) -> FileContent | None:
        """What was written since the last call."""
        content, self.content = self.content, None
        return content

    def write(self, **passwords: Secret) -> None:
        """Replace the users of the file."""
        users = [FileUser(name, written(password)) for name, password in passwords.items()]
        self.content = FileContent(tuple(users))


class FullDisk(SqlAccounts):
    """Accounts on a disk that is full while `is_full`."""

    is_full = False

    async def follow_file(
        self, users: Sequence[FileUser], scope_map: str, at: datetime
    ) -> tuple[str, ...]:
        """Fail, or follow the file."""
        self._check()
        return await super().follow_file(users, scope_map, at)

    async def rehash_password(self, account_name: str, password: PasswordRecord, new: str) -> None:
        """Fail, or store the hash."""
        self._check()
        await super().rehash_password(account_name, password, new)

    def _check(self) -> None:
        if self.is_full:
            raise StorageExhausted("the disk is full")


def written(password: Secret) -> str:
    """A bcrypt hash, always the same for the same password."""
    hashed = bcrypt.hashpw(password.reveal().encode(), b"$2b$04$" + b"a" * 21 + b"u")
    return f"bcrypt:{hashed.decode()}"


class Services:
    """The users of a registry, and the authentication that checks their passwords."""

    def __init__(self, database: SqliteDatabase, clock: HandClock) -> None:
        self.stored, self.scope_maps = FullDisk(database), SqlScopeMaps(database)
        stored, scope_maps = self.stored, self.scope_maps
        passwords = AllPasswords(
            KeyedPasswords(lambda: bytes(32)), ChosenPasswords(clock), stored.chosen_hashes
        )
        self.revocations = SqlRevocations(database)
        self.clock = clock
        self.waited: list[datetime] = []
        self.users = Users(stored, scope_maps, passwords, self.revocations, clock, "acrux")
        self.accounts = Accounts(stored, scope_maps, passwords, self.revocations, clock)
        self.authentication = Authentication(stored, passwords, clock, self._wait)
        self.file = File()
        self.file_users = self.follow_with(READER)

    def follow_with(self, scope_map: str) -> FileUsers:
        """A follower of the file that gives its users this scope map."""
        return FileUsers(
            self.file, self.stored, self.scope_maps, self.revocations, self.clock, scope_map
        )

    async def _wait(self, until: datetime) -> None:
        self.waited.append(until)

    async def works(self, name: str, password: Secret) -> bool:
        """Whether the user can log in with it."""
        try:
            principal = await self.authentication.authenticate(Credential(name, password))
        except BadCredentials:
            return False
        assert (principal.name, principal.authentication_method) == (name, "password")
        return True

    async def names(self) -> Sequence[str]:
        """The names of the users."""
        return [user.username for user in await self.users.list()]


@pytest.fixture
def services(database: SqliteDatabase, clock: HandClock) -> Services:
    """The services of a registry without users."""
    return Services(database, clock)


async def test_a_user_logs_in_with_the_password_of_their_choice(services: Services) -> None:
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
async def test_an_invalid_user_is_refused(
    services: Services, name: str, scope_map: str, password: Secret
) -> None:
    """A mistake here opens the registry, or locks somebody out of it."""
    await services.users.create("bobby", READER, RIGHT)

    with pytest.raises(InvalidInput):
        await services.users.create(name, scope_map, password)

    assert await services.names() == ["bobby"]


async def test_users_and_tokens_are_listed_apart_and_cannot_share_a_name(
    services: Services,
) -> None:
    """The name alone must show whose password it is."""
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


async def test_a_users_password_is_never_generated(services: Services) -> None:
    """`acrux token credential generate -n alice` would give alice a second way in."""
    await services.users.create("alice", READER, RIGHT)

    for attempt in (
        services.accounts.renew_password("alice", "password1"),
        services.accounts.delete_password("alice", "password"),
    ):
        with pytest.raises(InvalidInput, match="acrux user passwd"):
            await attempt
    with pytest.raises(InvalidInput, match="acrux user delete"):
        await services.accounts.delete("alice")


@pytest.mark.parametrize("alike", ["Robot", "ROBOT"])
async def test_nobody_gets_a_name_that_differs_in_capitals_alone(
    services: Services, alike: str
) -> None:
    """In a log or in a listing they would be taken for somebody else."""
    await services.accounts.create("robot", READER)
    services.file.write(**{alike: RIGHT})

    for attempt in (
        services.accounts.create(alike, READER),
        services.users.create(alike, READER, RIGHT),
    ):
        with pytest.raises(
            InvalidInput, match="an account 'robot' already, and capitals make no difference"
        ):
            await attempt
    (problem,) = await services.file_users.follow()
    assert "left out" in problem
    assert await services.names() == []


async def test_a_user_of_the_file_may_change_to_other_capitals(services: Services) -> None:
    """Correcting the capitals of a name must not lock its user out."""
    services.file.write(alice=RIGHT)
    await services.file_users.follow()
    services.file.write(Alice=RIGHT)

    assert await services.file_users.follow() == ()
    assert await services.names() == ["Alice"]


async def weak_account(services: Services) -> str:
    """The hash of alice, who chose her password when argon2id used less memory."""
    weak = "argon2id:" + argon2.PasswordHasher(1, 1024, 1).hash(RIGHT.reveal())
    password = PasswordRecord("password", weak, services.clock())
    await services.stored.create(Account("alice", (password,), READER, kind=AccountKind.USER))
    return weak


async def test_a_password_with_outdated_parameters_is_rehashed_at_a_login(
    services: Services,
) -> None:
    """Only a login presents the password: otherwise old hashes would stay weak for ever."""
    weak = await weak_account(services)

    assert not await services.works("alice", OTHER)
    account = await services.stored.find("alice")
    assert account is not None
    assert account.passwords[0].hash == weak
    assert await services.works("alice", RIGHT)
    account = await services.stored.find("alice")
    assert account is not None
    assert account.passwords[0].hash.startswith("argon2id:$argon2id$v=19$m=19456,t=2,p=1$")
    assert await services.works("alice", RIGHT)
    assert services.revocations.least_epoch("alice", "") == 0


async def test_a_password_that_cannot_be_rehashed_is_still_accepted(
    services: Services,
) -> None:
    """A full disk would lock out every user with an old hash."""
    await weak_account(services)
    services.stored.is_full = True

    assert await services.works("alice", RIGHT)


async def test_rehashing_does_not_restore_a_changed_password(services: Services) -> None:
    """A user changes it while somebody logs in with the old one."""
    weak = await weak_account(services)
    await services.users.set_password("alice", OTHER)

    old = PasswordRecord("password", weak, services.clock())
    await services.stored.rehash_password("alice", old, written(RIGHT))

    assert not await services.works("alice", RIGHT)
    assert await services.works("alice", OTHER)


async def test_another_password_replaces_the_first_and_ends_the_tokens(
    services: Services,
) -> None:
    """A password is changed because somebody else knows it."""
    await services.users.create("alice", READER, RIGHT)

    await services.users.set_password("alice", OTHER)

    assert await services.works("alice", OTHER)
    assert not await services.works("alice", RIGHT)
    assert services.revocations.least_epoch("alice", "") > 0


async def test_a_user_is_given_other_rights_switched_off_revoked_and_deleted(
    services: Services,
) -> None:
    """A colleague leaves the team."""
    await services.users.create("alice", READER, RIGHT)
    epochs = [services.revocations.least_epoch("alice", "")]

    changed = await services.users.change("alice", scope_map=WRITER)
    assert changed.scope_map == WRITER
    assert services.revocations.least_epoch("alice", "") == 0  # they gain rights, and lose none
    await services.users.change("alice", scope_map=READER)
    epochs.append(services.revocations.least_epoch("alice", ""))
    await services.users.revoke("alice")
    epochs.append(services.revocations.least_epoch("alice", ""))
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


async def test_every_refusal_takes_the_same_time(services: Services) -> None:
    """The time would reveal which names exist, and which of them are users."""
    await services.users.create("alice", READER, RIGHT)
    await services.accounts.create("robot", READER)

    for name in ("alice", "robot", "nobody"):
        assert not await services.works(name, OTHER)
    assert services.waited == [services.clock() + REFUSAL_TIME] * 3
    assert await services.works("alice", RIGHT)
    assert len(services.waited) == 3


async def test_the_users_of_the_file_are_users_of_the_registry(services: Services) -> None:
    """A registry:2 with an htpasswd file moves here without new passwords."""
    services.file.write(alice=RIGHT, bobby=OTHER)

    assert await services.file_users.follow() == ()

    assert await services.works("alice", RIGHT)
    assert await services.works("bobby", OTHER)
    shown = await services.users.show("alice")
    assert (shown.source, shown.scope_map) == ("htpasswd", READER)


async def test_the_accounts_follow_the_file(services: Services) -> None:
    """A user who is removed from the file loses access, and every token."""
    services.file.write(alice=RIGHT, bobby=RIGHT, carol=RIGHT)
    await services.file_users.follow()
    services.file.write(alice=RIGHT, bobby=OTHER, david=RIGHT)
    await services.file_users.follow()

    assert await services.names() == ["alice", "bobby", "david"]
    assert await services.works("bobby", OTHER)
    assert not await services.works("bobby", RIGHT)
    assert not await services.works("carol", RIGHT)
    assert services.revocations.least_epoch("alice", "") == 0
    assert services.revocations.least_epoch("bobby", "") > 0
    assert services.revocations.least_epoch("carol", "") > 0


async def test_following_twice_changes_nothing(services: Services) -> None:
    """Every worker follows the file: the second must not revoke tokens issued after the first."""
    for _ in range(2):
        services.file.write(alice=RIGHT)
        await services.file_users.follow()

    assert await services.names() == ["alice"]
    assert services.revocations.least_epoch("alice", "") == 0


async def test_a_file_that_cannot_be_read_locks_nobody_out(services: Services) -> None:
    """A volume that is missing for a moment would."""
    services.file.write(alice=RIGHT)
    await services.file_users.follow()

    services.file.content = FileContent(None, ("it is gone",))
    assert await services.file_users.follow() == ("it is gone",)

    assert await services.works("alice", RIGHT)
    assert await services.file_users.follow() == ()


async def test_a_change_that_could_not_be_stored_is_stored_later(services: Services) -> None:
    """After a moment with a full disk, a removed user would keep access."""
    services.file.write(alice=RIGHT)
    await services.file_users.follow()
    services.stored.is_full = True
    services.file.write()
    for _ in range(2):
        with pytest.raises(StorageExhausted):
            await services.file_users.follow()
    services.file.content = FileContent(None, ("it is gone",))
    await services.file_users.follow()
    services.stored.is_full = False

    assert await services.file_users.follow() == ()
    assert await services.names() == []


async def test_an_unknown_scope_map_of_the_file_is_reported(services: Services) -> None:
    """The users would log in without rights, and nobody would know why."""
    services.file.write(alice=RIGHT)

    (problem,) = await services.follow_with("nothing-of-the-kind").follow()
    assert "there is no scope map 'nothing-of-the-kind'" in problem
    await services.scope_maps.create(StoredScopeMap("readers", "", (), services.clock()))
    services.file.write(alice=OTHER)
    assert await services.follow_with("readers").follow() == ()


async def test_the_file_cannot_take_over_an_account(services: Services) -> None:
    """Anyone who may write the file would be the administrator."""
    await services.accounts.create_administrator("acrux")
    await services.users.create("alice", READER, RIGHT)

    services.file.write(acrux=OTHER, alice=OTHER, bobby=OTHER)
    problems = await services.file_users.follow()

    assert [problem.split()[0] for problem in problems] == ["'acrux'", "'alice'"]
    assert not await services.works("acrux", OTHER)
    assert not await services.works("alice", OTHER)
    assert await services.works("bobby", OTHER)


async def test_a_scope_map_given_to_a_user_of_the_file_stays(services: Services) -> None:
    """The file knows no rights: the next password change would take them away."""
    services.file.write(alice=RIGHT)
    await services.file_users.follow()

    await services.users.change("alice", scope_map=WRITER)
    services.file.write(alice=OTHER)
    await services.file_users.follow()

    assert (await services.users.show("alice")).scope_map == WRITER


async def test_a_user_of_the_file_is_changed_in_the_file(services: Services) -> None:
    """The next reading of the file would undo what a command changed."""
    services.file.write(alice=RIGHT)
    await services.file_users.follow()

    for attempt in (services.users.set_password("alice", OTHER), services.users.delete("alice")):
        with pytest.raises(InvalidInput, match="htpasswd file"):
            await attempt


async def test_a_file_without_users_needs_no_scope_map(services: Services) -> None:
    """Without a file, each start would report that its scope map does not exist."""
    services.file.write()

    assert await services.follow_with("").follow() == ()
