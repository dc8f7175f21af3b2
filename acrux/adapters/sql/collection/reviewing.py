"""Remove what is due to be looked at and has no reference left."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from acrux.adapters.sql.content import blob_links, holds, manifests, repositories, reviews
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.database import Row, Statement, Steps
from acrux.adapters.sql.many_rows import fitting, placeholders
from acrux.domain.webhooks.event import COLLECTION
from acrux.ports.content.collection import Collected

CONTENT_BYTES: Final = 1024 * 1024  # of manifests that one step removes


class Rules(Struct, frozen=True):
    """What may be collected: `untagged` manifests, or only what is not a manifest of its own."""

    grace: Grace
    untagged: bool = True

    def takes(self, *, has_subject: bool) -> bool:
        """Whether a manifest goes that nothing refers to and that lost a reference."""
        return self.untagged or (has_subject and self.grace.referrers)


class _Due(Struct, frozen=True):
    """A digest that is due, and what there is of it: a manifest, a link, a hold, references."""

    key: str
    digest: str
    held: int | None
    is_manifest: bool
    has_subject: bool
    is_tagged: bool
    is_kept: bool  # in a graveyard, until its own time is over
    is_named: bool
    is_referrer: bool  # of a manifest that is there
    is_locked: bool
    has_referrers: bool
    is_linked: bool
    size: int  # of the manifest, in bytes


def review_due(now: int, count: int, rules: Rules) -> Steps[Collected]:
    """Look at up to `count` digests that are due, and remove those without a reference.

    They are all looked at before the first is removed. What a removal leaves without a reference
    is due again by then.
    """
    due = _some([_Due(*row) for row in (yield _find_due(now, count))])
    yield from reviews.forget_all([(one.key, one.digest) for one in due])
    collected = Collected(looked_at=len(due))
    unlinked: dict[str, list[str]] = {}
    for one in due:
        if one.held is not None and one.held > now:
            yield from reviews.review(one.key, [one.digest], one.held)
            continue
        collected += yield from _review_manifest(one, now, rules)
        if one.is_linked and not one.is_named:
            unlinked.setdefault(one.key, []).append(one.digest)
    for key, reviewed in unlinked.items():
        digests = yield from _unnamed(key, reviewed)
        yield from blob_links.unlink_all(key, digests, now)
        collected += Collected(links=len(digests))
    for key in dict.fromkeys(one.key for one in due):
        yield repositories.forget_locks_of_an_empty(key)
        yield from repositories.tidy(key)
    return collected


def _unnamed(key: str, digests: Sequence[str]) -> Steps[list[str]]:
    """Those of the digests that no manifest names by now.

    If the repository is a graveyard, what was removed since they were looked at may name them.
    """
    rows = yield Statement(
        f"""
        SELECT DISTINCT target FROM manifest_references
        WHERE repository = ? AND target IN {placeholders(len(digests))}
        """,  # noqa: S608 -- only placeholders
        {},
        [key, *digests],
    )
    named = {str(target) for (target,) in rows}
    return [digest for digest in digests if digest not in named]


def _some(due: list[_Due]) -> list[_Due]:
    """Those whose manifests hold no more than CONTENT_BYTES: each may name thousands of blobs."""
    return due[: fitting((each.size for each in due), CONTENT_BYTES)]


def _find_due(now: int, count: int) -> Statement:
    # For some an EXISTS would let PostgreSQL read whole tables.
    return Statement(
        """
        SELECT due.repository, due.digest,
               (SELECT MAX(until) FROM holds
                WHERE holds.repository = due.repository AND holds.digest = due.digest),
               manifests.digest IS NOT NULL,
               manifests.subject IS NOT NULL,
               (SELECT 1 FROM tags WHERE tags.repository = due.repository
                AND tags.digest = due.digest LIMIT 1) IS NOT NULL,
               (SELECT 1 FROM deleted_manifests AS kept WHERE kept.repository = due.repository
                AND kept.digest = due.digest LIMIT 1) IS NOT NULL,
               EXISTS (SELECT 1 FROM manifest_references AS named
                       WHERE named.repository = due.repository AND named.target = due.digest
                         AND named.digest <> due.digest),
               EXISTS (SELECT 1 FROM manifests AS subjects
                       WHERE subjects.repository = due.repository
                         AND subjects.digest = manifests.subject),
               COALESCE(manifests.delete_enabled = 0 OR manifests.write_enabled = 0
                        OR repositories.write_enabled = 0, 1 = 0),
               EXISTS (SELECT 1 FROM manifests AS referrers
                       WHERE referrers.repository = due.repository
                         AND referrers.subject = due.digest),
               (SELECT 1 FROM blob_links WHERE blob_links.repository = due.repository
                AND blob_links.digest = due.digest LIMIT 1) IS NOT NULL,
               COALESCE(manifests.size, 0)
        FROM (SELECT repository, digest FROM reviews
              WHERE due_at <= :now ORDER BY due_at LIMIT :count) AS due
        LEFT JOIN manifests
               ON manifests.repository = due.repository AND manifests.digest = due.digest
        LEFT JOIN repositories ON repositories.key = due.repository
        """,
        {"now": now, "count": count},
    )


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


def _review_manifest(one: _Due, now: int, rules: Rules) -> Steps[Collected]:
    # Without a manifest it was deleted, but perhaps not all of its referrers were.
    if one.is_manifest:
        is_referred_to = one.is_tagged or one.is_named or one.is_referrer
        if one.is_kept or is_referred_to or not rules.takes(has_subject=one.has_subject):
            return Collected()
        if one.is_locked:  # it is looked at again until it is unlocked
            yield from reviews.review(one.key, [one.digest], rules.grace.unlocked())
            return Collected()
        yield from manifests.remove(one.key, one.digest, now, now, COLLECTION)
    if rules.grace.referrers and one.has_referrers:
        yield from manifests.remove_referrers(one.key, one.digest, now, rules.grace, COLLECTION)
    return Collected(manifests=int(one.is_manifest))


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
