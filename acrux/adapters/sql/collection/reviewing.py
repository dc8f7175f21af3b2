"""Remove what is due to be looked at and has no reference left."""

from collections.abc import Sequence

from msgspec import Struct

from acrux.adapters.sql.content import blob_links, holds, manifests, repositories, reviews
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.database import Row, Statement, Steps
from acrux.ports.collection import Collected


class Rules(Struct, frozen=True):
    """What may be collected: `untagged` manifests, or only what is not a manifest of its own."""

    grace: Grace
    untagged: bool = True


def review_due(now: int, count: int, rules: Rules) -> Steps[Collected]:
    """Look at up to `count` digests that are due, and remove those without a reference."""
    due = reviews.read_due((yield reviews.find_due(now, count)))
    collected = Collected(looked_at=len(due))
    for key, digest in due:
        yield reviews.forget(key, digest)
        [(held,)] = yield holds.find_last(key, digest)
        if held is not None and held > now:
            yield from reviews.review(key, [digest], int(held))
            continue
        collected += yield from _review_manifest(key, digest, now, rules)
        collected += yield from _review_link(key, digest, now)
    return collected


def review_expired_holds(now: int, count: int) -> Steps[Collected]:
    """End up to `count` holds whose pushes never came, and remove the blobs that nothing names."""
    expired = yield holds.find_expired(now, count)
    collected = Collected(looked_at=len(expired))
    for key, digest, principal in expired:
        yield holds.forget(key, digest, principal)
        [(held,)] = yield holds.find_last(key, digest)
        is_reviewed = yield reviews.find(key, digest)  # it lost a reference, and has its grace
        # Only the blob: a manifest that never had a reference stays.
        if held is None and not is_reviewed:
            collected += yield from _review_link(key, digest, now)
    return collected


def _review_manifest(key: str, digest: str, now: int, rules: Rules) -> Steps[Collected]:
    rows = yield _find_state(key, digest)
    if not rows:  # deleted, but perhaps not all of its referrers were
        if rules.grace.referrers:
            yield from manifests.remove_referrers(key, digest, now, rules.grace)
            yield from repositories.tidy(key)
        return Collected()
    [(subject, is_referred_to, is_locked)] = rows
    follows = subject is not None and rules.grace.referrers
    if is_referred_to or not (rules.untagged or follows):
        return Collected()
    if is_locked:  # it is looked at again until it is unlocked
        yield from reviews.review(key, [digest], rules.grace.unlocked())
        return Collected()
    yield from manifests.remove(key, digest, now, now)
    if rules.grace.referrers:
        yield from manifests.remove_referrers(key, digest, now, rules.grace)
    yield repositories.forget_locks_of_an_empty(key)
    yield from repositories.tidy(key)
    return Collected(manifests=1)


def _find_state(key: str, digest: str) -> Statement:
    return Statement(
        """
        SELECT manifests.subject,
               EXISTS (SELECT 1 FROM tags
                       WHERE tags.repository = :key AND tags.digest = :digest)
               OR EXISTS (SELECT 1 FROM manifest_references AS named
                          WHERE named.repository = :key AND named.target = :digest
                            AND named.digest <> :digest)
               OR EXISTS (SELECT 1 FROM manifests AS subjects
                          WHERE subjects.repository = :key AND subjects.digest = manifests.subject)
               OR EXISTS (SELECT 1 FROM deleted_manifests AS kept
                          WHERE kept.repository = :key AND kept.digest = :digest),
               manifests.delete_enabled = 0 OR manifests.write_enabled = 0
                   OR repositories.write_enabled = 0
        FROM manifests JOIN repositories ON repositories.key = manifests.repository
        WHERE manifests.repository = :key AND manifests.digest = :digest
        """,
        {"key": key, "digest": digest},
    )


def _review_link(key: str, digest: str, now: int) -> Steps[Collected]:
    unnamed: Sequence[Row] = yield Statement(
        """
        SELECT size FROM blob_links
        WHERE repository = :key AND digest = :digest
          AND NOT EXISTS (SELECT 1 FROM manifest_references
                          WHERE manifest_references.repository = :key
                            AND manifest_references.target = :digest)
        """,
        {"key": key, "digest": digest},
    )
    if not unnamed:
        return Collected()
    yield from blob_links.unlink(key, digest, now)
    yield from repositories.tidy(key)
    return Collected(links=1)
