"""Manifests: what the service adds to what is stored."""

import json
from collections.abc import AsyncIterator, Callable

import pytest

from acrux.adapters.blobs.blob_store import FileBlobStore
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.content.properties import SqlProperties
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest, Platform
from acrux.domain.content.media_types import OCI_INDEX, OCI_MANIFEST, Accept
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import Page, Slice
from acrux.domain.content.upload import Session, Upload, UploadId
from acrux.errors import DigestMismatch, MissingReferences, UnknownManifest
from acrux.services.content.manifests import MAX_CONFIG_BYTES, Manifests
from tests.http.conftest import HandClock

HELLO = RepositoryName.parse("library/hello")
LATEST, STABLE = map(Tag.parse, ("latest", "stable"))
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
INDEX = b'{"schemaVersion":2,"manifests":[]}'
UPLOAD = Upload(UploadId("00000000-0000-0000-0000-000000000001"), Session(HELLO, "acrux"))

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


async def push(metadata: SqlMetadata, store: FileBlobStore, content: bytes) -> None:
    """Store a blob, and link it."""

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    await store.begin(UPLOAD)
    await store.append(UPLOAD, chunks())
    copy = await store.commit(UPLOAD, Digest.of(content))
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


class TestGet:
    """Reading and deleting a manifest."""

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
