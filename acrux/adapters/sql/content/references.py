"""Which manifest names which blob, manifest or subject."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final

import msgspec
from msgspec.structs import replace

from acrux.adapters.sql.content.keys import KEY
from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.adapters.sql.many_rows import placeholder_rows, placeholders, slices
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest, Referrer
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Page
from acrux.errors import InvalidManifest

# A referrer may have four megabytes of annotations. Those of short ones, in bytes each, come with
# the rows of a page; those of longer ones are read one by one, up to so many bytes together.
SHORT_REFERRER: Final = 1 << 16
LONG_REFERRERS: Final = 1 << 22

_DIGEST: Final = re.compile(rb"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def targets(manifest: Manifest) -> tuple[str, ...]:
    """The digests of the blobs and manifests that the manifest names, each once."""
    named = (*manifest.blobs, *manifest.manifests)
    return tuple(dict.fromkeys(str(descriptor.digest) for descriptor in named))


def refer(key: str, digest: str, named: Sequence[str]) -> Steps[None]:
    """Note that the manifest names these digests."""
    for some in slices(named):
        values: list[SqlValue] = [value for target in some for value in (key, target, digest)]
        yield Statement(
            f"""
            INSERT INTO manifest_references (repository, target, digest)
            VALUES {placeholder_rows(len(some), 3)}
            ON CONFLICT (repository, target, digest) DO NOTHING
            """,  # noqa: S608 -- only placeholders
            {},
            values,
        )


def guessed_targets(media_type: str, content: bytes) -> tuple[str, ...]:
    """The digests that a stored manifest names: more rather than fewer if it cannot be read.

    What a former version accepted need not satisfy the rules of this one.
    """
    with suppress(InvalidManifest):
        return targets(Manifest.read(content, media_type))
    return tuple(dict.fromkeys(found.decode() for found in _DIGEST.findall(content)))


def withdraw(key: str, digest: str, media_type: str, content: bytes) -> Steps[Iterable[str]]:
    """Remove what a removed manifest referred to, and return these digests."""
    named = _named_by(digest, media_type, content)
    if named is None:
        named = tuple(str(target) for (target,) in (yield _find_targets(key, digest)))
    for some in slices(named):
        yield Statement(
            f"""
            DELETE FROM manifest_references
            WHERE repository = ? AND digest = ? AND target IN {placeholders(len(some))}
            """,  # noqa: S608 -- only placeholders
            {},
            [key, digest, *some],
        )
    return named


def _named_by(digest: str, media_type: str, content: bytes) -> tuple[str, ...] | None:
    """What the manifest names; None if its bytes are damaged, as far as can be told."""
    algorithm = Digest.parse(digest).algorithm
    with suppress(InvalidManifest):
        manifest = Manifest.read(content, media_type, algorithm)
        if str(manifest.digest) == digest:
            return targets(manifest)
    return None


def _find_targets(key: str, digest: str) -> Statement:
    # Reads all references of the repository: only for a manifest whose bytes cannot be read.
    return Statement(
        "SELECT target FROM manifest_references WHERE repository = :key AND digest = :digest",
        {"key": key, "digest": digest},
    )


def find_namers(key: str, target: str, count: int, after: str = "") -> Statement:
    """Up to `count` other manifests that name the target, after this one."""
    return Statement(
        """
        SELECT digest FROM manifest_references
        WHERE repository = :key AND target = :target AND digest > :after AND digest <> :target
        ORDER BY digest LIMIT :count
        """,
        {"key": key, "target": target, "count": count, "after": after},
    )


def find_referrers(
    repository: RepositoryName, subject: Digest, artifact_type: str | None, page: Page
) -> Statement:
    """The manifests that point at the subject, up to one more than the page holds."""
    return Statement(
        f"""
        SELECT digest, media_type, size, artifact_type,
               CASE WHEN size <= {SHORT_REFERRER} THEN annotations END
        FROM manifests
        WHERE repository = {KEY} AND subject = :subject AND digest > :last
          AND list_enabled = 1 {"AND artifact_type = :type" if artifact_type else ""}
        ORDER BY digest LIMIT :rows
        """,  # noqa: S608 -- a parameter's name
        {
            "repository": repository.value,
            "subject": str(subject),
            "last": page.last,
            "rows": page.items + 1,
            **({"type": artifact_type} if artifact_type else {}),
        },
    )


def read_referrer(row: Row) -> Referrer:
    """A row of `find_referrers`, which lacks the annotations above SHORT_REFERRER."""
    digest, media_type, size, artifact_type, annotations = row
    found = _read_annotations(annotations or "{}")
    return Referrer(Digest.parse(digest), media_type, int(size), artifact_type, found)


def size_apart(referrer: Referrer) -> int:
    """The bytes of a referrer whose annotations are read by themselves; 0 of a short one."""
    return referrer.size if referrer.size > SHORT_REFERRER else 0


def find_annotations(repository: RepositoryName, digest: Digest) -> Statement:
    """The annotations of one manifest."""
    return Statement(
        f"SELECT annotations FROM manifests WHERE repository = {KEY} AND digest = :digest",  # noqa: S608 -- a parameter's name
        {"repository": repository.value, "digest": str(digest)},
    )


def annotated(referrer: Referrer, rows: Sequence[Row]) -> Referrer:
    """The referrer with the row of `find_annotations`; unchanged if it was deleted meanwhile."""
    for (annotations,) in rows:
        return replace(referrer, annotations=_read_annotations(annotations))
    return referrer


def _read_annotations(text: str) -> Mapping[str, str]:
    return msgspec.json.decode(text, type=dict[str, str])
