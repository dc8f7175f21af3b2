"""A registry in plain Python: dictionaries, sets and expected statuses."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.model.universe import Content

SWITCHES = ("deleteEnabled", "writeEnabled", "listEnabled", "readEnabled")

OK, CREATED, ACCEPTED, NO_CONTENT = 200, 201, 202, 204
REFUSED, UNKNOWN, LOCKED = 400, 404, 405

Switches = dict[str, bool]


def unlocked() -> Switches:
    """The initial attributes of everything (acr-protocol.md §5.5)."""
    return dict.fromkeys(SWITCHES, True)


def is_deletable(switches: Switches) -> bool:
    """Whether both attributes that protect a thing from deletion are true."""
    return switches["deleteEnabled"] and switches["writeEnabled"]


@dataclass
class Repository:
    """The content of a repository. Others see it once it holds a manifest."""

    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, Content] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    switches: Switches = field(default_factory=unlocked)
    tag_switches: dict[str, Switches] = field(default_factory=dict)
    manifest_switches: dict[str, Switches] = field(default_factory=dict)

    # Reading ------------------------------------------------------------------------------------

    def get_blob(self, digest: str) -> int:
        """A blob is visible through the repository that holds it."""
        if digest not in self.blobs:
            return UNKNOWN
        return OK if self.switches["readEnabled"] else LOCKED

    def get_manifest(self, digest: str) -> int:
        """By its digest: both the repository and the manifest must be readable."""
        if digest not in self.manifests:
            return UNKNOWN
        concerned = (self.switches, self.manifest_switches[digest])
        return OK if all(switches["readEnabled"] for switches in concerned) else LOCKED

    def get_tag(self, tag: str) -> int:
        """By a tag: the tag must be readable too."""
        if tag not in self.tags:
            return UNKNOWN
        if not self.tag_switches[tag]["readEnabled"]:
            return LOCKED
        return self.get_manifest(self.tags[tag])

    def listed_tags(self) -> list[str]:
        """The tags that are not hidden, in the order of their bytes."""
        return sorted(tag for tag in self.tags if self.tag_switches[tag]["listEnabled"])

    def listed_manifests(self) -> list[str]:
        """The digests that are not hidden, in the order of their bytes."""
        return sorted(
            digest for digest in self.manifests if self.manifest_switches[digest]["listEnabled"]
        )

    def referrers(self, subject: str) -> list[str]:
        """The listed manifests with this subject."""
        return [
            digest
            for digest in self.listed_manifests()
            if self.manifests[digest].subject == subject
        ]

    # Changing -----------------------------------------------------------------------------------

    @property
    def is_locked(self) -> bool:
        """Whether nothing may be pushed to it."""
        return not self.switches["writeEnabled"]

    def has_room(self, added: int) -> bool:
        """Whether so many bytes more may be stored. Here always; see LimitedRepository."""
        return True

    def begin(self) -> int:
        """An upload can begin if the repository may be written, and has room for a byte."""
        return LOCKED if self.is_locked or not self.has_room(1) else ACCEPTED

    def link(self, digest: str) -> int:
        """A blob was pushed, or mounted."""
        if self.is_locked:
            return LOCKED
        self.blobs.add(digest)
        return CREATED

    def put(self, manifest: Content, tags: Iterable[str]) -> int:
        """Put a manifest with tags, all or none; existing tags keep their attributes."""
        overwritten = [self.tag_switches[tag] for tag in tags if tag in self.tags]
        concerned = (self.switches, *overwritten)
        if not all(switches["writeEnabled"] for switches in concerned):
            return LOCKED
        if not manifest.blobs <= self.blobs:
            return REFUSED
        if manifest.digest not in self.manifests and not self.has_room(len(manifest.content)):
            return LOCKED
        self.manifests[manifest.digest] = manifest
        self.manifest_switches.setdefault(manifest.digest, unlocked())
        for tag in tags:
            self.tags[tag] = manifest.digest
            self.tag_switches.setdefault(tag, unlocked())
        return CREATED

    def delete_blob(self, digest: str) -> int:
        """Delete a blob, whatever needs it; only a repository that may not be written refuses."""
        if not self.switches["writeEnabled"]:
            return LOCKED
        if digest not in self.blobs:
            return UNKNOWN
        self.blobs.remove(digest)
        return ACCEPTED

    def delete_tag(self, tag: str) -> int:
        """Delete only the tag."""
        if tag not in self.tags:
            return UNKNOWN
        if not (self.switches["writeEnabled"] and is_deletable(self.tag_switches[tag])):
            return LOCKED
        del self.tags[tag], self.tag_switches[tag]
        return ACCEPTED

    def delete_manifest(self, digest: str) -> int:
        """Delete a manifest with its tags, and with the last one the repository's attributes."""
        if digest not in self.manifests:
            return UNKNOWN
        tags = [tag for tag, of in self.tags.items() if of == digest]
        concerned = (self.manifest_switches[digest], *(self.tag_switches[tag] for tag in tags))
        if not (self.switches["writeEnabled"] and all(map(is_deletable, concerned))):
            return LOCKED
        self.remove(digest)
        return ACCEPTED

    def remove(self, digest: str) -> None:
        """Remove a manifest with its tags, and with the last one the repository's attributes.

        Its referrers go with it, unless a tag, a lock or an index keeps them.
        """
        for tag in [tag for tag, of in self.tags.items() if of == digest]:
            del self.tags[tag], self.tag_switches[tag]
        del self.manifests[digest], self.manifest_switches[digest]
        self.remove_referrers(digest)
        if not self.manifests:
            self.switches = unlocked()

    def remove_referrers(self, subject: str) -> None:
        """Remove the manifests with this subject that nothing keeps."""
        for digest in sorted(self.manifests):
            is_one = digest in self.manifests and self.manifests[digest].subject == subject
            if is_one and not self.is_named(digest) and self.is_free(digest):
                self.remove(digest)

    def is_named(self, digest: str) -> bool:
        """Whether a tag points at the manifest, or an index names it."""
        by_index = any(digest in held.named for held in self.manifests.values())
        return digest in self.tags.values() or by_index

    def is_free(self, digest: str) -> bool:
        """Whether the manifest may be deleted. The collector's model notes when to look again."""
        return is_deletable(self.manifest_switches[digest])

    def delete(self) -> int:
        """Delete everything, or nothing if anything in it is locked."""
        if not self.manifests:
            return UNKNOWN
        within = (*self.tag_switches.values(), *self.manifest_switches.values())
        if not all(map(is_deletable, (self.switches, *within))):
            return LOCKED
        self.__init__()  # type: ignore[misc]  # a new one, under the same name
        return ACCEPTED

    def switches_of(self, path: str) -> Switches | None:
        """The attributes of `""`, `_tags/<tag>` or `_manifests/<digest>`; None if missing."""
        kind, _, name = path.partition("/")
        if kind == "_tags":
            return self.tag_switches.get(name)
        if kind == "_manifests":
            return self.manifest_switches.get(name)
        return self.switches if self.manifests else None


@dataclass
class Upload:
    """An upload under way: its location, its content, and how many bytes it holds."""

    location: str
    repository: str
    blob: Content
    offset: int = 0
    is_open: bool = True
