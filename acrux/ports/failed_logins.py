"""What the services need to know of failed logins."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from acrux.domain.access.lockout import Failures, Subject


class StoredFailures(Struct, frozen=True):
    """Failures as they are kept: the account is a keyed hash, for who knows what was typed."""

    account: str | None
    address: str | None
    failures: Failures


class FailedLogins(Protocol):
    """Failed logins over all workers, and where accounts got in before.

    What was presented as a user name is kept as a keyed hash only. All methods but `find` and
    `fail` raise StorageExhausted, and TooManyRequests where the database is busy.
    """

    def find(self, subject: Subject) -> Failures | None:
        """The failures of the subject, as far as this worker knows, without asking anybody."""

    async def fail(self, subjects: Iterable[Subject], at: datetime) -> None:
        """Count a failure of each; `find` then knows those of all workers.

        Where nothing can be stored, this worker counts alone.
        """

    async def forgive(self, subject: Subject, at: datetime) -> bool:
        """Forget the failures of the subject, and of all that it includes, on all workers.

        False where there are none.
        """

    async def is_known(self, pair: Subject, since: datetime) -> bool:
        """Whether the account got in from the address since then."""

    async def know(self, pairs: Iterable[Subject], at: datetime) -> None:
        """Remember that each account got in from its address."""

    async def refresh(self) -> None:
        """Learn what other workers counted and forgave."""

    async def prune(self, now: datetime, known_since: datetime) -> None:
        """Remove what is forgiven, what was known before, and the least of what is too much."""

    async def list(self) -> tuple[StoredFailures, ...]:
        """All that is kept, those forgiven last first."""

    def hash(self, account: str) -> str:
        """What StoredFailures hold for this account."""
