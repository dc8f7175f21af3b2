"""Repositories in plain Python that share a quota."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.model.collected import CollectedRepository
from tests.model.model import LOCKED


@dataclass
class Shared:
    """A quota, None without one; the repositories that it counts; and the blobs' sizes."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    repositories: "list[LimitedRepository]" = field(default_factory=list)
    max_bytes: int | None = None

    @property
    def used(self) -> int:
        """The bytes of all repositories, each by itself."""
        return sum(one.size for one in self.repositories)


@dataclass
class LimitedRepository(CollectedRepository):
    """A repository that takes no more than its quota has room for."""

    quota: Shared = field(default_factory=Shared)

    @property
    def size(self) -> int:
        """The bytes of its blobs and manifests."""
        blobs = sum(self.quota.sizes[digest] for digest in self.blobs)
        return blobs + sum(len(one.content) for one in self.manifests.values())

    def has_room(self, added: int) -> bool:
        """See Repository. What adds nothing always has."""
        limit = self.quota.max_bytes
        return limit is None or added <= 0 or self.quota.used + added <= limit

    def link(self, digest: str) -> int:
        """See Repository. A blob that it has takes no room."""
        if digest not in self.blobs and not self.has_room(self.quota.sizes[digest]):
            return LOCKED
        return super().link(digest)

    def delete(self) -> int:
        """See Repository. Its room is there at once."""
        quota = self.quota
        status = super().delete()
        self.quota = quota
        return status
