"""A repository in plain Python whose deletions can be restored for some days."""

import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

from tests.model.collected import GRACE, CollectedRepository
from tests.model.graveyard import Grave, Graveyard
from tests.model.limited import LimitedRepository
from tests.model.model import ACCEPTED, LOCKED, NO_CONTENT, OK, UNKNOWN, Switches, unlocked
from tests.model.universe import Content

DAYS: Final = 2
TAKEN: Final = 409


class Found(NamedTuple):
    """A deleted manifest, in the graveyard or in a deleted repository."""

    place: "Place"
    digest: str
    deleted_at: datetime


@dataclass
class RestorableRepository(LimitedRepository):
    """A repository, its graveyard, and those that were deleted under its name."""

    graveyard: Graveyard = field(default_factory=Graveyard)
    former: list["RestorableRepository"] = field(default_factory=list)
    # Of one that was deleted:
    deleted_at: datetime = field(default_factory=datetime.now)
    expires_at: datetime = field(default_factory=datetime.now)

    # Deleting -----------------------------------------------------------------------------------

    @property
    def until(self) -> datetime:
        """Until when what is deleted now can be restored."""
        return self.now() + timedelta(days=DAYS)

    def remove(self, digest: str) -> None:
        """See Repository. It can be restored."""
        for tag in self.tags_on(digest):
            self.graveyard.note(tag, digest, self.now(), self.until)
        switches = self.manifest_switches[digest]
        grave = Grave(self.manifests[digest], switches, self.now(), self.until)
        self.graveyard.bury(grave, self.blobs)
        super().remove(digest)

    def delete_tag(self, tag: str) -> int:
        """See Repository. It can be restored."""
        digest = self.tags.get(tag, "")
        status = super().delete_tag(tag)
        if status == ACCEPTED:
            self.graveyard.note(tag, digest, self.now(), self.until)
        return status

    def delete(self) -> int:
        """See Repository. It is kept as it is, and collected."""
        former, kept = copy.copy(self), (self.graveyard, self.former)
        status = super().delete()
        self.graveyard, self.former = kept
        if status == ACCEPTED:
            former.deleted_at, former.expires_at = self.now(), self.until
            self.former.insert(0, former)
        return status

    def collect(self) -> None:
        """See CollectedRepository. What expired goes first."""
        self.graveyard.expire()
        self.former[:] = self.restorable()
        super().collect()
        for each in self.former:
            CollectedRepository.collect(each)
        self.graveyard.collect()

    def tags_on(self, digest: str) -> list[str]:
        """The tags that point at the manifest."""
        return [tag for tag, of in self.tags.items() if of == digest]

    # Restoring ----------------------------------------------------------------------------------

    def restorable(self) -> list["RestorableRepository"]:
        """The deleted repositories of the name that can be restored, the last one first."""
        return [each for each in self.former if each.expires_at > self.now()]

    def places(self) -> list["Place"]:
        """Where what was deleted is."""
        return [*self.restorable(), self.graveyard]

    def find(self, digest: str) -> list[Found]:
        """Where the deleted manifest is, as it was deleted last; otherwise nothing."""
        found = [
            Found(place, digest, self.dead_in(place)[digest][1])
            for place in self.places()
            if digest in self.dead_in(place)
        ]
        return sorted(found, key=lambda one: one.deleted_at)[-1:]

    def restore(self, digest: str, tag: str | None, *, force: bool) -> int:
        """Restore a manifest with what it lists, its referrers and its tags, or one tag."""
        found = self.find(digest)
        is_known = found or (tag and digest in self.manifests)
        if not is_known or (tag and not found and not self.graveyard.has_tag(tag, digest)):
            return UNKNOWN
        tags = [tag] if tag else self.deleted_with(found[0], force=force)
        existing = [each for each in tags if each in self.tags]
        if not force and any(self.tags[each] != digest for each in existing):
            return TAKEN
        concerned = (self.switches, *(self.tag_switches[each] for each in existing))
        if not all(switches["writeEnabled"] for switches in concerned):
            return LOCKED
        before, saved = self.size, self.saved()
        for one in found:
            self.restore_below(one)
            self.bring_back(one)
        for each in tags:
            self.point(each, digest)
        return self.unless_full(before, saved, OK)

    def deleted_with(self, found: Found, *, force: bool) -> list[str]:
        """The tags that were deleted with the manifest; without force, those that are free."""
        if isinstance(found.place, Graveyard):
            noted = found.place.tags.items()
            tags = [
                tag for (tag, of), (at, _) in noted if of == found.digest and at >= found.deleted_at
            ]
        else:
            tags = found.place.tags_on(found.digest)
        return [tag for tag in tags if force or self.tags.get(tag, found.digest) == found.digest]

    def restore_below(self, root: Found) -> None:
        """Restore what the root lists, and what was deleted with it or later and refers to it."""
        path, seen = [root], {root.digest}
        while path:
            new = [one for one in self.below(path[-1], root) if one.digest not in seen]
            if new:
                seen |= {one.digest for one in new}
                path += new
            elif (one := path.pop()) is not root:
                self.bring_back(one)

    def below(self, of: Found, root: Found) -> list[Found]:
        """The deleted manifests that this one lists, and those that refer to it."""
        manifest = self.dead_in(of.place)[of.digest][0]
        listed = [one for digest in sorted(manifest.named) for one in self.find(digest)]
        referrers = [
            Found(place, digest, at)
            for place in self.places()
            for digest, (dead, at) in sorted(self.dead_in(place).items())
            if dead.subject == of.digest and at >= root.deleted_at
        ]
        return [one for one in (*listed, *referrers) if one.digest not in self.manifests]

    def dead_in(self, place: "Place") -> dict[str, tuple[Content, datetime]]:
        """The manifests in a place, and when each was deleted."""
        if isinstance(place, Graveyard):
            return {
                digest: (grave.manifest, grave.deleted_at)
                for digest, grave in place.manifests.items()
                if grave.expires_at > self.now()
            }
        return {digest: (one, place.deleted_at) for digest, one in place.manifests.items()}

    def bring_back(self, found: Found) -> None:
        """Move the manifest here, unless it was pushed again: then only the deleted one goes."""
        place = found.place
        if not isinstance(place, Graveyard):
            for tag in place.tags_on(found.digest):
                self.graveyard.note(tag, found.digest, place.deleted_at, place.expires_at)
        linked = set(place.blobs)
        manifest, switches = place.take(found.digest)
        if found.digest not in self.manifests:
            self.manifests[found.digest] = manifest
            self.manifest_switches[found.digest] = switches
            self.blobs |= manifest.named & linked

    def take(self, digest: str) -> tuple[Content, Switches]:
        """Give the manifest away, from a deleted repository; what it named is looked at."""
        for tag in self.tags_on(digest):
            del self.tags[tag], self.tag_switches[tag]
        taken = self.manifests.pop(digest), self.manifest_switches.pop(digest)
        for each in taken[0].named:
            self.lose(each, timedelta())
        return taken

    def point(self, tag: str, digest: str) -> None:
        """Point the tag at the restored manifest."""
        before = self.tags.get(tag, digest)
        self.tags[tag] = digest
        self.tag_switches.setdefault(tag, unlocked())
        self.graveyard.tags.pop((tag, digest), None)
        if before != digest:
            self.lose(before, GRACE)

    def restore_all(self) -> int:
        """Restore the repository that was deleted last, if there is none of its name."""
        if self.blobs or self.manifests:
            return TAKEN
        if not self.restorable():
            return UNKNOWN
        saved, last = self.saved(), self.restorable()[0]
        vars(self).update(containers(last))
        status = self.unless_full(0, saved, NO_CONTENT)
        if status == NO_CONTENT:
            self.former.remove(last)
        return status

    def unless_full(self, before: int, saved: "Saved", status: int) -> int:
        """The status, or a refusal that changes nothing, as the quota has no room for the rest."""
        added, limit = self.size - before, self.quota.max_bytes
        if limit is None or added <= 0 or self.quota.used <= limit:
            return status
        for thing, values in saved:
            vars(thing).update(values)
        return LOCKED

    def saved(self) -> "Saved":
        """Everything, to go back to."""
        return [(each, containers(each)) for each in (self, self.graveyard, *self.former)]

    # Purging ------------------------------------------------------------------------------------

    def purge(self, digest: str) -> int:
        """Remove a deleted manifest and its deleted tags for good, wherever they are."""
        noted = [tag for tag in self.graveyard.tags if tag[1] == digest]
        within = [place for place in self.places() if digest in self.dead_in(place)]
        for place in within:
            place.take(digest)
        for tag in noted:
            del self.graveyard.tags[tag]
        return NO_CONTENT if within or noted else UNKNOWN

    def purge_all(self) -> int:
        """Remove all that was deleted for good."""
        if not (self.former or self.graveyard.is_there):
            return UNKNOWN
        self.former.clear()
        self.graveyard.clear()
        return NO_CONTENT


Place: TypeAlias = Graveyard | RestorableRepository
Saved: TypeAlias = list[tuple[object, dict[str, object]]]


def containers(thing: object) -> dict[str, object]:
    """Copies of what the thing holds."""
    held = vars(thing).items()
    return {name: copy.copy(value) for name, value in held if isinstance(value, dict | set)}
