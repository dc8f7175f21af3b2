"""Create, change and disable accounts, their passwords and scope maps."""

from dataclasses import dataclass
from typing import Final

from acrux.domain.credential import Secret
from acrux.errors import InvalidInput
from acrux.ports import Account, Clock, PasswordRecord, Passwords
from acrux.ports import Accounts as StoredAccounts

# The names that `az acr credential` gives the administrator's passwords (acr-protocol.md §4.1).
PASSWORD_NAMES: Final = ("password", "password2")


@dataclass(frozen=True, slots=True)
class ShownPassword:
    """A password's name; its value only where it was generated just now, as it is not kept."""

    name: str
    value: Secret | None = None


@dataclass(frozen=True, slots=True)
class ShownAccount:
    """An account as its owner may see it."""

    username: str
    passwords: tuple[ShownPassword, ...]


class Accounts:
    """The registry's accounts. A generated password is told once, and kept as a keyed hash."""

    def __init__(self, accounts: StoredAccounts, passwords: Passwords, clock: Clock) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._clock = clock

    async def create_administrator(self, name: str) -> ShownAccount | None:
        """Create the administrator with two new passwords; None where there is one already."""
        secrets = {password: self._passwords.generate() for password in PASSWORD_NAMES}
        records = tuple(self._record(password, value) for password, value in secrets.items())
        if not await self._accounts.create(Account(name, records)):
            return None
        return ShownAccount(
            name, tuple(ShownPassword(name, Secret(value)) for name, value in secrets.items())
        )

    async def show(self, name: str) -> ShownAccount:
        """The account and the names of its passwords. Raises InvalidInput for an unknown one."""
        account = await self._accounts.find(name)
        if account is None:
            raise _unknown(name)
        return ShownAccount(
            name, tuple(ShownPassword(password.name) for password in account.passwords)
        )

    async def renew_password(self, name: str, password_name: str) -> ShownAccount:
        """Replace one password; it works at once, and the other one goes on working.

        Raises InvalidInput for an unknown account.
        """
        value = self._passwords.generate()
        if not await self._accounts.replace_password(name, self._record(password_name, value)):
            raise _unknown(name)
        shown = await self.show(name)
        return ShownAccount(
            name,
            tuple(
                ShownPassword(
                    password.name, Secret(value) if password.name == password_name else None
                )
                for password in shown.passwords
            ),
        )

    def _record(self, name: str, value: str) -> PasswordRecord:
        return PasswordRecord(name, self._passwords.hash(value), self._clock())


def _unknown(name: str) -> InvalidInput:
    return InvalidInput(
        f"there is no account {name!r} in this data directory: start the registry once, "
        "with the same --name"
    )
