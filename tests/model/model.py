"""A registry in plain Python: dictionaries, sets, and the statuses that an answer must have."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.model.universe import Content

SWITCHES = ("deleteEnabled", "writeEnabled", "listEnabled", "readEnabled")

OK, CREATED, ACCEPTED, NO_CONTENT = 200, 201, 202, 204
REFUSED, UNKNOWN, LOCKED = 400, 404, 405

Switches = dict[str, bool]


def unlocked() -> Switches:
    """What everything begins with (acr-protocol.md §5.5)."""
    return dict.fromkeys(SWITCHES, True)


def is_deletable(switches: Switches) -> bool:
    """Whether neither of the two switches that keep a thing is off."""
    return switches["deleteEnabled"] and switches["writeEnabled"]


@dataclass
class Repository:
    """What a repository holds. It is there for others once it holds a manifest."""

    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, Content] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    switches: Switches = field(default_factory=unlocked)
    tag_switches: dict[str, Switches] = field(default_factory=dict)
    manifest_switches: dict[str, Switches] = field(default_factory=dict)

    # What may be seen ---------------------------------------------------------------------------

    def get_blob(self, digest: str) -> int:
        """A blob is seen through the repository that holds it."""
        if digest not in self.blobs:
            return UNKNOWN
        return OK if self.switches["readEnabled"] else LOCKED

    def get_manifest(self, digest: str) -> int:
        """By its digest: neither the repository nor the manifest keeps it back."""
        if digest not in self.manifests:
            return UNKNOWN
        concerned = (self.switches, self.manifest_switches[digest])
        return OK if all(switches["readEnabled"] for switches in concerned) else LOCKED

    def get_tag(self, tag: str) -> int:
        """By a tag: the tag may keep it back too."""
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
        """Those of them that point at the subject."""
        return [
            digest
            for digest in self.listed_manifests()
            if self.manifests[digest].subject == subject
        ]

    # What may be changed ------------------------------------------------------------------------

    @property
    def is_locked(self) -> bool:
        """Whether nothing may be pushed to it."""
        return not self.switches["writeEnabled"]

    def begin(self) -> int:
        """An upload begins where the repository may be written."""
        return LOCKED if self.is_locked else ACCEPTED

    def link(self, digest: str) -> int:
        """A blob was pushed, or mounted."""
        if self.is_locked:
            return LOCKED
        self.blobs.add(digest)
        return CREATED

    def put(self, manifest: Content, tags: Iterable[str]) -> int:
        """A manifest comes with tags, all or none; tags that are there keep their switches."""
        overwritten = [self.tag_switches[tag] for tag in tags if tag in self.tags]
        concerned = (self.switches, *overwritten)
        if not all(switches["writeEnabled"] for switches in concerned):
            return LOCKED
        if not manifest.blobs <= self.blobs:
            return REFUSED
        self.manifests[manifest.digest] = manifest
        self.manifest_switches.setdefault(manifest.digest, unlocked())
        for tag in tags:
            self.tags[tag] = manifest.digest
            self.tag_switches.setdefault(tag, unlocked())
        return CREATED

    def delete_blob(self, digest: str) -> int:
        """A blob goes, whatever needs it; only a repository that may not be written keeps it."""
        if not self.switches["writeEnabled"]:
            return LOCKED
        if digest not in self.blobs:
            return UNKNOWN
        self.blobs.remove(digest)
        return ACCEPTED

    def delete_tag(self, tag: str) -> int:
        """A tag goes alone."""
        if tag not in self.tags:
            return UNKNOWN
        if not (self.switches["writeEnabled"] and is_deletable(self.tag_switches[tag])):
            return LOCKED
        del self.tags[tag], self.tag_switches[tag]
        return ACCEPTED

    def delete_manifest(self, digest: str) -> int:
        """A manifest takes its tags with it, and the last one the repository's switches too."""
        if digest not in self.manifests:
            return UNKNOWN
        tags = [tag for tag, of in self.tags.items() if of == digest]
        concerned = (self.manifest_switches[digest], *(self.tag_switches[tag] for tag in tags))
        if not (self.switches["writeEnabled"] and all(map(is_deletable, concerned))):
            return LOCKED
        for tag in tags:
            del self.tags[tag], self.tag_switches[tag]
        del self.manifests[digest], self.manifest_switches[digest]
        if not self.manifests:
            self.switches = unlocked()
        return ACCEPTED

    def delete(self) -> int:
        """All of it goes, or nothing where anything in it is locked."""
        if not self.manifests:
            return UNKNOWN
        within = (*self.tag_switches.values(), *self.manifest_switches.values())
        if not all(map(is_deletable, (self.switches, *within))):
            return LOCKED
        self.__init__()  # type: ignore[misc]  # a new one, under the same name
        return ACCEPTED

    def switches_of(self, path: str) -> Switches | None:
        """The switches of `""`, `_tags/<tag>` or `_manifests/<digest>`; None where it is not."""
        kind, _, name = path.partition("/")
        if kind == "_tags":
            return self.tag_switches.get(name)
        if kind == "_manifests":
            return self.manifest_switches.get(name)
        return self.switches if self.manifests else None


@dataclass
class Upload:
    """An upload under way: where it is, what it will be, and how many bytes it holds."""

    location: str
    repository: str
    blob: Content
    offset: int = 0
    is_open: bool = True
