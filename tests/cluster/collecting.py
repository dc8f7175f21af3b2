"""What a cluster keeps: in the bucket, in the database, and by its tags."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from acrux.adapters.objects import keys
from acrux.bootstrap.application import build
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.settings import Settings
from tests.cluster.cluster import BUCKET, DATABASE, PREFIX, STORAGE, Cluster

# By then nothing is held any more, whatever a process that was killed had begun.
LATER = timedelta(days=9)


def collect_later(nodes: Cluster) -> None:
    """Collect all that is due some days later; the nodes are stopped."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in nodes.variables.items():
            patch.setenv(name, value)
        asyncio.run(_collect(nodes, datetime.now(UTC) + LATER))


async def _collect(nodes: Cluster, now: datetime) -> None:
    settings = Settings(
        data_dir=nodes.elsewhere,
        database_file=nodes.folder / "url",
        master_key_file=nodes.folder / "master-key",
        storage=STORAGE,
        gc_grace_seconds=0,
    )
    registry = build(settings, lambda: now)
    await registry.lifespan.open()
    try:
        await registry.services.orphans.disown()
        while await registry.services.collection.is_any_due():
            await registry.services.collection.run()
        await registry.services.collection.run()
    finally:
        await registry.lifespan.close()


def stored(nodes: Cluster) -> set[str]:
    """The keys below the prefix, of all that is in the bucket."""
    folder: Path = nodes.objects.store.folder / BUCKET / PREFIX
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def copies_in_use(nodes: Cluster) -> set[str]:
    """The keys of the copies that the database names."""
    return {
        keys.of_copy(Copy(Digest.parse(digest), name, 0))
        for digest, name in _rows(nodes, "SELECT digest, copy FROM blobs")
    }


def blobs(nodes: Cluster) -> set[str]:
    """The digests of all blobs of the database."""
    return {digest for (digest,) in _rows(nodes, "SELECT digest FROM blobs")}


def blobs_of_tags(nodes: Cluster) -> set[str]:
    """The digests of the blobs that the manifests of all tags name."""
    contents = _rows(
        nodes,
        "SELECT convert_from(content, 'UTF8') FROM manifests JOIN tags USING (repository, digest)",
    )
    manifests = [json.loads(content) for (content,) in contents]
    return {
        blob["digest"]
        for manifest in manifests
        for blob in (manifest["config"], *manifest["layers"])
    }


def untagged(nodes: Cluster) -> int:
    """How many manifests no tag names."""
    [(count,)] = _rows(
        nodes,
        "SELECT COUNT(*) FROM manifests LEFT JOIN tags USING (repository, digest)"
        " WHERE tags.name IS NULL",
    )
    return int(count)


def _rows(nodes: Cluster, query: str) -> list[tuple[str, ...]]:
    script = f"SELECT json_agg(row) FROM ({query}) AS row"  # noqa: S608 -- our own queries
    told = nodes.database.execute(script, DATABASE)
    rows = json.loads(told) if told.strip() else []
    return [tuple(row.values()) for row in rows]
