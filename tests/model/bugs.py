"""Bugs of the collector, put in by changing its statements or its functions."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from acrux.adapters.sql.collection import reviewing
from acrux.adapters.sql.content import (
    blob_links,
    graveyard,
    holds,
    limits,
    manifests,
    references,
    reviews,
)
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.database import Row, Statement, Steps
from acrux.adapters.sql.deleted import purging, restored_tags, restoring
from acrux.adapters.sqlite.connection import Connection
from acrux.domain.content.manifest import Manifest
from acrux.domain.content.policies.quota import Quota
from acrux.domain.content.upload import Upload
from acrux.services.content.uploads import Uploads

PutIn = Callable[[pytest.MonkeyPatch], None]


def _sql(old: str, new: str) -> PutIn:
    """Every statement with this text has another one in its place."""

    def put_in(monkeypatch: pytest.MonkeyPatch) -> None:
        execute = Connection.execute

        def changed(connection: Connection, statement: Statement) -> list[Row]:
            text = " ".join(statement.sql.split())
            if old in text:
                statement = replace(statement, sql=text.replace(old, new))
            return execute(connection, statement)

        monkeypatch.setattr(Connection, "execute", changed)

    return put_in


def _nothing(*_: Any) -> Iterator[Any]:
    return iter(())


def _only_blobs(manifest: Manifest) -> tuple[str, ...]:
    return tuple(str(blob.digest) for blob in manifest.blobs)


def _bytes_first(
    review: Callable[..., Steps[None]], key: str, digests: Iterable[str], due_at: int
) -> Steps[None]:
    for digest in (chosen := tuple(digests)):
        yield Statement(
            """
            INSERT INTO removals (digest, copy, size, due_at)
            SELECT digest, copy, size, 0 FROM blobs WHERE digest = :digest
            """,
            {"digest": digest},
        )
    yield from review(key, chosen, due_at)


def _asking_no_quota(module: Any, name: str) -> PutIn:
    """A function whose statements ask no quota."""
    steps = getattr(module, name)

    def without(*args: Any) -> Steps[Any]:
        with pytest.MonkeyPatch.context() as during:
            during.setattr(limits, "check_room", _nothing)
            return (yield from steps(*args))

    return lambda monkeypatch: monkeypatch.setattr(module, name, without)


def _is_full(quota: Quota, used: int, added: int) -> bool:
    return added > 0 and used >= quota.max_bytes


async def _without_what_it_holds(uploads: Uploads, upload: Upload, announced: int) -> None:
    metadata = uploads._metadata  # noqa: SLF001 -- a bug is put in where it would be made
    await metadata.check_writable(upload.session.repository, announced)


class _CountsNothing:
    """Statements that change no counter."""

    def __getattr__(self, _: str) -> Callable[..., Statement]:
        return lambda *_: Statement("SELECT 1", {})


def _none(*_: Any) -> Steps[list[Any]]:
    yield from ()
    return []


def _free(*_: Any) -> Steps[dict[str, str]]:
    yield from ()
    return {}


def _all_of_them(_: str, digests: list[str]) -> Steps[list[str]]:
    yield from ()
    return digests


# Each is a mistake that was made somewhere (peers.md, groups A and C), or nearly made here.
BUGS: dict[str, PutIn] = {
    "a review ignores what pushes hold": _sql(
        "SELECT MAX(until) FROM holds", "SELECT MIN(NULL) FROM holds"
    ),
    "a push that asks by HEAD holds nothing": lambda monkeypatch: monkeypatch.setattr(
        holds, "renew", _nothing
    ),
    "bytes go with the first repository that lets go of them": _sql(
        "AND NOT EXISTS (SELECT 1 FROM blob_links WHERE blob_links.digest = blobs.digest)", ""
    ),
    "an index refers to nothing": lambda monkeypatch: monkeypatch.setattr(
        references, "targets", _only_blobs
    ),
    "a repository is cleared before its time": _sql("clear_at <= :now", "clear_at > :now - :now"),
    "bytes are removed before the rows are": lambda monkeypatch: monkeypatch.setattr(
        reviews, "review", partial(_bytes_first, reviews.review)
    ),
    "nothing is kept for a grace": lambda monkeypatch: monkeypatch.setattr(
        Grace, "ends", Grace.now
    ),
    "referrers outlive their subject": lambda monkeypatch: monkeypatch.setattr(
        manifests, "remove_referrers", _nothing
    ),
    "what is locked is collected": _sql("COALESCE(manifests.delete_enabled = 0", "COALESCE(1 = 0"),
    "a second tag does not count": _sql(
        "SELECT 1 FROM tags WHERE tags.repository = due.repository",
        "SELECT 1 FROM tags WHERE 1 = 0",
    ),
    "what goes is not counted": _sql(
        "manifests_to >= :digest", "manifests_to >= :digest AND :count > 0"
    ),
}

QUOTA_BUGS: dict[str, PutIn] = {
    "a quota is asked without the bytes to come": lambda monkeypatch: monkeypatch.setattr(
        Quota, "refuses", _is_full
    ),
    "a mount asks no quota": _asking_no_quota(blob_links, "mount_blob"),
    "a manifest asks no quota": _asking_no_quota(manifests, "put_manifest"),
    "what was deleted takes room": _sql(
        "(repositories.name >= :first_0 AND repositories.name < :end_0)",
        "(COALESCE(repositories.name, former_name) >= :first_0"
        " AND COALESCE(repositories.name, former_name) < :end_0)",
    ),
    "a link that goes is not counted": _sql("blob_bytes + :bytes", "blob_bytes + MAX(:bytes, 0)"),
    "a chunk is let in without what the upload holds": lambda monkeypatch: monkeypatch.setattr(
        Uploads, "_check_room", _without_what_it_holds
    ),
}

RESTORE_BUGS: dict[str, PutIn] = {
    "what is restored is not counted": lambda monkeypatch: monkeypatch.setattr(
        graveyard, "usage", _CountsNothing()
    ),
    "a restoration asks no quota": lambda monkeypatch: monkeypatch.setattr(
        restoring, "_check_room", _nothing
    ),
    "the graveyard keeps no links": lambda monkeypatch: monkeypatch.setattr(
        graveyard, "_link", _nothing
    ),
    "what was deleted expires before its time": _sql(
        "FROM deleted_manifests WHERE expires_at <= :now",
        "FROM deleted_manifests WHERE expires_at <= :now + 86400000000",
    ),
    "what an index lists stays deleted": lambda monkeypatch: monkeypatch.setattr(
        restoring, "_listed", _none
    ),
    "a signature that was deleted before comes back": _sql(
        "AND COALESCE(kept.deleted_at, repositories.deleted_at) >= :since", ""
    ),
    "a tag that was pushed again is moved without force": lambda monkeypatch: monkeypatch.setattr(
        restored_tags, "_pointing_elsewhere", _free
    ),
    "what is purged can be restored": lambda monkeypatch: monkeypatch.setattr(
        purging, "erase", _nothing
    ),
    "a restored tag is still listed as deleted": lambda monkeypatch: monkeypatch.setattr(
        restored_tags, "forget", _nothing
    ),
    "what was buried just now loses its blobs": lambda monkeypatch: monkeypatch.setattr(
        reviewing, "_unnamed", _all_of_them
    ),
}
