"""What the services need to count failed logins."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from acrux.domain.access.lockout import Failures, Subject


class StoredFailures(Struct, frozen=True):
    """Failures as they are stored: the account is a keyed hash, as it may be a mistyped secret."""

    account: str | None
    address: str | None
    failures: Failures


class FailedLogins(Protocol):
    """Failed logins of all workers, and the addresses from which accounts logged in before.

    A presented user name is stored as a keyed hash only. All methods but `find` and `fail` raise
    StorageExhausted, and TooManyRequests if the database is busy.
    """

    def find(self, subject: Subject) -> Failures | None:
        """The failures of the subject, as far as this worker knows, without a query."""

    async def fail(self, subjects: Iterable[Subject], at: datetime) -> None:
        """Count a failure of each; afterwards `find` knows those of all workers.

        If nothing can be stored, this worker counts alone.
        """

    async def forgive(self, subject: Subject, at: datetime) -> bool:
        """Forget the failures of the subject, and of all that it includes, on all workers.

        Return False if there are none.
        """

    async def is_known(self, pair: Subject, since: datetime) -> bool:
        """Whether the account has logged in from the address since then."""

    async def know(self, pairs: Iterable[Subject], at: datetime) -> None:
        """Remember that each account logged in from its address."""

    async def refresh(self) -> None:
        """Learn what other workers counted and forgave."""

    async def prune(self, now: datetime, known_since: datetime) -> None:
        """Remove forgiven failures, and logins before `known_since`.

        Beyond a limit of rows, the failures that are forgiven soonest and the oldest logins go too.
        """

    async def list(self) -> tuple[StoredFailures, ...]:
        """All stored failures; those that are forgiven last come first."""

    def hash(self, account: str) -> str:
        """The hash that StoredFailures holds for this account."""
