"""Manifests: what the service adds to what is stored."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from acrux.adapters.blobs.blob_store import FileBlobStore
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.database import Statement
from acrux.adapters.sql.properties import SqlProperties
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest, Platform
from acrux.domain.content.media_types import ANYTHING, OCI_INDEX, OCI_MANIFEST, Accept
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import Page, Slice
from acrux.domain.content.upload import Session, Upload, UploadId
from acrux.errors import DigestMismatch, MissingReferences, UnknownManifest
from acrux.services.content.manifests import MAX_CONFIG_BYTES, Manifests
from tests.http.conftest import HandClock
from tests.tools import blob_file

HELLO = RepositoryName.parse("library/hello")
LATEST, STABLE = map(Tag.parse, ("latest", "stable"))
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
INDEX = b'{"schemaVersion":2,"manifests":[]}'
FIRST = "00000000-0000-0000-0000-000000000001"

Make = Callable[..., Manifests]


@pytest.fixture
def make(metadata: SqlMetadata, store: FileBlobStore, clock: HandClock) -> Make:
    """A factory of the service, with its settings."""
    return lambda **settings: Manifests(metadata, store, clock, **settings)


@pytest.fixture
def manifests(make: Make) -> Manifests:
    """The service with its default settings."""
    return make()


def image(config: bytes, media_type: str = CONFIG_TYPE) -> bytes:
    """An image with this configuration and no layers."""
    described = {"mediaType": media_type, "digest": str(Digest.of(config)), "size": len(config)}
    return json.dumps({"schemaVersion": 2, "config": described, "layers": []}).encode()


async def push(
    metadata: SqlMetadata, store: FileBlobStore, content: bytes, name: str = FIRST
) -> None:
    """Store a blob, and link it."""

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    upload = Upload(UploadId(name), Session(HELLO, "acrux"))
    await store.begin(upload)
    await store.append(upload, chunks())
    copy = await store.commit(upload, Digest.of(content))
    await metadata.link_blob(HELLO, copy, "acrux", HandClock().now)


class TestPlatform:
    """The platform of an image, as its configuration states it."""

    @pytest.mark.parametrize(
        ("pushed", "expected"),
        [
            ((b'{"architecture":"arm64","os":"linux"}', CONFIG_TYPE), Platform("arm64", "linux")),
            ((b'{"os":"windows","rootfs":{}}', CONFIG_TYPE), Platform("", "windows")),
            ((b'{"architecture":5}', CONFIG_TYPE), Platform()),
            ((b"no JSON", CONFIG_TYPE), Platform()),
            ((b"", CONFIG_TYPE), Platform()),
            ((b'{"x":' + b"[" * 9000 + b"]" * 9000 + b"}", CONFIG_TYPE), Platform()),
            ((b'{"os":"linux"}'.ljust(MAX_CONFIG_BYTES), CONFIG_TYPE), Platform("", "linux")),
            ((b'{"os":"linux"}'.ljust(MAX_CONFIG_BYTES + 1), CONFIG_TYPE), Platform()),
            ((b'{"os":"linux"}', "application/vnd.cncf.helm.config.v1+json"), Platform()),
        ],
        ids=["both", "one", "other type", "no JSON", "empty", "deep", "long", "too long", "chart"],
    )
    async def test_an_image_is_shown_with_what_its_configuration_names(
        self,
        manifests: Manifests,
        metadata: SqlMetadata,
        properties: SqlProperties,
        store: FileBlobStore,
        pushed: tuple[bytes, str],
        expected: Platform,
    ) -> None:
        """A strange configuration would block a push, and a huge one fill the memory."""
        await push(metadata, store, pushed[0])
        held = await manifests.put(HELLO, LATEST, image(*pushed), OCI_MANIFEST)

        assert (await properties.manifest(HELLO, held.digest)).platform == expected

    async def test_a_configuration_that_may_not_be_read_does_not_block_a_push(
        self,
        manifests: Manifests,
        metadata: SqlMetadata,
        properties: SqlProperties,
        store: FileBlobStore,
    ) -> None:
        """A repository locked against pulls could not be pushed to (§5.5)."""
        await manifests.put(HELLO, LATEST, INDEX, OCI_INDEX)
        await push(metadata, store, b"{}")
        await properties.change_repository(HELLO, AttributesChange(read_enabled=False))
        held = await manifests.put(HELLO, LATEST, image(b"{}"), OCI_MANIFEST)

        assert (await properties.manifest(HELLO, held.digest)).platform == Platform()


class TestPut:
    """Pushing a manifest."""

    async def test_a_tag_named_twice_is_set_once(
        self, manifests: Manifests, metadata: SqlMetadata
    ) -> None:
        """`PUT .../latest?tag=latest` would fail."""
        await manifests.put(HELLO, LATEST, INDEX, OCI_INDEX, (STABLE, LATEST))

        assert await metadata.list_tags(HELLO, Page()) == Slice(("latest", "stable"))

    async def test_a_manifest_put_by_digest_gets_only_the_requested_tags(
        self, manifests: Manifests, metadata: SqlMetadata
    ) -> None:
        """A push by digest would set a tag of its own."""
        await manifests.put(HELLO, Digest.of(INDEX, "sha512"), INDEX, OCI_INDEX, (STABLE,))

        assert await metadata.list_tags(HELLO, Page()) == Slice(("stable",))
        assert (await metadata.get_manifest(HELLO, STABLE)).digest == Digest.of(INDEX, "sha512")

    async def test_a_manifest_that_does_not_match_its_digest_is_refused(
        self, manifests: Manifests, metadata: SqlMetadata
    ) -> None:
        """A pull by digest would return something else."""
        with pytest.raises(DigestMismatch) as refused:
            await manifests.put(HELLO, Digest.of(b"other"), INDEX, OCI_INDEX, (STABLE,))

        assert refused.value.detail["computed"] == str(Digest.of(INDEX))
        with pytest.raises(UnknownManifest):
            await metadata.get_manifest(HELLO, STABLE)

    async def test_blobs_may_be_missing_only_if_the_setting_allows_it(self, make: Make) -> None:
        """By default, an image that nobody can pull would be accepted."""
        content = image(b"{}")
        with pytest.raises(MissingReferences):
            await make().put(HELLO, LATEST, content, OCI_MANIFEST)

        held = await make(allow_missing=True).put(HELLO, LATEST, content, OCI_MANIFEST)
        assert held.digest == Digest.of(content)

    @pytest.mark.parametrize("left", [None, b"", b"{} "])
    async def test_a_blob_whose_copy_is_not_whole_is_missing_until_it_is_pushed_again(
        self,
        manifests: Manifests,
        metadata: SqlMetadata,
        store: FileBlobStore,
        tmp_path: Path,
        left: bytes | None,
    ) -> None:
        """An image that nobody can pull would be accepted."""
        await push(metadata, store, b"{}")
        file = blob_file(tmp_path, Digest.of(b"{}"))
        file.unlink()
        if left is not None:
            file.write_bytes(left)
        with pytest.raises(MissingReferences):
            await manifests.put(HELLO, LATEST, image(b"{}"), OCI_MANIFEST)

        await push(metadata, store, b"{}", "00000000-0000-0000-0000-000000000002")

        await manifests.put(HELLO, LATEST, image(b"{}"), OCI_MANIFEST)

    async def test_a_manifest_keeps_from_now_on_what_was_kept_for_its_push(
        self,
        manifests: Manifests,
        metadata: SqlMetadata,
        store: FileBlobStore,
        database: SqliteDatabase,
    ) -> None:
        """Each push would leave rows for hours."""
        await push(metadata, store, b"{}")
        assert await held(database) == {(str(Digest.of(b"{}")), "acrux")}

        await manifests.put(HELLO, LATEST, image(b"{}"), OCI_MANIFEST, principal="acrux")

        assert await held(database) == set()


async def held(database: SqliteDatabase) -> set[tuple[str, str]]:
    """Which digests are held for whom."""
    rows = await database.read(Statement("SELECT digest, principal FROM holds", {}))
    return {(digest, principal) for digest, principal in rows}


class Collected:
    """Metadata in which the manifest is collected just before it is held."""

    def __init__(self, metadata: SqlMetadata) -> None:
        self._metadata = metadata

    async def hold(self, repository: RepositoryName, digest: Digest, principal: str) -> None:
        """Delete it, and then hold it."""
        await self._metadata.delete_manifest(repository, digest)
        await self._metadata.hold(repository, digest, principal)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._metadata, name)


class TestGet:
    """Reading and deleting a manifest."""

    async def test_a_manifest_is_held_for_a_pusher_and_for_nobody_else(
        self, manifests: Manifests, database: SqliteDatabase
    ) -> None:
        """A client asks for the images of an index, and then pushes only the index."""
        digest = (await manifests.put(HELLO, LATEST, INDEX, OCI_INDEX)).digest

        await manifests.get(HELLO, digest, ANYTHING)
        assert await held(database) == set()
        await manifests.get(HELLO, digest, ANYTHING, "acrux")
        assert await held(database) == {(str(digest), "acrux")}

    async def test_a_manifest_collected_before_it_is_held_is_unknown(
        self, manifests: Manifests, metadata: SqlMetadata, store: FileBlobStore, clock: HandClock
    ) -> None:
        """The client would not push it, and its index would name what is gone."""
        digest = (await manifests.put(HELLO, LATEST, INDEX, OCI_INDEX)).digest
        late: Any = Collected(metadata)

        with pytest.raises(UnknownManifest):
            await Manifests(late, store, clock).get(HELLO, digest, ANYTHING, "acrux")

    async def test_a_manifest_that_the_client_cannot_read_is_unknown_to_it(
        self, manifests: Manifests
    ) -> None:
        """An old client would take an index for an image (specification, end-3)."""
        await manifests.put(HELLO, LATEST, INDEX, OCI_INDEX)
        wanted, other = (Accept(frozenset({kind})) for kind in (OCI_INDEX, OCI_MANIFEST))

        assert (await manifests.get(HELLO, LATEST, wanted)).content == INDEX
        with pytest.raises(UnknownManifest, match="Accept"):
            await manifests.get(HELLO, LATEST, other)

    async def test_a_missing_tag_is_an_unknown_manifest(self, manifests: Manifests) -> None:
        """DELETE of a manifest answers MANIFEST_UNKNOWN, whatever its reference is (end-9)."""
        for reference in (LATEST, Manifest.read(INDEX, OCI_INDEX).digest):
            with pytest.raises(UnknownManifest):
                await manifests.delete(HELLO, reference)
