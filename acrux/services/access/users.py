"""Users who chose their own passwords, and users of an htpasswd file."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from acrux.domain.access.credential import Secret
from acrux.domain.access.users import check_password, check_user_name, taken
from acrux.domain.content.page import Page, Slice
from acrux.domain.instants import to_microseconds
from acrux.errors import InvalidInput, UnknownName
from acrux.ports.accounts import (
    Account,
    AccountKind,
    Accounts,
    FileContent,
    PasswordRecord,
    Passwords,
    Revocations,
    ScopeMaps,
    UserFile,
)
from acrux.ports.clock import Clock
from acrux.services import known_scope_maps

USER_KINDS: Final = (AccountKind.USER, AccountKind.FILE_USER)

PASSWORD: Final = "password"  # noqa: S105 -- the name of a user's only password


@dataclass(frozen=True, slots=True)
class ShownUser:
    """A user's account as it may be shown; `source` is `user` or `htpasswd`."""

    username: str
    source: str
    scope_map: str
    is_enabled: bool
    created_at: datetime


class Users:
    """The users of the registry. A change that takes something away revokes the user's tokens."""

    def __init__(
        self,
        accounts: Accounts,
        scope_maps: ScopeMaps,
        passwords: Passwords,
        revocations: Revocations,
        clock: Clock,
        registry_name: str,
    ) -> None:
        self._accounts = accounts
        self._scope_maps = scope_maps
        self._passwords = passwords
        self._revocations = revocations
        self._clock = clock
        self._registry_name = registry_name

    async def create(self, name: str, scope_map: str, password: Secret) -> ShownUser:
        """Create an account for a user.

        Raises NameTaken, and InvalidInput for an invalid name, an unknown scope map, or a password
        that is easily guessed.
        """
        check_user_name(name)
        await known_scope_maps.check(self._scope_maps, scope_map)
        now = self._clock()
        account = Account(
            name=name,
            passwords=(await self._record(name, password),),
            scope_map=scope_map,
            epoch=to_microseconds(now),
            created_at=now,
            kind=AccountKind.USER,
        )
        if not await self._accounts.create(account):
            there = await self._accounts.list(tuple(AccountKind))
            raise taken(name, (each.name for each in there))
        return _shown(account)

    async def list(self) -> tuple[ShownUser, ...]:
        """All users, by name."""
        return tuple(map(_shown, await self._accounts.list(USER_KINDS)))

    async def page(self, page: Page) -> Slice[ShownUser]:
        """A page of what `list` returns."""
        found = await self._accounts.page(USER_KINDS, page)
        return Slice(tuple(map(_shown, found.items)), found.more)

    async def show(self, name: str) -> ShownUser:
        """The user with this name. Raises UnknownName."""
        return _shown(await self._find(name))

    async def set_password(self, name: str, password: Secret) -> ShownUser:
        """Give the user another password.

        Raises UnknownName. Raises InvalidInput as `create` does, and for a user of the file.
        """
        await self._check_own(name)
        record = await self._record(name, password)
        await self._accounts.replace_password(name, record, self._epoch())
        await self._revocations.refresh()
        return await self.show(name)

    async def change(
        self, name: str, *, scope_map: str | None = None, is_enabled: bool | None = None
    ) -> ShownUser:
        """Give the user another scope map, enable or disable them. Users of the file included.

        Raises UnknownName, and InvalidInput for an unknown scope map.
        """
        await self._find(name)
        if scope_map is not None:
            await known_scope_maps.check(self._scope_maps, scope_map)
        await self._accounts.change(name, self._epoch(), scope_map=scope_map, is_enabled=is_enabled)
        await self._revocations.refresh()
        return await self.show(name)

    async def delete(self, name: str) -> None:
        """Remove the user. Raises UnknownName, and InvalidInput for a user of the file."""
        await self._check_own(name)
        await self._accounts.delete(name, self._epoch())
        await self._revocations.refresh()

    async def revoke(self, name: str) -> None:
        """Revoke all tokens of the user; the password stays valid. Raises UnknownName."""
        await self._find(name)
        await self._accounts.revoke(name, self._epoch())
        await self._revocations.refresh()

    async def _find(self, name: str) -> Account:
        account = await self._accounts.find(name)
        if account is None or account.kind not in USER_KINDS:
            raise UnknownName(f"there is no user {name!r}: see acrux user list")
        return account

    async def _check_own(self, name: str) -> None:
        if (await self._find(name)).kind is AccountKind.FILE_USER:
            raise InvalidInput(f"{name!r} is a user of the htpasswd file: make the change there")

    async def _record(self, name: str, password: Secret) -> PasswordRecord:
        text = password.reveal()
        check_password(text, (name, self._registry_name))
        return PasswordRecord(PASSWORD, await self._passwords.hash_chosen(text), self._clock())

    def _epoch(self) -> int:
        return to_microseconds(self._clock())


class FileUsers:
    """The users of an htpasswd file, as accounts that follow it.

    They get `scope_map` when they first appear. If they are given another one later, it stays.
    """

    def __init__(
        self,
        file: UserFile,
        accounts: Accounts,
        scope_maps: ScopeMaps,
        revocations: Revocations,
        clock: Clock,
        scope_map: str,
    ) -> None:
        self._file = file
        self._accounts = accounts
        self._scope_maps = scope_maps
        self._revocations = revocations
        self._clock = clock
        self._scope_map = scope_map
        self._unfollowed: FileContent | None = None

    async def follow(self) -> tuple[str, ...]:
        """Read the file if it changed, and update the accounts.

        Returns what is wrong with it, one sentence for each problem. A file that cannot be read
        changes nothing: a volume that is missing for a moment must not lock everybody out. Raises
        StorageExhausted, and TooManyRequests if the database is busy; the next call tries again.
        """
        read = self._file.read_if_changed()
        if read is not None and read.users is None:
            return read.problems
        # What could not be stored, because the disk was full, is stored as soon as possible.
        content = self._unfollowed = read or self._unfollowed
        if content is None or content.users is None:
            return ()
        taken = await self._accounts.follow_file(content.users, self._scope_map, self._clock())
        await self._revocations.refresh()
        self._unfollowed = None
        return (
            *content.problems,
            *(await self._scope_map_problems() if content.users else ()),
            *(f"{name!r} is left out: there is another account with that name" for name in taken),
        )

    async def _scope_map_problems(self) -> tuple[str, ...]:
        name = self._scope_map
        if await known_scope_maps.is_known(self._scope_maps, name):
            return ()
        return (f"there is no scope map {name!r}: new users of the file have no rights",)


def _shown(account: Account) -> ShownUser:
    return ShownUser(
        account.name,
        account.kind.value,
        account.scope_map,
        account.is_enabled,
        account.created_at,
    )
