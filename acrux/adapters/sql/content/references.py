"""Which manifest names which blob, and which index which manifest."""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from acrux.adapters.sql.database import SqlValue, Statement, Steps
from acrux.adapters.sql.many_rows import placeholder_rows, placeholders, slices
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest
from acrux.errors import InvalidManifest

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
