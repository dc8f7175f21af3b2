"""Fill a registry's database in bulk, which would take hours by pushing."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from acrux.adapters.sql.database import Statement, Steps
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.bootstrap.application import Registry
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.upload import Session
from bench.content import HOT, LAYER, MANIFEST

SMALL_MAP, LARGE_MAP = "bench-one", "bench-five-hundred"
MAP_LINES = 500
TAGS, REFERRERS = "bench/tags", "bench/referrers"
SUBJECTS = 100  # manifests that the many tags point at
GROUP_SIZE = 64

_EMPTY = b"{}"

# 1, 2, 3 ... :count
_NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"

_COLUMNS = (
    "digest, media_type, size, image_size, subject, artifact_type, config_media_type,"
    " architecture, os, created_at, updated_at, annotations, entries, content"
)


_CATALOG = "(SELECT key FROM repositories WHERE key LIKE 'catalog/%')"
_FIRST = "(SELECT min(digest) FROM manifests WHERE repository = :repository)"


async def make_accounts(registry: Registry) -> dict[str, str]:
    """Make two accounts that may pull the hot repository; return their passwords.

    The scope map of one has a single line, that of the other 500.
    """
    others = tuple(f"repositories/bench/other-{number}/content/read" for number in range(1, 500))
    passwords = {}
    for name, lines in ((SMALL_MAP, ()), (LARGE_MAP, others)):
        await registry.services.scope_maps.create(
            name, (*lines, f"repositories/{HOT}/content/read")
        )
        account = await registry.services.accounts.create(name, name)
        value = account.passwords[0].value
        passwords[name] = value.reveal() if value else ""
    return passwords


async def make_pullers(registry: Registry, count: int) -> dict[str, str]:
    """Make `count` accounts that may pull everything; return their passwords."""
    passwords: dict[str, str] = {}

    async def make(name: str) -> None:
        account = await registry.services.accounts.create(name, "_repositories_pull")
        value = account.passwords[0].value
        passwords[name] = value.reveal() if value else ""

    for start in range(0, count, GROUP_SIZE):  # one commit for all of a group
        some = range(start, min(start + GROUP_SIZE, count))
        await asyncio.gather(*(make(f"puller-{number}") for number in some))
    return passwords


def fill_accounts(folder: Path, accounts: int, scope_maps: int) -> None:
    """Add this many accounts, with two passwords each, and this many scope maps of 500 lines."""
    lines = [f"repositories/TEAM/part-{number}/content/read" for number in range(MAP_LINES)]
    _write(
        folder,
        Statement(
            f"{_NUMBERS} INSERT INTO scope_maps (name, description, permissions, created_at)"
            " SELECT printf('map-%06d', i), '', replace(:lines, 'TEAM', printf('team-%06d', i)), 0"
            " FROM n",
            {"count": scope_maps, "lines": json.dumps(lines)},
        ),
        Statement(
            f"{_NUMBERS} INSERT INTO accounts (name, scope_map, enabled, epoch, created_at)"
            " SELECT printf('account-%07d', i), printf('map-%06d', 1 + i % :maps), 1, 0, 0 FROM n",
            {"count": accounts, "maps": scope_maps},
        ),
        Statement(
            "INSERT INTO passwords (account, name, hash, created_at)"
            " SELECT accounts.name, which.name, 'hmac-sha256:' || lower(hex(randomblob(32))), 0"
            " FROM accounts, (SELECT 'password1' AS name UNION ALL SELECT 'password2') AS which"
            " WHERE accounts.name LIKE 'account-%'",
            {},
        ),
    )


async def make_listings(registry: Registry, referrers: int) -> Digest:
    """Put the manifests that the tags point at, and referrers of one of them; return that one."""
    tags, pointed = RepositoryName.parse(TAGS), RepositoryName.parse(REFERRERS)
    config = Digest.of(_EMPTY)
    for repository in (tags, pointed):
        await registry.services.uploads.put(Session(repository, ""), config, _whole(_EMPTY))
    subjects = [_manifest(config, number) for number in range(SUBJECTS)]
    put = registry.services.manifests.put
    for number, subject in enumerate(subjects):
        await put(tags, Tag.parse(f"a-{number}"), subject, MANIFEST)
    digest = Digest.of(subjects[0])
    await put(pointed, digest, subjects[0], MANIFEST)
    pointing = (_manifest(config, number, subjects[0]) for number in range(referrers))
    for some in _groups(pointing, GROUP_SIZE):
        await asyncio.gather(
            *(put(pointed, Digest.of(content), content, MANIFEST) for content in some)
        )
    return digest


def fill_listings(folder: Path, tags: int, repositories: int) -> None:
    """Add this many tags to one repository, and this many repositories with one image each."""
    _write(
        folder,
        Statement(
            f"{_NUMBERS}, subjects AS (SELECT digest, row_number() OVER (ORDER BY digest) AS place"
            " FROM manifests WHERE repository = :repository)"
            " INSERT INTO tags (repository, name, digest, created_at, updated_at)"
            " SELECT :repository, printf('tag-%07d', i), digest, i, i"
            " FROM n JOIN subjects ON place = 1 + i % :subjects",
            {"count": tags, "repository": TAGS, "subjects": SUBJECTS},
        ),
        Statement(
            "UPDATE usage SET tags = tags + :count WHERE repository = :repository",
            {"count": tags, "repository": TAGS},
        ),
        Statement(
            f"{_NUMBERS} INSERT INTO repositories (key, name, created_at)"
            " SELECT printf('catalog/%07d', i), printf('catalog/%07d', i), i FROM n",
            {"count": repositories},
        ),
        Statement(
            f"INSERT INTO manifests (repository, {_COLUMNS}) SELECT key, {_COLUMNS}"
            f" FROM {_CATALOG}, manifests WHERE repository = :repository AND digest = {_FIRST}",
            {"repository": TAGS},
        ),
        Statement(
            "INSERT INTO manifest_references (repository, target, digest)"
            f" SELECT key, target, digest FROM {_CATALOG}, manifest_references"
            f" WHERE repository = :repository AND digest = {_FIRST}",
            {"repository": TAGS},
        ),
        Statement(
            "INSERT INTO blob_links (repository, digest, size, created_at)"
            f" SELECT key, digest, size, created_at FROM {_CATALOG}, blob_links"
            " WHERE repository = :repository",
            {"repository": TAGS},
        ),
        Statement(
            "INSERT INTO usage (repository, manifests, manifest_bytes, tags, blobs, blob_bytes,"
            " manifests_to, tags_to, blobs_to)"
            " SELECT key, 1, size, 0, 1, :bytes, '~', '~', '~'"
            f" FROM {_CATALOG}, manifests WHERE manifests.repository = key",
            {"bytes": len(_EMPTY)},
        ),
    )


def _manifest(config: Digest, number: int, subject: bytes | None = None) -> bytes:
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": str(config), "size": 2}
    content: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": "application/vnd.example.bench",
        "config": empty,
        "layers": [empty | {"mediaType": LAYER}],
        "annotations": {"org.opencontainers.image.version": f"{number}"},
    }
    if subject is not None:
        digest = str(Digest.of(subject))
        content["subject"] = {"mediaType": MANIFEST, "digest": digest, "size": len(subject)}
    return json.dumps(content).encode()


def _groups(items: Iterable[bytes], size: int) -> Iterable[list[bytes]]:
    group: list[bytes] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _write(folder: Path, *statements: Statement) -> None:
    def steps() -> Steps[None]:
        for statement in statements:  # noqa: UP028 -- this generator is sent rows
            yield statement

    async def write() -> None:
        database = SqliteDatabase(folder / "registry.sqlite")
        database.open()
        try:
            await database.write(steps())
        finally:
            database.close()

    asyncio.run(write())
