"""What a deletion would free, and what would stay because it is shared."""

from collections.abc import Sequence
from typing import Final

from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content import attributes, graveyard, repositories
from acrux.adapters.sql.content.keys import find_key
from acrux.adapters.sql.database import Statement, Steps
from acrux.adapters.sql.space import unreferenced
from acrux.adapters.sql.space.counted import check_counted
from acrux.adapters.sql.space.unreferenced import MAX_LOOKED_AT, Deletion, Leaving
from acrux.domain.content.attributes import Operation
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import Reference, RepositoryName
from acrux.domain.content.storage.space import MAX_TARGETS, Amount, Freeable, Share, Target
from acrux.domain.instants import from_microseconds
from acrux.errors import UnknownManifest, UnknownRepository, UnknownTag

PAGE: Final = 1000  # links that one statement reads
SHARES: Final = 10  # repositories that an answer names
REPOSITORIES: Final = 1000  # whose shares are summed
OTHERS: Final = 50  # repositories, of those that also link one blob


def what_if(targets: Sequence[Target], rules: Rules) -> Steps[Freeable]:
    """What would be freed if all of these were deleted at once. Nothing is changed."""
    yield from check_counted()
    whole: dict[str, str] = {}  # names by keys
    parts: dict[str, Deletion] = {}
    for target in targets:
        key = yield from find_key(target.repository)
        if target.reference is None:
            yield from _check_repository(target.repository)
            whole[str(key)] = target.repository.value
        else:
            deletion = parts.setdefault(str(key), Deletion())
            yield from _check_part(target.repository, target.reference, deletion)
    sums = _Sums(whole)
    for key in whole:
        [(manifests, size)] = yield _find_manifests(key)
        sums.later += Amount(manifests=int(manifests), manifest_bytes=int(size))
    room = MAX_LOOKED_AT
    for key, deletion in parts.items():
        if key not in whole:
            found = yield from unreferenced.find(key, deletion, rules, room)
            if (yield from graveyard.keeping(key, rules.grace.now())):  # it can be restored first
                found.now, found.later = Amount(), found.now + found.later
            sums.leaving[key] = found
            room -= len(found.links) + len(found.kept)
    for key in whole:
        yield from _sum_repository(key, sums)
    for key, leaving in sums.leaving.items():
        yield from _sum_part(key, leaving, sums)
    due_at = yield from _find_end([*whole, *sums.leaving], rules)
    return (yield from sums.result(due_at))


def _find_end(keys: Sequence[str], rules: Rules) -> Steps[int]:
    """When the last of what is deleted now from these repositories goes."""
    ends = rules.grace.ends()
    for key in keys:
        if kept := (yield from graveyard.keeping(key, rules.grace.now())):
            ends = max(ends, kept.until)
    return ends


def _check_repository(repository: RepositoryName) -> Steps[None]:
    """Raise what the deletion of the repository would raise."""
    if not (yield repositories.find_any_manifest(repository)):
        raise UnknownRepository("there is no such repository", name=str(repository))
    locked = yield from attributes.of_locked_items(repository)
    yield from attributes.check_repository(Operation.DELETE_REPOSITORY, repository, locked)


def _check_part(
    repository: RepositoryName, reference: Reference, deletion: Deletion
) -> Steps[None]:
    """Add the tag or manifest to what is deleted; raise what its deletion would raise."""
    if isinstance(reference, Digest):
        items = yield from attributes.of_manifest(repository, reference)
        if not items:
            raise UnknownManifest(
                "there is no such manifest", repository=str(repository), reference=str(reference)
            )
        items += yield from attributes.of_tags_on(repository, reference)
        deletion.manifests.add(str(reference))
    else:
        items = yield from attributes.of_tags(repository, [reference])
        if not items:
            raise UnknownTag("there is no such tag", repository=str(repository), tag=str(reference))
        deletion.tags.add(reference.value)
    yield from attributes.check_repository(Operation.DELETE, repository, items)


