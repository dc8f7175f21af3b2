"""Epochs below which tokens are revoked: cached, read and raised."""

from typing import Final

from acrux.adapters.sql.database import Database, SqlValue, Statement, Steps
from acrux.domain.access.federated import TRUSTS

# No account name holds it: in Basic it ends the user name (RFC 7617 §2).
OF_PASSWORD: Final = ":"  # noqa: S105 -- a separator

_REVOKE: Final = """
    INSERT INTO revocations (account, epoch) VALUES (:name, :epoch)
    ON CONFLICT (account) DO UPDATE SET epoch = excluded.epoch
"""

_SINCE: Final = "SELECT account, epoch FROM revocations WHERE epoch >= :seen"


class SqlRevocations:
    """The port Revocations: the content of the table when it was last read.

    A new row has a greater epoch than any seen before, so that a refresh is one short index read.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._least: dict[str, int] = {}
        self._of_passwords: dict[str, dict[str, int]] = {}
        self._seen = -1

    def least_epoch(self, holder: str, password: str) -> int:
        """See ports.Revocations."""
        least = self._least.get(holder, 0)
        of_passwords = self._of_passwords.get(holder)
        return max(least, of_passwords.get(password, 0)) if of_passwords else least

    async def refresh(self) -> None:
        """See ports.Revocations."""
        statement = Statement(_SINCE, {"seen": self._seen})
        for key, epoch in await self._database.find(statement, tuple):
            holder, of_password, password = key.partition(OF_PASSWORD)
            least = self._of_passwords.setdefault(holder, {}) if of_password else self._least
            name = password if of_password else holder
            least[name] = max(epoch, least.get(name, 0))
            self._seen = max(epoch, self._seen)


def next_epoch(epoch: int) -> Steps[int]:
    """This epoch, or the next one if this is too low."""
    # Clocks differ and go back; epochs never do. Each is above all revoked ones, so that a worker
    # finds it after those it has seen, and no new account begins as revoked.
    newest = yield Statement(
        """
        SELECT COALESCE((SELECT MAX(epoch) FROM revocations), 0),
               COALESCE((SELECT MAX(epoch) FROM accounts), 0),
               COALESCE((SELECT MAX(epoch) FROM trusts), 0)
        """,
        {},
    )
    return max(epoch, *(int(known) + 1 for known in newest[0]))


def revocation(holder: str, epoch: int) -> Statement:
    """Revoke the tokens of an account or a trust that have an earlier epoch."""
    return Statement(_REVOKE, {"name": holder, "epoch": epoch})


def revoke_password(account: str, password: str, epoch: int) -> Steps[None]:
    """Revoke the tokens of an earlier epoch that were issued for this password of the account.

    Also those that do not name their password: earlier versions did not write it.
    """
    for name in (password, ""):
        yield revocation(f"{account}{OF_PASSWORD}{name}", epoch)


def revoke_holders(scope_map: str, epoch: int) -> Steps[None]:
    """Revoke the tokens of every account and every trust that has the scope map."""
    raised = yield from next_epoch(epoch)
    of_map: dict[str, SqlValue] = {"scope_map": scope_map, "epoch": raised}
    for table, name in (("accounts", "name"), ("trusts", f"'{TRUSTS}' || name")):
        yield Statement(f"UPDATE {table} SET epoch = :epoch WHERE scope_map = :scope_map", of_map)  # noqa: S608 -- our own names
        yield Statement(
            f"""
            INSERT INTO revocations (account, epoch)
            SELECT {name}, :epoch FROM {table} WHERE scope_map = :scope_map
            ON CONFLICT (account) DO UPDATE SET epoch = excluded.epoch
            """,  # noqa: S608 -- our own names
            of_map,
        )
