"""The chains of references that keep a digest in a repository."""

from collections import deque
from typing import Final

from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content import references
from acrux.adapters.sql.database import Statement, Steps
from acrux.domain.content.media_types import INDEXES
from acrux.domain.content.storage.space import Chain, Ground, Step, Thing
from acrux.domain.instants import from_microseconds

CHAINS: Final = 5  # that are named
LOOKED_AT: Final = 500  # manifests, until no more chains are sought
NAMERS: Final = 20  # that are followed from one digest

# What is still to be looked at: a manifest, and the chain from it down to what was asked about.
_Waiting = deque[tuple[str, tuple[Step, ...]]]


def climb(key: str, digest: str, rules: Rules) -> Steps[tuple[tuple[Chain, ...], bool]]:
    """Some of the chains that keep the digest, the shortest first, and whether there are more."""
    now = rules.grace.now()
    chains: list[Chain] = []
    waiting: _Waiting = deque([(digest, ())])
    more = yield from _begin_at_link(key, digest, now, waiting, chains)
    seen: set[str] = set()
    while waiting and len(chains) < CHAINS and len(seen) < LOOKED_AT:
        manifest, below = waiting.popleft()
        if manifest in seen:  # by a shorter way
            continue
        seen.add(manifest)
        for row in (yield _find_manifest(key, manifest)):
            media_type, created_at, has_subject, subject, is_locked = row
            step = Step(_thing(media_type, subject), manifest, from_microseconds(created_at))
            steps = (step, *below)
            referred = yield from _follow(key, manifest, steps, waiting, chains)
            more |= referred > NAMERS
            if subject is not None:
                waiting.append((str(subject), steps))
            elif not referred:
                stays = not rules.takes(has_subject=bool(has_subject))
                stand = _stand(key, steps, now, is_locked=bool(is_locked), stays=stays)
                chains.append((yield from stand))
    return tuple(chains[:CHAINS]), more or bool(waiting) or len(chains) > CHAINS


def _thing(media_type: str, subject: object) -> Thing:
    if subject is not None:
        return Thing.REFERRER
    return Thing.INDEX if media_type in INDEXES else Thing.MANIFEST


def _begin_at_link(
    key: str, digest: str, now: int, waiting: _Waiting, chains: list[Chain]
) -> Steps[bool]:
    """Begin with the blob of the digest, if it is one; return whether too many name it."""
    for (created_at,) in (yield _find_link(key, digest)):
        steps = (Step(Thing.BLOB, digest, from_microseconds(created_at)),)
        namers = yield references.find_namers(key, digest, NAMERS + 1)
        waiting += [(str(namer), steps) for (namer,) in namers[:NAMERS]]
        held = yield _find_hold(key, digest)
        for principal, until in held:
            if until > now:
                chains.append(Chain(steps, Ground.HOLD, from_microseconds(until), str(principal)))
        if namers or chains:
            return len(namers) > NAMERS
        due = [until for _, until in held]  # it expired, and is about to be noticed
        due += [at for (at,) in (yield _find_review(key, digest))]
        ground, at = (Ground.REVIEW, from_microseconds(min(due))) if due else (Ground.NOTHING, None)
        chains.append(Chain(steps, ground, at))
    return False


def _follow(
    key: str, manifest: str, steps: tuple[Step, ...], waiting: _Waiting, chains: list[Chain]
) -> Steps[int]:
    """Add the tags of the manifest as chains, and go on with what names it; returns how many."""
    tags = yield _find_tags(key, manifest)
    for name, updated_at in tags:
        tag = Step(Thing.TAG, str(name), from_microseconds(updated_at))
        chains.append(Chain((tag, *steps), Ground.TAG))
    namers = yield references.find_namers(key, manifest, NAMERS + 1)
    waiting += [(str(namer), steps) for (namer,) in namers[:NAMERS]]
    return len(tags) + len(namers)


def _stand(
    key: str, steps: tuple[Step, ...], now: int, *, is_locked: bool, stays: bool
) -> Steps[Chain]:
    """The chain of a manifest that nothing refers to."""
    digest = steps[0].name
    for (at,) in (yield _find_deletion(key, digest)):
        return Chain(steps, Ground.DELETED, from_microseconds(at))
    for principal, until in (yield _find_hold(key, digest)):
        if until > now:
            return Chain(steps, Ground.HOLD, from_microseconds(until), str(principal))
    for (at,) in (yield _find_review(key, digest)):
        if is_locked:
            return Chain(steps, Ground.LOCK)
        if not stays:
            return Chain(steps, Ground.REVIEW, from_microseconds(at))
    return Chain(steps, Ground.UNTAGGED)


def _find_link(key: str, digest: str) -> Statement:
    return _of(
        "SELECT created_at FROM blob_links WHERE repository = :key AND digest = :digest",
        key, digest,
    )  # fmt: skip


def _find_manifest(key: str, digest: str) -> Statement:
    """Of a manifest: its type and age, its subject if that is there, whether it is locked."""
    return _of(
        """
        SELECT manifests.media_type, manifests.created_at, manifests.subject IS NOT NULL,
               subjects.digest,
               manifests.delete_enabled = 0 OR manifests.write_enabled = 0
                   OR repositories.write_enabled = 0
        FROM manifests JOIN repositories ON repositories.key = manifests.repository
        LEFT JOIN manifests AS subjects
          ON subjects.repository = manifests.repository AND subjects.digest = manifests.subject
        WHERE manifests.repository = :key AND manifests.digest = :digest
        """,
        key,
        digest,
    )


def _find_tags(key: str, digest: str) -> Statement:
    return _of(
        f"""
        SELECT name, updated_at FROM tags WHERE repository = :key AND digest = :digest
        ORDER BY name LIMIT {CHAINS + 1}
        """,  # noqa: S608 -- our own number
        key,
        digest,
    )


def _find_hold(key: str, digest: str) -> Statement:
    return _of(
        """
        SELECT principal, until FROM holds WHERE repository = :key AND digest = :digest
        ORDER BY until DESC LIMIT 1
        """,
        key,
        digest,
    )


def _find_review(key: str, digest: str) -> Statement:
    return _of(
        "SELECT due_at FROM reviews WHERE repository = :key AND digest = :digest", key, digest
    )


def _find_deletion(key: str, digest: str) -> Statement:
    return _of(
        "SELECT expires_at FROM deleted_manifests WHERE repository = :key AND digest = :digest",
        key, digest,
    )  # fmt: skip


def _of(sql: str, key: str, digest: str) -> Statement:
    return Statement(sql, {"key": key, "digest": digest})
