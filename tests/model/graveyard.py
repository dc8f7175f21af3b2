"""What was deleted of a repository and can be restored, in plain Python."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tests.model.model import Switches
from tests.model.universe import Content

INSTANT: Final = timedelta(microseconds=1)


@dataclass
class Grave:
    """A deleted manifest, with the attributes that it had."""

    manifest: Content
    switches: Switches
    deleted_at: datetime
    expires_at: datetime


@dataclass
class Graveyard:
    """The deleted manifests, what they need, and the deleted tags by name and digest."""

    now: Callable[[], datetime] = datetime.now
    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, Grave] = field(default_factory=dict)
    tags: dict[tuple[str, str], tuple[datetime, datetime]] = field(default_factory=dict)
    reviews: set[str] = field(default_factory=set)  # what the next collection looks at

    def bury(self, grave: Grave, linked: Iterable[str]) -> None:
        """Keep the manifest with those of its blobs that its repository has."""
        self.manifests[grave.manifest.digest] = grave
        self.blobs |= grave.manifest.named & set(linked)

    def note(self, tag: str, digest: str, at: datetime, until: datetime) -> None:
        """Note that the tag was deleted; of one name, each later than the last."""
        last = [of for (name, _), (of, _) in self.tags.items() if name == tag]
        self.tags[tag, digest] = (max([at, *(of + INSTANT for of in last)]), until)

    def has_tag(self, tag: str, digest: str) -> bool:
        """Whether this tag of this manifest can be restored."""
        times = self.tags.get((tag, digest))
        return times is not None and times[1] > self.now()

    def take(self, digest: str) -> tuple[Content, Switches]:
        """Give the manifest away; what it named is looked at."""
        grave = self.manifests.pop(digest)
        self.reviews |= grave.manifest.named
        return grave.manifest, grave.switches

    def expire(self) -> None:
        """Remove what has been kept for long enough."""
        for digest, grave in [*self.manifests.items()]:
            if grave.expires_at <= self.now():
                self.take(digest)
        self.tags = {tag: times for tag, times in self.tags.items() if times[1] > self.now()}

    def collect(self) -> None:
        """Unlink what was named, and is not named any more."""
        named = {each for grave in self.manifests.values() for each in grave.manifest.named}
        self.blobs -= self.reviews - named
        self.reviews.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.__init__(self.now)  # type: ignore[misc]  # a new one

    @property
    def is_there(self) -> bool:
        """Whether anything of it is left."""
        return bool(self.blobs or self.manifests or self.tags)
