"""A repository in plain Python from which is collected what nothing refers to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tests.model.model import ACCEPTED, CREATED, OK, Repository, is_deletable
from tests.model.universe import Content

GRACE: Final = timedelta(days=1)
HELD: Final = timedelta(hours=2)
LOCKED_FOR: Final = timedelta(days=1)


@dataclass
class CollectedRepository(Repository):
    """A repository that knows what to look at, when, and what pushes are about to name."""

    now: Callable[[], datetime] = datetime.now
    reviews: dict[str, datetime] = field(default_factory=dict)
    holds: dict[str, datetime] = field(default_factory=dict)
    due: timedelta = GRACE  # how long what loses its reference now is kept

    # Changing -----------------------------------------------------------------------------------

    def link(self, digest: str) -> int:
        """See Repository. The push may name it for a while."""
        status = super().link(digest)
        if status == CREATED:
            self.hold(digest)
        return status

    def hold(self, digest: str) -> None:
        """A push may rely on it."""
        self.holds[digest] = max(self.now() + HELD, self.holds.get(digest, self.now()))

    def ask(self, digest: str) -> int:
        """HEAD by a push; a hold that lasts for long enough is not renewed."""
        status = self.get_manifest(digest) if digest in self.manifests else self.get_blob(digest)
        if status == OK and self.holds.get(digest, self.now()) < self.now() + HELD / 2:
            self.hold(digest)
        return status

    def put(self, manifest: Content, tags: Iterable[str]) -> int:
        """See Repository. What it names is held no longer; what loses a tag is looked at later.

        What nothing refers to yet is held for the index that comes next.
        """
        tags = tuple(tags)
        former = {self.tags.get(tag, manifest.digest) for tag in tags}
        status = super().put(manifest, tags)
        if status == CREATED:
            for digest in manifest.named:
                self.holds.pop(digest, None)
            if tags or manifest.subject:
                self.holds.pop(manifest.digest, None)
            else:
                self.hold(manifest.digest)
            self.reviews.pop(manifest.digest, None)
            for digest in former - {manifest.digest}:
                self.lose(digest, GRACE)
        return status

    def delete_blob(self, digest: str) -> int:
        """See Repository."""
        status = super().delete_blob(digest)
        if status == ACCEPTED:
            self.reviews.pop(digest, None)
        return status

    def delete_tag(self, tag: str) -> int:
        """See Repository. What loses its tag is looked at later."""
        digest = self.tags.get(tag, "")
        status = super().delete_tag(tag)
        if status == ACCEPTED:
            self.lose(digest, GRACE)
        return status

    def delete(self) -> int:
        """See Repository. Its rows are cleared later, out of sight."""
        now = self.now
        status = super().delete()
        self.now = now
        return status

    def remove(self, digest: str) -> None:
        """See Repository. What it named is looked at later."""
        named = self.manifests[digest].named
        self.reviews.pop(digest, None)
        super().remove(digest)
        for each in named:
            self.lose(each, self.due)

    def is_free(self, digest: str) -> bool:
        """See Repository: a referrer that is locked or held is looked at again."""
        if not super().is_free(digest):
            self.lose(digest, LOCKED_FOR)
            return False
        if self.holds.get(digest, self.now()) > self.now():
            self.lose(digest, self.holds[digest] - self.now())
            return False
        return True

    def lose(self, digest: str, after: timedelta) -> None:
        """Look at it after this time, or later if it is to be looked at later."""
        at = self.now() + after
        self.reviews[digest] = max(at, self.reviews.get(digest, at))

    # Collecting ---------------------------------------------------------------------------------

    def collect(self) -> None:
        """Remove all that is due and has no reference left."""
        self.due = timedelta()
        while due := sorted(digest for digest, at in self.reviews.items() if at <= self.now()):
            for digest in due:
                self.reviews.pop(digest, None)  # it may have gone with its subject
                self.look_at(digest)
        self.due = GRACE
        for digest in sorted(digest for digest, until in self.holds.items() if until <= self.now()):
            del self.holds[digest]
            if digest not in self.reviews:
                self.look_at_the_link(digest)

    def look_at(self, digest: str) -> None:
        """Remove the manifest, or the link, if it has no reference left."""
        if self.holds.get(digest, self.now()) > self.now():
            self.reviews[digest] = self.holds[digest]
            return
        if digest in self.manifests:
            self.look_at_the_manifest(digest)
        else:
            self.remove_referrers(digest)
        self.look_at_the_link(digest)

    def look_at_the_manifest(self, digest: str) -> None:
        """Remove it unless something keeps it."""
        if self.is_named(digest) or self.manifests[digest].subject in self.manifests:
            return
        is_locked = not (is_deletable(self.manifest_switches[digest]) and not self.is_locked)
        if is_locked:
            self.lose(digest, LOCKED_FOR)
        else:
            self.remove(digest)

    def look_at_the_link(self, digest: str) -> None:
        """Unlink the blob unless a manifest names it."""
        if not any(digest in held.named for held in self.manifests.values()):
            self.blobs.discard(digest)
