"""Accounts, passwords, scope maps, trusts, revocations, keys in SQL."""

from acrux.adapters.statements import (
    Database,
    SqlValue,
    Statement,
    Steps,
    from_microseconds,
    to_microseconds,
)
from acrux.ports import Account, PasswordRecord


class SqlAccounts:
    """The port Accounts on a database; `find` gives passwords in the order of their names."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, name: str) -> Account | None:
        """See ports.Accounts."""
        rows = await self._database.read(_find(name))
        if not rows:
            return None
        passwords = (
            PasswordRecord(password, hash_, from_microseconds(created_at))
            for password, hash_, created_at in rows
            if password is not None
        )
        return Account(name, tuple(passwords))

    async def create(self, account: Account) -> bool:
        """See ports.Accounts."""
        return await self._database.write(_create(account))

    async def replace_password(self, account_name: str, password: PasswordRecord) -> bool:
        """See ports.Accounts."""
        return await self._database.write(_replace_password(account_name, password))


def _find(name: str) -> Statement:
    # An account without passwords is one row without a password.
    return Statement(
        """
        SELECT passwords.name, passwords.hash, passwords.created_at
        FROM accounts LEFT JOIN passwords ON passwords.account = accounts.name
        WHERE accounts.name = :name
        ORDER BY passwords.name
        """,
        {"name": name},
    )


def _create(account: Account) -> Steps[bool]:
    created = yield Statement(
        "INSERT INTO accounts (name) VALUES (:name) ON CONFLICT (name) DO NOTHING RETURNING name",
        {"name": account.name},
    )
    if not created:
        return False
    for password in account.passwords:
        yield Statement(
            """
            INSERT INTO passwords (account, name, hash, created_at)
            VALUES (:account, :name, :hash, :created_at)
            """,
            _record(account.name, password),
        )
    return True


def _replace_password(account_name: str, password: PasswordRecord) -> Steps[bool]:
    replaced = yield Statement(
        """
        INSERT INTO passwords (account, name, hash, created_at)
        SELECT accounts.name, :name, :hash, :created_at FROM accounts WHERE name = :account
        ON CONFLICT (account, name)
        DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at
        RETURNING name
        """,
        _record(account_name, password),
    )
    return bool(replaced)


def _record(account_name: str, password: PasswordRecord) -> dict[str, SqlValue]:
    return {
        "account": account_name,
        "name": password.name,
        "hash": password.hash,
        "created_at": to_microseconds(password.created_at),
    }
