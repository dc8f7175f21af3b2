"""What keeps content, what a deletion would free, and what content takes."""

from datetime import datetime
from enum import Enum
from typing import Final, Self

from msgspec import Struct

from acrux.domain.content.digest import Digest
from acrux.domain.content.names import Reference, RepositoryName, parse_reference
from acrux.errors import InvalidRequest

MAX_TARGETS: Final = 100  # that one question about a deletion names


class Thing(Enum):
    """What a step of a chain is."""

    TAG = "tag"
    INDEX = "index"
    MANIFEST = "manifest"
    REFERRER = "referrer"  # a manifest that its subject keeps
    BLOB = "blob"


class Step(Struct, frozen=True):
    """One step of a chain: a tag's name or a digest, and since when it is as it is."""

    thing: Thing
    name: str
    since: datetime


class Ground(Enum):
    """Why the first step of a chain is kept."""

    TAG = "tag"  # it is a tag
    UNTAGGED = "untagged"  # a manifest that never lost a reference
    HOLD = "hold"  # a push is expected to refer to it
    REVIEW = "review"  # nothing: it goes when it is reviewed
    LOCK = "lock"  # nothing, but it may not be deleted
    DELETED = "deleted"  # it was deleted, and can be restored
    NOTHING = "nothing"  # nothing, and nobody has noticed: a push or the next count will


class Chain(Struct, frozen=True):
    """Steps from what is kept for itself to what was asked about, and the ground of the first.

    `at` is when a hold or the time to restore ends, or a review is due; `by` who holds it.
    """

    steps: tuple[Step, ...]
    ground: Ground
    at: datetime | None = None
    by: str = ""


class Keeper(Struct, frozen=True):
    """A repository that has the digest, and some of the chains that keep it there.

    If the repository is deleted, `name` is the one that it had, and its rows go at `cleared_at`.
    """

    name: str
    chains: tuple[Chain, ...]
    more: bool
    is_deleted: bool = False
    cleared_at: datetime | None = None


class Kept(Struct, frozen=True):
    """What keeps a digest: its size in bytes, and some of the repositories that have it.

    If none has it, `removed_at` is when its bytes are removed from the store.
    """

    digest: Digest
    size: int
    keepers: tuple[Keeper, ...]
    more: bool
    removed_at: datetime | None = None


class Target(Struct, frozen=True):
    """What would be deleted: a repository, a tag of it, or a manifest of it by its digest."""

    repository: RepositoryName
    reference: Reference | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read REPO, REPO:TAG or REPO@DIGEST.

        Raises InvalidName or InvalidReference, and InvalidRequest for REPO@TAG.
        """
        name, at, digest = text.partition("@")
        if at:
            return cls(RepositoryName.parse(name), _digest(digest))
        name, colon, tag = text.partition(":")
        return cls(RepositoryName.parse(name), parse_reference(tag) if colon else None)


def _digest(text: str) -> Digest:
    reference = parse_reference(text)
    if not isinstance(reference, Digest):
        raise InvalidRequest(
            "after @ comes a digest, such as sha256:…; a tag comes after a colon", given=text[:160]
        )
    return reference


class Amount(Struct, frozen=True):
    """Manifests and blobs, and their sizes in bytes."""

    manifests: int = 0
    manifest_bytes: int = 0
    blobs: int = 0
    blob_bytes: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.manifests + other.manifests,
            self.manifest_bytes + other.manifest_bytes,
            self.blobs + other.blobs,
            self.blob_bytes + other.blob_bytes,
        )

    @property
    def size(self) -> int:
        """All its bytes."""
        return self.manifest_bytes + self.blob_bytes


class Share(Struct, frozen=True):
    """A repository that also has some of the blobs, and their size in bytes."""

    name: str
    blobs: int
    size: int


class Freeable(Struct, frozen=True):
    """What a deletion would free: at once, and at `due_at`, once the grace has passed.

    `shared` stays, because something else refers to it, in the repositories `shared_with`: the
    largest of them, or `more`. Unless `is_complete`, it is only part of it: at least this much.
    """

    now: Amount
    later: Amount
    due_at: datetime
    shared: Amount
    shared_with: tuple[Share, ...]
    more: bool
    is_complete: bool = True


class Usage(Struct, frozen=True):
    """What repositories hold. `content` counts each blob once, however many link it.

    `own` are its manifests and those of its blobs that nothing else links: what would be freed with
    it. None if that was not asked.
    """

    name: str
    repositories: int
    tags: int
    content: Amount
    own: Amount | None


class Usages(Struct, frozen=True):
    """What the whole registry holds, and what waits to be removed from its disk.

    `deleted` are the manifests of deleted repositories, among those of `total`; their blobs are
    among its blobs. Unless `is_counted`, part of what a former version stored is missing.
    """

    total: Usage
    deleted: Amount
    waiting_bytes: int
    largest: tuple[Usage, ...]
    is_counted: bool
