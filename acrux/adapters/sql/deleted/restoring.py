"""Restore manifests with what they list, and whole repositories."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from acrux.adapters.sql.content import attributes, graveyard, limits, repositories, reviews, usage
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.keys import find_key
from acrux.adapters.sql.content.tags import note_untagged
from acrux.adapters.sql.database import Statement, Steps
from acrux.adapters.sql.deleted import places, purging, restored_tags
from acrux.adapters.sql.deleted.places import Found, Place
from acrux.adapters.sql.many_rows import placeholders, slices
from acrux.domain.content.attributes import Operation
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.storage.deleted import Restoration
from acrux.errors import NameTaken, UnknownManifest, UnknownRepository

RESTORED_AT_ONCE: Final = 500  # manifests, in one transaction


class _Walk(Struct):
    """A restoration under way: from where, into which repository, and how many more at once.

    `since` is when the manifest was deleted that is to be restored.
    """

    repository: RepositoryName
    key: str
    around: Sequence[Place]
    since: int
    now: int
    room: int
    restored: list[str]


def restore(what: Restoration, now: int, grace: Grace) -> Steps[bool]:
    """Restore a manifest with what belongs to it; False if that was too much for once."""
    name, digest = what.repository, str(what.digest)
    around = places.read((yield places.find(name, now)))
    found = (yield from places.find_manifests(around, [digest], now)).get(digest)
    is_live = bool((yield from attributes.of_manifest(name, what.digest)))
    if found is None and not is_live:
        raise UnknownManifest(
            "no manifest of this digest can be restored: list the deleted ones", reference=digest
        )
    tags = yield from restored_tags.choose(what, around, found, now)
    overwritten = yield from restored_tags.check_free(name, tags, what.digest, force=what.force)
    yield from attributes.check_repository(Operation.WRITE, name, overwritten)
    key = yield from repositories.ensure(name, now)
    before = yield from usage.bytes_of(key)
    if found is not None:
        walk = _Walk(name, key, around, found.deleted_at, now, RESTORED_AT_ONCE, [])
        if not (yield from _restore_below(walk, found)):
            # Should nobody come back for the rest, these are collected again.
            yield from reviews.review(key, walk.restored, grace.ends())
            yield from _check_room(name, key, before)
            return False
        yield from _bring_back(walk, found)
        around = places.read((yield places.find(name, now)))
    yield from restored_tags.point(key, tags, what.digest, now, grace)
    yield from restored_tags.forget(around, tags, what.digest)
    yield from _check_room(name, key, before)
    return True


def _restore_below(walk: _Walk, root: Found) -> Steps[bool]:
    """Restore what the root lists and what refers to it, of any depth, but not the root itself.

    What is live has all that belongs to it: each is restored after what is below it. False if the
    room did not suffice.
    """
    path, seen = [root], {root.digest}
    while path:
        below = yield from _missing_below(walk, path[-1])
        new = [found for found in below if found.digest not in seen]
        if new:
            seen |= {found.digest for found in new}
            path += new
            continue
        found = path.pop()
        if not path:
            return True
        if walk.room == 0:
            return False
        yield from _bring_back(walk, found)
        walk.room -= 1
    return True


def _missing_below(walk: _Walk, found: Found) -> Steps[list[Found]]:
    """What is deleted of the manifests that this one lists, and of its referrers.

    Not all of it, if there is more than the room.
    """
    below: list[Found] = []
    for some in slices((yield from _listed(found))):
        dead = yield from _not_live(walk.key, some)
        below += (yield from places.find_manifests(walk.around, dead, walk.now)).values()
        if len(below) > walk.room:
            return below
    for place in walk.around:
        referrers = yield from places.find_referrers(
            place, found.digest, walk.since, walk.now, walk.room + 1
        )
        dead = yield from _not_live(walk.key, [one.digest for one in referrers])
        below += (one for one in referrers if one.digest in dead)
    return below


def _listed(found: Found) -> Steps[list[str]]:
    rows = yield Statement(
        "SELECT entries FROM manifests WHERE repository = :key AND digest = :digest",
        {"key": found.place.key, "digest": found.digest},
    )
    entries = (entry for (text,) in rows for entry in msgspec.json.decode(text))
    return list(dict.fromkeys(str(digest) for digest, *_ in entries))


def _not_live(key: str, digests: Sequence[str]) -> Steps[list[str]]:
    """Those of the digests that no manifest of the repository has."""
    if not digests:
        return []
    rows = yield Statement(
        f"""
        SELECT digest FROM manifests
        WHERE repository = ? AND digest IN {placeholders(len(digests))}
        """,  # noqa: S608 -- only placeholders
        {},
        [key, *digests],
    )
    live = {str(digest) for (digest,) in rows}
    return [digest for digest in digests if digest not in live]


def _bring_back(walk: _Walk, found: Found) -> Steps[None]:
    source, digest = found.place.key, found.digest
    yield from restored_tags.keep(found, walk.repository)
    if not (yield from _not_live(walk.key, [digest])):  # pushed again meanwhile
        yield from purging.erase(source, digest, walk.now)
        return
    targets = yield from graveyard.move(source, walk.key, digest, walk.now)
    # Not as old as it was: a rule that deletes by age would delete it at once.
    yield Statement(
        "UPDATE manifests SET updated_at = :now WHERE repository = :key AND digest = :digest",
        {"now": walk.now, "key": walk.key, "digest": digest},
    )
    yield note_untagged(walk.key, digest, walk.now)
    yield purging.forget(source, digest)
    yield from reviews.review(source, targets or (), walk.now)
    walk.restored.append(digest)


def restore_repository(repository: RepositoryName, now: int) -> Steps[None]:
    """Give the repository of this name that was deleted last its name back."""
    if (yield from find_key(repository)) is not None:
        raise NameTaken(
            f"there is a repository {repository} again: restore the manifests of the deleted one"
        )
    around = places.read((yield places.find(repository, now)))
    deleted = [place for place in around if place.is_repository]
    if not deleted:
        raise UnknownRepository("no repository of this name can be restored", name=str(repository))
    key = deleted[0].key
    yield Statement(
        """
        UPDATE repositories
        SET name = former_name, former_name = NULL, deleted_at = NULL, clear_at = NULL,
            restorable = 0
        WHERE key = :key
        """,
        {"key": key},
    )
    yield from _check_room(repository, key, 0)


def _check_room(repository: RepositoryName, key: str, before: int) -> Steps[None]:
    """Raise QuotaExceeded if a quota had no room for what the repository has grown by."""
    added = (yield from usage.bytes_of(key)) - before
    yield from limits.check_room(repository, added, counted=added)
