"""Quotas: how many bytes the repositories of a pattern may take together."""

from collections.abc import Iterable
from typing import ClassVar

from msgspec import Struct

from acrux.domain.content.byte_sizes import MAX_BYTES, written_bytes
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.policies.definition import check_name, check_pattern, check_size
from acrux.errors import InvalidInput, QuotaExceeded


class Quota(Struct, frozen=True, kw_only=True):
    """The repositories that the pattern covers may take `max_bytes` together."""

    kind: ClassVar[str] = "quota"
    title: ClassVar[str] = "quota"

    name: str
    repositories: str
    max_bytes: int

    def check(self) -> None:
        """Raise InvalidInput if it is invalid. A quota of 0 bytes allows no push."""
        check_name(self.name, self.title)
        check_pattern(self.repositories)
        if not 0 <= self.max_bytes <= MAX_BYTES:
            raise InvalidInput("a quota is 0 bytes or more, and less than 8192 PiB")
        check_size(self, self.title)

    def covers(self, repository: str) -> bool:
        """Whether what is pushed to the repository counts."""
        return RepositoryPattern(self.repositories).covers(repository)

    def refuses(self, used: int, added: int) -> bool:
        """Whether `added` bytes more than the `used` ones would exceed it.

        What adds nothing is never refused: a quota below the use stops growth, and nothing else.
        """
        return added > 0 and used + added > self.max_bytes

    def check_room(self, used: int, added: int) -> None:
        """Raise QuotaExceeded, which says by how much, if it refuses `added` bytes more."""
        if not self.refuses(used, added):
            return
        raise QuotaExceeded(
            "The operation is disallowed on this registry, repository or image: the quota "
            f"{self.name} allows {written_bytes(self.max_bytes)} for {self.repositories}, of which "
            f"{written_bytes(used)} are used, and this needs {written_bytes(added)} more. Delete "
            "images, or ask the administrator for a larger quota",
            quota=self.name,
            repositories=self.repositories,
            maxBytes=str(self.max_bytes),
            usedBytes=str(used),
            neededBytes=str(added),
        )


def covering(quotas: Iterable[Quota], repository: str) -> tuple[Quota, ...]:
    """The quotas that count what is pushed to the repository; each must have room."""
    return tuple(quota for quota in quotas if quota.covers(repository))
