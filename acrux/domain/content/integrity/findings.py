"""What a check of the registry can find, and what to do about it."""

from enum import Enum
from typing import Final

from msgspec import Struct

from acrux.domain.content.storage.space import Ground, Kept, Thing

MAX_AFFECTED: Final = 10  # repositories, tags or manifests that a finding names

_PUSH_BLOB: Final = "push an image with this blob again, to any of its repositories"
_REPAIR: Final = "acrux check --repair corrects it"
_COLLECTED: Final = "acrux gc run, or the running registry, removes it; so does --repair"


class Kind(Enum):
    """What is wrong."""

    DATABASE = "damaged-database"
    MISSING_BLOB = "missing-blob"
    WRONG_SIZE = "wrong-blob-size"
    DAMAGED_BLOB = "damaged-blob"
    QUARANTINED_BLOB = "quarantined-blob"
    UNSTORED_LINK = "link-without-blob"
    UNLINKED_BLOB = "blob-without-link"
    DOOMED_BLOB = "blob-to-be-removed"
    WRONG_LINK = "wrong-link-size"
    DAMAGED_MANIFEST = "damaged-manifest"
    MISSING_REFERENCE = "missing-reference"
    WRONG_REFERENCE = "wrong-reference"
    LOST_MANIFEST = "reference-without-manifest"
    LOST_TAG = "tag-without-manifest"
    REPOSITORY_COUNTERS = "wrong-repository-counters"
    REGISTRY_COUNTERS = "wrong-registry-counters"
    ORPHANED_COPY = "orphaned-copy"
    ABANDONED_UPLOADS = "abandoned-uploads"
    UNKNOWN_FILE = "unknown-file"

    @property
    def is_leftover(self) -> bool:
        """Whether it only takes space: nothing is lost, and nothing is wrong."""
        return self in _LEFTOVERS

    @property
    def advice(self) -> str:
        """What to do about it."""
        return _ADVICE[self]


_LEFTOVERS: Final = frozenset(
    {Kind.LOST_MANIFEST, Kind.ORPHANED_COPY, Kind.ABANDONED_UPLOADS, Kind.UNKNOWN_FILE}
)

_ADVICE: Final = {
    Kind.DATABASE: "stop the registry, and restore the last backup whose verification succeeds",
    Kind.MISSING_BLOB: _PUSH_BLOB,
    Kind.WRONG_SIZE: _PUSH_BLOB,
    Kind.DAMAGED_BLOB: _PUSH_BLOB,
    Kind.QUARANTINED_BLOB: _PUSH_BLOB,
    Kind.UNSTORED_LINK: _PUSH_BLOB,
    Kind.UNLINKED_BLOB: "acrux check --repair removes it, unless a manifest names it",
    Kind.DOOMED_BLOB: _REPAIR,
    Kind.WRONG_LINK: _REPAIR,
    Kind.DAMAGED_MANIFEST: "push this manifest again",
    Kind.MISSING_REFERENCE: _REPAIR,
    Kind.WRONG_REFERENCE: _REPAIR,
    Kind.LOST_MANIFEST: "push this manifest again, or delete its repository",
    Kind.LOST_TAG: "push the tag again, or delete it",
    Kind.REPOSITORY_COUNTERS: _REPAIR,
    Kind.REGISTRY_COUNTERS: _REPAIR,
    Kind.ORPHANED_COPY: _COLLECTED,
    Kind.ABANDONED_UPLOADS: _COLLECTED,
    Kind.UNKNOWN_FILE: "no version of acrux made it: look at it, and remove it by hand",
}


class Outcome(Enum):
    """What was done about it."""

    NOTHING = "nothing"
    REPAIRED = "repaired"
    QUARANTINED = "quarantined"  # never served, and kept for inspection


class Affected(Struct, frozen=True):
    """Some of what uses a digest: `REPO:TAG`, `REPO@DIGEST` or `REPO`; `more` if not all."""

    names: tuple[str, ...] = ()
    more: bool = False


class Finding(Struct, frozen=True):
    """One thing that is wrong: `name` is a digest, a tag, a file or a part of the database.

    `repository` is empty unless it is in one; `detail` says how it is wrong.
    """

    kind: Kind
    name: str
    repository: str = ""
    detail: str = ""
    affected: Affected = Affected()
    outcome: Outcome = Outcome.NOTHING


def affected_by(kept: Kept) -> Affected:
    """What uses a digest, from the chains that keep it: the tags that a pull would fail for."""
    names: dict[str, None] = {}
    for keeper in kept.keepers:
        tops = [chain.steps[0] for chain in keeper.chains if chain.ground is not Ground.HOLD]
        for top in tops:
            if top.thing is Thing.TAG:
                names[f"{keeper.name}:{top.name}"] = None
            elif top.thing is not Thing.BLOB:
                names[f"{keeper.name}@{top.name}"] = None
        if not tops or all(top.thing is Thing.BLOB for top in tops):
            names[keeper.name] = None
    more = kept.more or any(keeper.more for keeper in kept.keepers)
    return Affected(tuple(names)[:MAX_AFFECTED], more or len(names) > MAX_AFFECTED)
