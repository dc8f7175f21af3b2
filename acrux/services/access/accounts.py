"""Create, change and disable accounts, their passwords and scope maps."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Final

from acrux.domain.access.credential import Secret
from acrux.domain.access.grants import ANONYMOUS
from acrux.domain.access.scope_maps import ADMINISTRATOR
from acrux.domain.access.shown_accounts import ShownAccount, ShownPassword
from acrux.domain.access.users import check_initial_password, taken
from acrux.domain.content.page import Page, Slice
from acrux.domain.instants import in_utc, to_microseconds
from acrux.errors import InvalidInput, InvalidSettings, NameTaken, UnknownName
from acrux.ports.accounts import (
    Account,
    AccountKind,
    InitialPassword,
    PasswordRecord,
    Passwords,
    Revocations,
    ScopeMaps,
)
from acrux.ports.accounts import Accounts as StoredAccounts
from acrux.ports.clock import Clock
from acrux.services import known_scope_maps

# The names that `az acr credential` and `az acr token` give passwords (acr-protocol.md §4).
ADMINISTRATOR_PASSWORDS: Final = ("password", "password2")
TOKEN_PASSWORDS: Final = ("password1", "password2")

# What anonymous callers get if they may pull everything (acr-protocol.md §4.1).
EVERYTHING_PULLED: Final = "_repositories_pull_metadata_read"

# acr-protocol.md §4.2; no colon, which would end the name in Basic (RFC 7617 §2).
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{4,49}")


class Accounts:
    """The registry's accounts. A generated password is shown once, and stored as a keyed hash.

    A change that takes something away revokes the account's tokens on every worker within a
    second: all of them, or those obtained with a password that was replaced.
    """

    def __init__(
        self,
        accounts: StoredAccounts,
        scope_maps: ScopeMaps,
        passwords: Passwords,
        revocations: Revocations,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._scope_maps = scope_maps
        self._passwords = passwords
        self._revocations = revocations
        self._clock = clock

    async def create_administrator(
        self, name: str, initial: InitialPassword | None = None
    ) -> ShownAccount | None:
        """Create the administrator with two new passwords; None if there is one already.

        The first password is the one that `initial` holds. If it holds none, it is given the
        generated one.

        A disabled one stays disabled. Raises InvalidSettings if there is one with another name,
        even beside this one, or if the name belongs to another account: a registry has one
        administrator, with one name; and if the first password is weak.
        """
        if await self._is_administered_by(name):
            return None
        for account in await self._accounts.list((AccountKind.TOKEN,)):
            known = await self._accounts.find(account.name)
            if known is not None and is_administrator(known):
                raise InvalidSettings(
                    f"name: the admin user of this data directory is {known.name!r}, and cannot be "
                    f"renamed: start with --name {known.name}"
                )
        values = self._generate(ADMINISTRATOR_PASSWORDS)
        chosen = initial.read() if initial else None
        if initial is not None and chosen is not None:
            check_initial_password(chosen.reveal(), name, initial.place)
        elif initial is not None:  # before there is an account that depends on it
            initial.keep(Secret(values[ADMINISTRATOR_PASSWORDS[0]]))
        created = await self._create(name, ADMINISTRATOR.name, values, first=chosen)
        if created is None:
            if await self._is_administered_by(name):  # another node, which started too, was faster
                return None
            raise InvalidSettings(
                f"name: {(await self._taken(name)).message}, which is not the "
                "admin user; or choose another name with --name"
            )
        return created

    async def _is_administered_by(self, name: str) -> bool:
        there = await self._accounts.find(name)
        if there is None or not is_administrator(there):
            return False
        await self._check_alone(name)
        return True

    async def _check_alone(self, name: str) -> None:
        # Former releases started under any name, and created an administrator for each.
        for other in await self._other_administrators(name):
            if other.is_enabled:
                raise InvalidSettings(
                    f"name: this data directory has a second admin user, {other.name!r}, who may "
                    f"do everything: keep one. To delete it: acrux token delete -n {other.name}; "
                    f"to disable it: acrux token update -n {other.name} --status disabled"
                )

    async def _other_administrators(self, name: str) -> tuple[Account, ...]:
        found = [
            await self._accounts.find(listed.name)
            for listed in await self._accounts.list((AccountKind.TOKEN,))
            if listed.name != name and listed.scope_map == ADMINISTRATOR.name
        ]
        # An account with the same scope map, and one of its two passwords left, is none.
        return tuple(account for account in found if account and _has_first_password(account))

    async def password_names(self, name: str) -> tuple[str, ...]:
        """The names of the account's two passwords. Raises UnknownName."""
        account = await self._accounts.find(name)
        if account is None:
            raise _unknown(name)
        return ADMINISTRATOR_PASSWORDS if is_administrator(account) else TOKEN_PASSWORDS

    async def create(
        self,
        name: str,
        scope_map: str,
        *,
        password_names: Collection[str] = TOKEN_PASSWORDS,
        expires_at: datetime | None = None,
    ) -> ShownAccount:
        """Create an account with new passwords (`az acr token create`).

        Raises NameTaken, and InvalidInput for an invalid name or an unknown scope map.
        """
        if NAME.fullmatch(name) is None:
            raise InvalidInput(
                "an account's name has 5 to 50 letters, digits, - and _, and begins with a letter "
                "or a digit",
                name=name[:60],
            )
        await known_scope_maps.check(self._scope_maps, scope_map)
        values = self._generate(password_names)
        created = await self._create(name, scope_map, values, expires_at)
        if created is None:
            raise await self._taken(name)
        return created

    async def show(self, name: str) -> ShownAccount:
        """The account and the names of its passwords. Raises UnknownName."""
        account = await self._accounts.find(name)
        if account is None:
            raise _unknown(name)
        return _shown(account)

    async def list(self) -> tuple[ShownAccount, ...]:
        """All accounts by name, except users and the anonymous one, without their passwords."""
        accounts = await self._accounts.list((AccountKind.TOKEN,))
        return tuple(_shown(account) for account in accounts if account.name != ANONYMOUS.name)

    async def page(self, page: Page) -> Slice[ShownAccount]:
        """A page of what `list` returns."""
        found = await self._accounts.page((AccountKind.TOKEN,), page)
        return Slice(tuple(map(_shown, found.items)), found.more)

    async def change(
        self, name: str, *, scope_map: str | None = None, is_enabled: bool | None = None
    ) -> ShownAccount:
        """Give the account another scope map, enable or disable it.

        Raises UnknownName. Raises InvalidInput for an unknown scope map, and for any change of the
        administrator's scope map.
        """
        if scope_map is not None:
            await known_scope_maps.check(self._scope_maps, scope_map)
            if scope_map != ADMINISTRATOR.name:
                await self._refuse_for_administrator(name, "keeps its scope map")
        changed = await self._accounts.change(
            name, self._epoch(), scope_map=scope_map, is_enabled=is_enabled
        )
        await self._done(name, done=changed)
        return await self.show(name)

    async def anonymous_scope_map(self) -> str | None:
        """The scope map of anonymous callers, None if they have no rights."""
        account = await self._accounts.find(ANONYMOUS.name)
        return account.scope_map if account and account.is_enabled else None

    async def let_anonymous(self, scope_map: str | None) -> None:
        """Give anonymous callers this scope map, or none at all.

        Raises InvalidInput for an unknown scope map.
        """
        if scope_map is not None:
            await known_scope_maps.check(self._scope_maps, scope_map)
            await self._create(ANONYMOUS.name, scope_map, {})
        await self._accounts.change(
            ANONYMOUS.name, self._epoch(), scope_map=scope_map, is_enabled=scope_map is not None
        )
        await self._revocations.refresh()

    async def delete(self, name: str) -> None:
        """Remove the account.

        Raises UnknownName. Raises InvalidInput for a user's account, and for the administrator's
        unless there is a second one.
        """
        await self._check_token(name, "delete")
        if not any(other.is_enabled for other in await self._other_administrators(name)):
            await self._refuse_for_administrator(name, "cannot be deleted")
        await self._done(name, done=await self._accounts.delete(name, self._epoch()))

    async def revoke(self, name: str) -> None:
        """Revoke all tokens of the account; its passwords stay valid. Raises UnknownName."""
        await self._done(name, done=await self._accounts.revoke(name, self._epoch()))

    async def renew_password(
        self, name: str, password_name: str, expires_at: datetime | None = None
    ) -> ShownAccount:
        """Replace one password. The new one works at once, and the other one still works.

        Raises UnknownName, and InvalidInput if neither of the two has this name.
        """
        await self._check_token(name, "passwd")
        names = await self.password_names(name)
        if password_name not in names:
            raise InvalidInput(f"the passwords of {name!r} are named {' and '.join(names)}")
        value = self._passwords.generate()
        record = self._record(password_name, value, expires_at)
        replaced = await self._accounts.replace_password(name, record, self._epoch())
        await self._done(name, done=replaced)
        return (await self.show(name)).with_values({password_name: value})

    async def delete_password(self, name: str, password_name: str) -> ShownAccount:
        """Remove one password.

        Raises UnknownName if there is none, and InvalidInput for one of the administrator's two.
        """
        await self._check_token(name, "passwd")
        if password_name in ADMINISTRATOR_PASSWORDS:
            await self._refuse_for_administrator(
                name, "keeps its two passwords: renew one with acrux credential renew"
            )
        deleted = await self._accounts.delete_password(name, password_name, self._epoch())
        if not deleted and await self._accounts.find(name):
            raise UnknownName(f"the account {name!r} has no password {password_name!r}")
        await self._done(name, done=deleted)
        return await self.show(name)

    async def _taken(self, name: str) -> NameTaken:
        there = await self._accounts.list(tuple(AccountKind))
        return taken(name, (each.name for each in there))

    def _generate(self, names: Collection[str]) -> dict[str, str]:
        return {name: self._passwords.generate() for name in names}

    async def _create(
        self,
        name: str,
        scope_map: str,
        values: dict[str, str],
        expires_at: datetime | None = None,
        first: Secret | None = None,
    ) -> ShownAccount | None:
        records = [self._record(password, value, expires_at) for password, value in values.items()]
        if first is not None:
            hashed = await self._passwords.hash_chosen(first.reveal())
            records[0] = PasswordRecord(records[0].name, hashed, self._clock())
            del values[records[0].name]
        account = Account(
            name=name,
            passwords=tuple(records),
            scope_map=scope_map,
            epoch=self._epoch(),
            created_at=self._clock(),
        )
        if not await self._accounts.create(account):
            return None
        return _shown(account).with_values(values)

    async def _refuse_for_administrator(self, name: str, refusal: str) -> None:
        account = await self._accounts.find(name)
        if account is not None and is_administrator(account):
            raise InvalidInput(
                f"{name!r} is the admin user, which {refusal}. To disable it: acrux token update "
                f"-n {name} --status disabled"
            )

    async def _check_token(self, name: str, command: str) -> None:
        account = await self._accounts.find(name)
        if account is not None and account.kind is not AccountKind.TOKEN:
            raise InvalidInput(f"{name!r} is a user, not a token: see acrux user {command} --help")

    async def _done(self, name: str, *, done: bool) -> None:
        if not done:
            raise _unknown(name)
        await self._revocations.refresh()  # this worker knows at once, the others soon

    def _epoch(self) -> int:
        return to_microseconds(self._clock())

    def _record(self, name: str, value: str, expires_at: datetime | None) -> PasswordRecord:
        return PasswordRecord(name, self._passwords.hash(value), self._clock(), in_utc(expires_at))


def is_administrator(account: Account) -> bool:
    """Whether it is the admin user: no other account has a generated password with that name."""
    names = {password.name for password in account.passwords}
    if account.kind is not AccountKind.TOKEN:
        return False
    # Former releases let the first of the two be deleted; it can be renewed.
    had_two = account.scope_map == ADMINISTRATOR.name and names == {ADMINISTRATOR_PASSWORDS[1]}
    return had_two or _has_first_password(account)


def _has_first_password(account: Account) -> bool:
    return ADMINISTRATOR_PASSWORDS[0] in {password.name for password in account.passwords}


def _shown(account: Account) -> ShownAccount:
    passwords = tuple(
        ShownPassword(password.name, None, password.created_at, password.expires_at)
        for password in account.passwords
    )
    return ShownAccount(
        account.name, passwords, account.scope_map, account.is_enabled, account.created_at
    )


def _unknown(name: str) -> UnknownName:
    return UnknownName(f"there is no account {name!r}: see acrux token list")
