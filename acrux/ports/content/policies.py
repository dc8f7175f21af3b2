"""What the services need to store policies."""

from datetime import datetime
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from acrux.domain.content.policies.definition import Policy

Kind = TypeVar("Kind", bound=Policy)


class StoredPolicy(Struct, Generic[Kind], frozen=True):
    """A policy as it is stored, and when it was created and last changed."""

    policy: Kind
    created_at: datetime
    changed_at: datetime


class Policies(Protocol):
    """The policies of all kinds. Every transaction that must obey one reads it itself."""

    async def find(self, kind: type[Kind], name: str) -> StoredPolicy[Kind] | None:
        """The policy of this kind and name, None if there is none."""

    async def list(self, kind: type[Kind]) -> tuple[StoredPolicy[Kind], ...]:
        """All policies of this kind, sorted by name."""

    async def create(self, policy: Policy, at: datetime, most: int) -> bool:
        """Store it, unless its name is taken or there are `most` of its kind already.

        Returns whether it was stored.
        """

    async def replace(self, policy: Policy, was: Policy, at: datetime) -> bool:
        """Store it in the place of `was`, of the same name.

        Returns False, and stores nothing, if that one was changed or deleted meanwhile.
        """

    async def delete(self, kind: type[Policy], name: str) -> bool:
        """Remove it; return False if there is none."""
