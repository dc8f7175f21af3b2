"""Accounts and their passwords, in SQL."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import msgspec

from acrux.adapters.keys.slow_hashes import ARGON2, BCRYPT, last_like
from acrux.adapters.sql.access.revocations import next_epoch, revocation, revoke_password
from acrux.adapters.sql.access.scope_maps import gives_less
from acrux.adapters.sql.database import Database, Row, Statement, Steps
from acrux.domain.content.page import Page, Slice
from acrux.domain.instants import from_microseconds, to_microseconds
from acrux.ports.accounts import Account, AccountKind, FileUser, PasswordRecord

FILE_PASSWORD = "password"  # noqa: S105 -- the name of the only password of an htpasswd file's user

_ACCOUNT = (
    "accounts.name, accounts.scope_map, accounts.enabled, accounts.epoch, accounts.created_at,"
    " accounts.kind, accounts.changed_at"
)

# How many costs of a scheme are looked for among the hashes. Intact hashes have nine at most, and
# each damaged hash counts as a cost of its own.
MAX_HASH_KINDS: Final = 100


class SqlAccounts:
    """The port Accounts on a database; `find` returns passwords in the order of their names."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, name: str) -> Account | None:
        """See ports.Accounts."""
        return await self._database.find(_find(name), _read_found)

    async def list(self, kinds: Collection[AccountKind]) -> tuple[Account, ...]:
        """See ports.Accounts."""
        rows = [row for kind in kinds for row in await self._database.read(_list(kind))]
        return tuple(_read_account(row) for row in sorted(rows))

    async def page(self, kinds: Collection[AccountKind], page: Page) -> Slice[Account]:
        """See ports.Accounts."""
        rows = [row for kind in kinds for row in await self._database.read(_page(kind, page))]
        accounts = tuple(_read_account(row) for row in sorted(rows))
        return Slice(accounts[: page.items], more=0 < page.items < len(accounts))

    async def chosen_hashes(self) -> tuple[str, ...]:
        """See ports.Accounts."""
        return await _chosen_hashes(self._database)

    async def create(self, account: Account) -> bool:
        """See ports.Accounts."""
        return await self._database.write(_create(account))

    async def change(
        self, name: str, epoch: int, *, scope_map: str | None, is_enabled: bool | None
    ) -> bool:
        """See ports.Accounts."""
        return await self._database.write(_change(name, epoch, scope_map, is_enabled))

    async def delete(self, name: str, epoch: int) -> bool:
        """See ports.Accounts."""
        return await self._database.write(_delete(name, epoch))

    async def revoke(self, name: str, epoch: int) -> bool:
        """See ports.Accounts."""
        return await self._database.write(_revoke(name, epoch))

    async def replace_password(
        self, account_name: str, password: PasswordRecord, epoch: int
    ) -> bool:
        """See ports.Accounts."""
        return await self._database.write(_replace_password(account_name, password, epoch))

    async def rehash_password(self, account_name: str, password: PasswordRecord, new: str) -> None:
        """See ports.Accounts."""
        await self._database.write(_rehash_password(account_name, password, new))

    async def delete_password(self, account_name: str, password_name: str, epoch: int) -> bool:
        """See ports.Accounts."""
        return await self._database.write(_delete_password(account_name, password_name, epoch))

    async def follow_file(
        self, users: Sequence[FileUser], scope_map: str, at: datetime
    ) -> tuple[str, ...]:
        """See ports.Accounts."""
        return await self._database.write(_follow_file(users, scope_map, at))


# An account without passwords gives one row without a password. The text is built once: a new
# string for each look would also have to be hashed each time.
_FIND: Final = f"""
    SELECT {_ACCOUNT}, scope_maps.permissions,
           passwords.name, passwords.hash, passwords.created_at, passwords.expires_at
    FROM accounts
    LEFT JOIN passwords ON passwords.account = accounts.name
    LEFT JOIN scope_maps ON scope_maps.name = accounts.scope_map
    WHERE accounts.name = :name
    ORDER BY passwords.name
"""  # noqa: S608 -- our own column names


