"""acr purge, unmodified, removes what acrux purge removes of a copy."""

import asyncio
import os
import random
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.database import Statement
from acrux.adapters.sql.properties import SqlProperties
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.manifest import Manifest
from acrux.domain.content.names import RepositoryName, Tag
from tests.contracts.content import descriptor, index
from tests.running import acrux, environment, running

VARIABLE = "ACRUX_ACR"  # the program of github.com/Azure/acr-cli, which no package holds
IMAGES = 60
LOCKED = AttributesChange(delete_enabled=False)

_COUNT = re.compile(r"^(?:Number of .*)?(?:tags|manifests).*: (\d+)$", re.IGNORECASE | re.MULTILINE)


class Left(NamedTuple):
    """What is left: repositories with tags, and with digests."""

    tags: frozenset[tuple[str, str]]
    manifests: frozenset[tuple[str, str]]


class Registry:
    """The database of a registry that is not running."""

    def __init__(self, folder: Path) -> None:
        grace = Grace(lambda: datetime.now(UTC), timedelta(days=1), timedelta(hours=1))
        self.database = SqliteDatabase(folder / "registry.sqlite")
        self.metadata = SqlMetadata(self.database, grace)
        self.properties = SqlProperties(self.database)
        self.random = random.Random(15)

    async def fill(self) -> None:
        """Images of up to 60 days with up to two tags, signatures, indexes and locks."""
        self.database.open()
        for name in ("team/app", "team/multi", "other"):
            for number in range(IMAGES):
                await self._add_image(RepositoryName.parse(name), number)
        self.database.close()

    async def left(self) -> Left:
        """All tags and manifests."""
        self.database.open()
        tags = await self.database.read(_all("tags.name"))
        manifests = await self.database.read(_all("manifests.digest"))
        self.database.close()
        return Left(frozenset(tags), frozenset(manifests))

    async def _add_image(self, repository: RepositoryName, number: int) -> None:
        chance = self.random.random
        kind = self.random.choice(["dev", "v", "pr"])
        tags = [f"{kind}-{number}", f"other-{number}"][: self.random.choice([0, 1, 1, 2])]
        image = await self._push(repository, f"image {number}", tags)
        if chance() < 0.3:
            await self._push(repository, f"sig {number}", [], subject=descriptor(image.digest))
        if tags and chance() < 0.2:
            await self.properties.change_tag(repository, Tag.parse(tags[0]), LOCKED)
        elif chance() < 0.2:
            await self.properties.change_manifest(repository, image.digest, LOCKED)
        if repository.value == "team/multi" and chance() < 0.5:
            tags = [f"multi-{number}"][: self.random.choice([0, 1])]
            of = [descriptor(image.digest)]
            await self._push(repository, f"index {number}", tags, manifests=of)

    async def _push(
        self, repository: RepositoryName, name: str, tags: list[str], **parts: Any
    ) -> Manifest:
        at = datetime.now(UTC) - timedelta(days=self.random.uniform(0, 60))
        manifest = index(name, **parts)
        await self.metadata.put_manifest(repository, manifest, tuple(map(Tag.parse, tags)), at)
        return manifest


def _all(column: str) -> Statement:
    table = column.partition(".")[0]
    return Statement(
        f"SELECT repositories.name, {column} FROM {table}"  # noqa: S608 -- our own names
        f" JOIN repositories ON repositories.key = {table}.repository"
        " WHERE repositories.name IS NOT NULL",
        {},
    )


@pytest.fixture(scope="module")
def program() -> str:
    """The path of acr."""
    found = os.environ.get(VARIABLE)
    if not found:
        pytest.skip(f"{VARIABLE} does not name the program acr of Azure/acr-cli")
    return found


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory that is copied for each purge."""
    folder = tmp_path_factory.mktemp("original") / "data"
    folder.mkdir(mode=0o700)
    asyncio.run(Registry(folder).fill())
    return folder


def run_acr(program: str, data_dir: Path, flags: list[str]) -> str:
    """What `acr purge` prints against the registry."""
    with running(data_dir, "--workers", "1", "--tls-self-signed") as registry:
        done = subprocess.run(
            [program, "purge", "-r", f"127.0.0.1:{registry.port}", "-u", "acrux",
             "-p", registry.password, *flags],
            env=environment(SSL_CERT_FILE=str(data_dir / "tls" / "ca.pem")),
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def counts(printed: str) -> list[int]:
    """How many tags and manifests were, or would be, removed."""
    return [int(count) for count in _COUNT.findall(printed)]


@pytest.mark.parametrize(
    "flags",
    [
        ["--filter", "team/.*:^dev-", "--ago", "20d"],
        ["--filter", ".*:.*", "--ago", "10d12h", "--untagged"],
        ["--filter", "team/app:^dev", "--filter", ".*:^v", "--ago", "1h", "--untagged"],
        ["--filter", "team/app:.*", "--ago", "5d", "--keep", "7", "--untagged"],
        ["--filter", "other:.*", "--ago", "0d", "--keep", "3", "--untagged", "--include-locked"],
        ["--filter", "team/multi:^multi", "--ago", "15d", "--untagged", "--concurrency", "4"],
        ["--untagged-only"],
        ["--untagged-only", "--filter", "other:x", "--ago", "30d", "--keep", "2"],
    ],
    ids=" ".join,
)
def test_acr_and_acrux_leave_the_same(
    program: str, original: Path, tmp_path: Path, flags: list[str]
) -> None:
    """A script that ran for years must not remove other images after the change."""
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    shutil.copytree(original, theirs)
    shutil.copytree(original, ours)

    dry = acrux("purge", *flags, "--dry-run", "--data-dir", str(ours))
    before = asyncio.run(Registry(ours).left())
    wet = acrux("purge", *flags, "--yes", "--data-dir", str(ours))
    printed = run_acr(program, theirs, flags)

    assert before == asyncio.run(Registry(original).left()), "a dry run changes nothing"
    left = asyncio.run(Registry(ours).left())
    assert left == asyncio.run(Registry(theirs).left())
    assert left != before
    assert counts(dry.stdout) == counts(wet.stdout) == counts(printed)
