"""What the services need to record the last pulls of tags and manifests."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from acrux.domain.content.names import Reference, RepositoryName


class Pull(Struct, frozen=True):
    """A tag or a manifest of a repository, and the minute in which it was pulled."""

    repository: RepositoryName
    reference: Reference
    at: datetime


class Pulls(Protocol):
    """When the tags and manifests of each repository were last pulled.

    What is read is in the properties: `pulled_at` of ports.content.Properties. All methods raise
    StorageExhausted, and TooManyRequests if the database is busy.
    """

    async def record(self, pulls: Sequence[Pull]) -> None:
        """Record these pulls, each of another reference, in one transaction.

        A later time stays, whoever recorded it. What no longer exists is left out.
        """

    async def begin(self, at: datetime) -> None:
        """Note that pulls are recorded since `at`, unless they were before."""

    async def since(self) -> datetime | None:
        """Since when pulls are recorded; None if they never were.

        What was last pulled before that looks as if it had never been pulled.
        """