class _Sums:
    """What has been summed up so far, in bounded memory."""

    def __init__(self, whole: dict[str, str]) -> None:
        self.whole = whole
        self.leaving: dict[str, Leaving] = {}
        self.later = Amount()
        self.shared = Amount()
        self._shares: dict[str, tuple[int, int]] = {}
        self._more = False

    def leaves(self, key: str, digest: str) -> bool:
        """Whether the link goes too."""
        return key in self.whole or (key in self.leaving and digest in self.leaving[key].links)

    def touches(self, key: str, digest: str) -> bool:
        """Whether something that goes from the repository names the blob."""
        return self.leaves(key, digest) or (
            key in self.leaving and digest in self.leaving[key].kept
        )

    def free(self, size: int) -> None:
        """Add a blob that would be freed."""
        self.later += Amount(blobs=1, blob_bytes=size)

    def share(self, keys: Sequence[str], size: int, *, more: bool) -> None:
        """Add a blob that would stay, because these repositories have it too."""
        self.shared += Amount(blobs=1, blob_bytes=size)
        self._more |= more
        for key in keys:
            if key not in self._shares and len(self._shares) == REPOSITORIES:
                self._more = True
                continue
            blobs, bytes_ = self._shares.get(key, (0, 0))
            self._shares[key] = blobs + 1, bytes_ + size

    def result(self, due_at: int) -> Steps[Freeable]:
        """The sums, with the names of the repositories."""
        largest = sorted(self._shares.items(), key=lambda item: (-item[1][1], item[0]))
        shares = []
        for key, (blobs, size) in largest[:SHARES]:
            [(name,)] = yield _find_name(key)
            shares.append(Share(str(name), blobs, size))
        parts = self.leaving.values()
        return Freeable(
            now=sum((part.now for part in parts), Amount()),
            later=sum((part.later for part in parts), self.later),
            due_at=from_microseconds(due_at),
            shared=self.shared,
            shared_with=tuple(shares),
            more=self._more or len(largest) > SHARES,
            is_complete=all(part.is_complete for part in parts),
        )


def _sum_repository(key: str, sums: _Sums) -> Steps[None]:
    after = ""
    while links := (yield _find_links(key, after)):
        for digest, size, is_shared in links:
            if is_shared:
                yield from _sum_link(key, str(digest), int(size), sums)
            else:
                sums.free(int(size))
        after = str(links[-1][0])


def _sum_part(key: str, leaving: Leaving, sums: _Sums) -> Steps[None]:
    for digest, size in (*leaving.links.items(), *leaving.kept.items()):
        yield from _sum_link(key, digest, size, sums)


def _sum_link(key: str, digest: str, size: int, sums: _Sums) -> Steps[None]:
    """Sum up a blob that others may link too, at the first repository that a target touches."""
    rows = yield _find_links_to(digest)
    keys = [str(other) for (other,) in rows]
    if next((one for one in keys if sums.touches(one, digest)), key) != key:
        return
    if others := [one for one in keys if not sums.leaves(one, digest)]:
        more = len(others) > OTHERS or len(rows) == MAX_TARGETS + OTHERS
        sums.share(others[:OTHERS], size, more=more)
    else:
        sums.free(size)


def _find_manifests(key: str) -> Statement:
    return Statement(
        "SELECT manifests, manifest_bytes FROM usage WHERE repository = :key", {"key": key}
    )


def _find_links(key: str, after: str) -> Statement:
    """A page of the repository's links: digest, size, whether another one links the blob."""
    return Statement(
        f"""
        SELECT digest, size,
               EXISTS (SELECT 1 FROM blob_links AS others
                       WHERE others.digest = blob_links.digest AND others.repository < :key)
               OR EXISTS (SELECT 1 FROM blob_links AS others
                          WHERE others.digest = blob_links.digest AND others.repository > :key)
        FROM blob_links WHERE repository = :key AND digest > :after
        ORDER BY digest LIMIT {PAGE}
        """,  # noqa: S608 -- our own number
        {"key": key, "after": after},
    )


def _find_links_to(digest: str) -> Statement:
    return Statement(
        f"""
        SELECT repository FROM blob_links WHERE digest = :digest
        ORDER BY repository LIMIT {MAX_TARGETS + OTHERS}
        """,  # noqa: S608 -- our own number
        {"digest": digest},
    )


def _find_name(key: str) -> Statement:
    return Statement(
        """
        SELECT COALESCE(name, former_name || ' (deleted)', key) FROM repositories WHERE key = :key
        """,
        {"key": key},
    )
