"""What nothing would refer to, if tags or manifests were deleted."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content import references
from acrux.adapters.sql.database import Statement, Steps
from acrux.domain.content.storage.space import Amount

MAX_LOOKED_AT: Final = 20_000  # digests, of repositories of which only a part is deleted
PAGE: Final = 500  # namers or referrers that one statement reads


@dataclass
class Deletion:
    """What is deleted from a repository: tags, and manifests with their tags and referrers."""

    tags: set[str] = field(default_factory=set)
    manifests: set[str] = field(default_factory=set)


@dataclass
class Leaving:
    """What would go from the repository: at once, and later; and the links that would go.

    `kept` are blobs that what goes names, and something that stays too. Unless `is_complete`, there
    is more than there was room for.
    """

    now: Amount = field(default_factory=Amount)
    later: Amount = field(default_factory=Amount)
    links: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    is_complete: bool = True


def find(key: str, deletion: Deletion, rules: Rules, room: int) -> Steps[Leaving]:
    """What would go, as the transactions of deletion and collection decide it.

    Looks at `room` digests at most.
    """
    walk = _Walk(key, deletion, rules, room)
    for digest in sorted(deletion.manifests):
        yield from walk.take(digest, is_now=True)
    for tag in sorted(deletion.tags):
        for (digest,) in (yield _find_tagged(key, tag)):
            walk.candidates.add(str(digest))
    while walk.candidates:
        candidates, walk.candidates = walk.candidates, set()
        for digest in sorted(candidates):
            if (yield from walk.loses_all(digest)):
                yield from walk.take(digest, is_now=False)
    yield from walk.look_at_links()
    return walk.leaving


class _Walk:
    """From what is deleted to what only that refers to."""

    def __init__(self, key: str, deletion: Deletion, rules: Rules, room: int) -> None:
        self.leaving = Leaving()
        self.candidates: set[str] = set()
        self._key = key
        self._deletion = deletion
        self._rules = rules
        self._room = room
        self._gone: set[str] = set()
        self._targets: set[str] = set()

    def take(self, digest: str, *, is_now: bool) -> Steps[None]:
        """Add a manifest that goes, and its referrers; what it names is looked at later."""
        going = [digest]
        while going:
            if len(self._gone) + len(self._targets) >= self._room:
                self.leaving.is_complete = False
                return
            one = going.pop()
            if one in self._gone:
                continue
            self._gone.add(one)
            for size, media_type, content in (yield _find_content(self._key, one)):
                self._add(Amount(manifests=1, manifest_bytes=int(size)), is_now=is_now)
                targets = references.guessed_targets(str(media_type), bytes(content))
                self._targets |= {*targets}
                self.candidates |= {*targets}
            if self._rules.grace.referrers:
                going += yield from self._find_referrers(one)

    def _add(self, amount: Amount, *, is_now: bool) -> None:
        if is_now:
            self.leaving.now += amount
        else:
            self.leaving.later += amount

    def loses_all(self, digest: str) -> Steps[bool]:
        """Whether it is a manifest to which nothing refers that stays."""
        rows = yield _find_state(self._key, digest)
        if not rows or digest in self._gone:
            return False
        [(subject, has_subject, is_locked)] = rows
        if is_locked or not self._rules.takes(has_subject=subject is not None):
            return False
        if has_subject and subject not in self._gone:
            return False
        has_tag = yield from self._has_tag(digest)
        return not has_tag and not (yield from self._is_named(digest))

    def look_at_links(self) -> Steps[None]:
        """Sort the blobs that what goes names into those that go and those that stay."""
        for digest in sorted(self._targets):
            for (size,) in (yield _find_link(self._key, digest)):
                is_named = yield from self._is_named(digest)
                kept = self.leaving.kept if is_named else self.leaving.links
                kept[digest] = int(size)

    def _has_tag(self, digest: str) -> Steps[bool]:
        rows = yield _find_tags(self._key, digest, len(self._deletion.tags) + 1)
        return any(tag not in self._deletion.tags for (tag,) in rows)

    def _is_named(self, digest: str) -> Steps[bool]:
        after = ""
        while namers := (yield references.find_namers(self._key, digest, PAGE, after)):
            if any(namer not in self._gone for (namer,) in namers):
                return True
            after = str(namers[-1][0])
        return False

    def _find_referrers(self, subject: str) -> Steps[Iterable[str]]:
        found: list[str] = []
        after = ""
        while rows := (yield _find_free_referrers(self._key, subject, after)):
            for (digest,) in rows:
                if not (yield from self._has_tag(str(digest))):
                    found.append(str(digest))
            after = str(rows[-1][0])
            if len(found) > MAX_LOOKED_AT:
                break
        return found


def _find_tagged(key: str, tag: str) -> Statement:
    return Statement(
        "SELECT digest FROM tags WHERE repository = :key AND name = :tag", {"key": key, "tag": tag}
    )


def _find_content(key: str, digest: str) -> Statement:
    return Statement(
        """
        SELECT size, media_type, content FROM manifests
        WHERE repository = :key AND digest = :digest
        """,
        {"key": key, "digest": digest},
    )


def _find_state(key: str, digest: str) -> Statement:
    """Of a manifest: its subject, whether that is there, whether it is locked."""
    return Statement(
        """
        SELECT manifests.subject,
               EXISTS (SELECT 1 FROM manifests AS subjects
                       WHERE subjects.repository = :key AND subjects.digest = manifests.subject),
               manifests.delete_enabled = 0 OR manifests.write_enabled = 0
                   OR repositories.write_enabled = 0
        FROM manifests JOIN repositories ON repositories.key = manifests.repository
        WHERE manifests.repository = :key AND manifests.digest = :digest
        """,
        {"key": key, "digest": digest},
    )


def _find_tags(key: str, digest: str, count: int) -> Statement:
    return Statement(
        """
        SELECT name FROM tags WHERE repository = :key AND digest = :digest
        ORDER BY name LIMIT :count
        """,
        {"key": key, "digest": digest, "count": count},
    )


def _find_free_referrers(key: str, subject: str, after: str) -> Statement:
    return Statement(
        f"""
        SELECT digest FROM manifests
        WHERE repository = :key AND subject = :subject AND digest > :after
          AND delete_enabled = 1 AND write_enabled = 1
        ORDER BY digest LIMIT {PAGE}
        """,  # noqa: S608 -- our own number
        {"key": key, "subject": subject, "after": after},
    )


def _find_link(key: str, digest: str) -> Statement:
    return Statement(
        "SELECT size FROM blob_links WHERE repository = :key AND digest = :digest",
        {"key": key, "digest": digest},
    )