def _find(name: str) -> Statement:
    return Statement(_FIND, {"name": name})


def _read_found(rows: list[Row]) -> Account | None:
    if not rows:
        return None
    account, permissions = rows[0][:7], rows[0][7]
    passwords = tuple(_read_password(row[8:]) for row in rows if row[8] is not None)
    return _read_account(
        account, passwords, msgspec.json.decode(permissions or "[]", type=frozenset[str])
    )


def _read_account(
    row: Row,
    passwords: tuple[PasswordRecord, ...] = (),
    permissions: frozenset[str] = frozenset(),
) -> Account:
    name, scope_map, enabled, epoch, created_at, kind, changed_at = row
    return Account(
        name=name,
        passwords=passwords,
        scope_map=scope_map,
        is_enabled=bool(enabled),
        epoch=epoch,
        created_at=from_microseconds(created_at),
        permissions=permissions,
        kind=AccountKind(kind),
        changed_at=from_microseconds(changed_at),
    )


def _list(kind: AccountKind) -> Statement:
    return Statement(
        f"SELECT {_ACCOUNT} FROM accounts WHERE kind = :kind ORDER BY name",  # noqa: S608 -- our own column names
        {"kind": kind.value},
    )


def _page(kind: AccountKind, page: Page) -> Statement:
    # The anonymous account has the empty name, and so comes before every page.
    return Statement(
        f"""
        SELECT {_ACCOUNT} FROM accounts WHERE kind = :kind AND name > :last
        ORDER BY name LIMIT :limit
        """,  # noqa: S608 -- our own column names
        {"kind": kind.value, "last": page.last, "limit": page.items + 1},
    )


def _read_password(row: Row) -> PasswordRecord:
    name, hash_, created_at, expires_at = row
    expiry = None if expires_at is None else from_microseconds(expires_at)
    return PasswordRecord(name, hash_, from_microseconds(created_at), expiry)


def _create(account: Account) -> Steps[bool]:
    # Names that differ only in capitals would be confused.
    alike = yield Statement(
        "SELECT name FROM accounts WHERE lower(name) = :lowered", {"lowered": account.name.lower()}
    )
    if alike:
        return False
    epoch = yield from next_epoch(account.epoch)
    created = yield Statement(
        """
        INSERT INTO accounts (name, scope_map, enabled, epoch, created_at, kind)
        VALUES (:name, :scope_map, :enabled, :epoch, :at, :kind)
        ON CONFLICT (name) DO NOTHING RETURNING name
        """,
        {
            "name": account.name,
            "scope_map": account.scope_map,
            "enabled": int(account.is_enabled),
            "epoch": epoch,
            "at": to_microseconds(account.created_at),
            "kind": account.kind.value,
        },
    )
    if not created:
        return False
    for password in account.passwords:
        yield _put_password(account.name, password)
    return True


def _change(name: str, epoch: int, scope_map: str | None, is_enabled: bool | None) -> Steps[bool]:  # noqa: FBT001 -- a column
    shrinks = is_enabled is False or (
        scope_map is not None and (yield from gives_less(name, scope_map))
    )
    changed = yield Statement(
        """
        UPDATE accounts SET scope_map = COALESCE(:scope_map, scope_map),
                            enabled = COALESCE(:enabled, enabled), changed_at = :at
        WHERE name = :name RETURNING name
        """,
        {
            "name": name,
            "scope_map": scope_map,
            "enabled": None if is_enabled is None else int(is_enabled),
            "at": epoch,
        },
    )
    return bool(changed) and (not shrinks or (yield from _revoke(name, epoch)))


def _revoke(name: str, epoch: int) -> Steps[bool]:
    raised = yield from _raise_epoch(name, epoch)
    if raised is None:
        return False
    yield revocation(name, raised)
    return True


def _delete(name: str, epoch: int) -> Steps[bool]:
    if not (yield from _revoke(name, epoch)):
        return False
    yield Statement("DELETE FROM accounts WHERE name = :name", {"name": name})
    return True


def _raise_epoch(name: str, epoch: int) -> Steps[int | None]:
    raised = yield from next_epoch(epoch)
    changed = yield Statement(
        "UPDATE accounts SET epoch = :epoch WHERE name = :name RETURNING name",
        {"name": name, "epoch": raised},
    )
    return raised if changed else None


def _revoke_password(account: str, password: str, epoch: int) -> Steps[bool]:
    raised = yield from _raise_epoch(account, epoch)
    if raised is None:
        return False
    yield from revoke_password(account, password, raised)
    return True


def _replace_password(account: str, password: PasswordRecord, epoch: int) -> Steps[bool]:
    if not (yield from _revoke_password(account, password.name, epoch)):
        return False
    yield _put_password(account, password)
    return True


def _rehash_password(account: str, password: PasswordRecord, new: str) -> Steps[None]:
    yield Statement(
        """
        UPDATE passwords SET hash = :new
        WHERE account = :account AND name = :name AND hash = :old
        """,
        {"account": account, "name": password.name, "old": password.hash, "new": new},
    )


def _delete_password(account: str, password: str, epoch: int) -> Steps[bool]:
    deleted = yield Statement(
        "DELETE FROM passwords WHERE account = :account AND name = :name RETURNING name",
        {"account": account, "name": password},
    )
    return bool(deleted) and (yield from _revoke_password(account, password, epoch))


def _follow_file(users: Sequence[FileUser], scope_map: str, at: datetime) -> Steps[tuple[str, ...]]:
    held = yield Statement(
        """
        SELECT accounts.name, passwords.hash
        FROM accounts LEFT JOIN passwords ON passwords.account = accounts.name
        WHERE accounts.kind = 'htpasswd'
        """,
        {},
    )
    hashes: dict[str, str] = dict(held)
    epoch, taken = to_microseconds(at), []
    # Deletions first: a name may come back in other capitals.
    for gone in hashes.keys() - {user.name for user in users}:
        yield from _delete(gone, epoch)
    for user in users:
        password = PasswordRecord(FILE_PASSWORD, user.hash, at)
        if user.name not in hashes:
            account = Account(
                user.name, (password,), scope_map, created_at=at, kind=AccountKind.FILE_USER
            )
            if not (yield from _create(account)):
                taken.append(user.name)
        elif hashes[user.name] != user.hash:
            yield from _replace_password(user.name, password, epoch)
    return tuple(taken)


def _put_password(account: str, password: PasswordRecord) -> Statement:
    expiry = None if password.expires_at is None else to_microseconds(password.expires_at)
    return Statement(
        """
        INSERT INTO passwords (account, name, hash, created_at, expires_at)
        VALUES (:account, :name, :hash, :created_at, :expires_at)
        ON CONFLICT (account, name) DO UPDATE
        SET hash = excluded.hash, created_at = excluded.created_at,
            expires_at = excluded.expires_at
        """,
        {
            "account": account,
            "name": password.name,
            "hash": password.hash,
            "created_at": to_microseconds(password.created_at),
            "expires_at": expiry,
        },
    )


async def _chosen_hashes(database: Database) -> tuple[str, ...]:
    """At least one hash of each scheme and cost; at most MAX_HASH_KINDS of a scheme."""
    return (*await _of_scheme(database, ARGON2), *await _of_scheme(database, BCRYPT))


async def _of_scheme(database: Database, scheme: str) -> tuple[str, ...]:
    # Along the index from cost to cost, however many hashes there are of each.
    found: list[str] = []
    after, end = f"{scheme}:", f"{scheme};"
    while len(found) < MAX_HASH_KINDS:
        kept = await database.find(_next_hash(after, end), _read_hash)
        if not kept:
            break
        found.append(kept)
        after = last_like(kept)
    return tuple(found)


def _next_hash(after: str, end: str) -> Statement:
    return Statement(
        "SELECT MIN(hash) FROM passwords WHERE hash > :after AND hash < :end",
        {"after": after, "end": end},
    )


def _read_hash(rows: list[Row]) -> str | None:
    kept: str | None = rows[0][0]
    return kept
