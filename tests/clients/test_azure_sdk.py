"""azure-containerregistry: the unmodified Python SDK, on http and https."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.containerregistry import (
    ArtifactManifestOrder,
    ArtifactTagOrder,
    ContainerRegistryClient,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy

from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.clients.layouts import CONFIG_TYPE, LAYER_TYPE, gzip_image
from tests.images import Image, descriptor, index
from tests.running import RunningRegistry
from tests.wire.connection import pattern

UNKNOWN_DIGEST = str(Digest.of(b"nowhere"))


class BasicCredentials(SansIOHTTPPolicy[Any, Any]):
    """Sends the administrator's password, and allows the SDK to use http."""

    def __init__(self, registry: RunningRegistry) -> None:
        encoded = base64.b64encode(f"acrux:{registry.password}".encode()).decode()
        self._authorization = f"Basic {encoded}"

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Authorize a request before it is sent."""
        request.context["enforce_https"] = False
        request.http_request.headers["Authorization"] = self._authorization


@pytest.fixture(scope="module")
def client(registry: RunningRegistry) -> Iterator[ContainerRegistryClient]:
    """A client of the registry on http."""
    policies = [BasicCredentials(registry)]
    with ContainerRegistryClient(registry.url, per_call_policies=policies) as client:
        yield client


@pytest.fixture
def repository(request: pytest.FixtureRequest) -> str:
    """A repository for one test, with a slash in its name."""
    return f"sdk/{request.node.name.removeprefix('test_')}"


def push(client: ContainerRegistryClient, repository: str, image: Image, *tags: str) -> str:
    """Push an image under each tag, as the SDK's own samples do, and return its digest."""
    for blob in image.blobs:
        client.upload_blob(repository, io.BytesIO(blob))
    for tag in tags or (None,):
        content = io.BytesIO(image.manifest)
        client.set_manifest(repository, content, tag=tag, media_type=image.media_type)
    return str(image.digest)


def refusal(ask: Callable[[], object]) -> HttpResponseError:
    """The SDK's exception; it leaves closing an unread answer to the caller."""
    with pytest.raises(HttpResponseError) as refused:
        ask()
    response: Any = refused.value.response
    response.internal_response.close()
    return refused.value


def is_unknown(ask: Callable[[], object]) -> bool:
    """Whether the SDK reports that this does not exist."""
    return isinstance(refusal(ask), ResourceNotFoundError)


def switches(properties: object) -> dict[str, object]:
    """The four attributes of a repository, a tag or a manifest."""
    names = ("can_delete", "can_list", "can_read", "can_write")
    return {name: getattr(properties, name) for name in names}


def all_on(**changed: object) -> dict[str, object]:
    """Every attribute true, except for these."""
    return {"can_delete": True, "can_list": True, "can_read": True, "can_write": True, **changed}


def is_recent(moment: datetime | None) -> bool:
    """Whether it was within the last minutes, in UTC."""
    return moment is not None and abs(datetime.now(UTC) - moment) < timedelta(minutes=10)


# ------------------------------------------------------------------------------- repositories


def test_repositories_are_listed_page_by_page(
    client: ContainerRegistryClient, repository: str
) -> None:
    """A registry with many repositories is read to the end."""
    names = [f"{repository}/{name}" for name in ("a", "b", "c", "d", "e")]
    for name in names:
        push(client, name, gzip_image("listed"), "v1")

    pages = [
        list(page)
        for page in client.list_repository_names(
            results_per_page=2, last=repository
        ).by_page()
    ]  # fmt: skip

    assert all(len(page) == 2 for page in pages[:-1])
    found = [name for page in pages for name in page]
    assert found == sorted(set(found))
    assert [name for name in found if name in names] == names


def test_a_repository_shows_its_name_times_and_counts(
    client: ContainerRegistryClient, repository: str
) -> None:
    """What the portal shows of a repository."""
    push(client, repository, gzip_image("one"), "v1", "v2")
    push(client, repository, gzip_image("two"))

    properties = client.get_repository_properties(repository)

    assert properties.name == repository
    assert (properties.manifest_count, properties.tag_count) == (2, 2)
    assert is_recent(properties.created_on)
    assert is_recent(properties.last_updated_on)
    assert switches(properties) == all_on()


def test_a_repository_that_may_not_be_written_takes_no_push(
    client: ContainerRegistryClient, repository: str
) -> None:
    """A lock on a repository applies to every tag in it."""
    push(client, repository, gzip_image("locked"), "v1")

    locked = client.update_repository_properties(repository, can_write=False)
    refused = refusal(lambda: push(client, repository, gzip_image("too late"), "v2"))
    unlocked = client.update_repository_properties(repository, can_write=True)

    assert switches(locked) == all_on(can_write=False)
    assert refused.status_code == 405
    assert switches(unlocked) == all_on()
    push(client, repository, gzip_image("in time"), "v2")


def test_a_repository_that_may_not_be_listed_is_not_listed(
    client: ContainerRegistryClient, repository: str
) -> None:
    """Hidden means hidden; anyone who knows the name can still pull."""
    push(client, repository, gzip_image("hidden"), "v1")
    assert repository in client.list_repository_names()

    client.update_repository_properties(repository, can_list=False)

    assert repository not in client.list_repository_names()
    assert client.get_manifest(repository, "v1").media_type == OCI_MANIFEST


def test_a_deleted_repository_is_gone_with_everything_in_it(
    client: ContainerRegistryClient, repository: str
) -> None:
    """Users trust a deletion, so it must be real."""
    digest = push(client, repository, gzip_image("deleted"), "v1")

    client.delete_repository(repository)

    assert repository not in client.list_repository_names()
    assert is_unknown(lambda: client.get_repository_properties(repository))
    assert is_unknown(lambda: client.get_manifest(repository, digest))


# --------------------------------------------------------------------------------------- tags


def test_tags_are_listed_in_the_requested_order(
    client: ContainerRegistryClient, repository: str
) -> None:
    """Cleaning up the oldest tags begins with knowing which they are."""
    push(client, repository, gzip_image("tagged"), "c", "a", "b")

    def names(**options: object) -> list[str]:
        return [tag.name for tag in client.list_tag_properties(repository, **options)]

    assert names() == ["a", "b", "c"]
    assert names(order_by=ArtifactTagOrder.LAST_UPDATED_ON_ASCENDING) == ["c", "a", "b"]
    assert names(order_by=ArtifactTagOrder.LAST_UPDATED_ON_DESCENDING) == ["b", "a", "c"]


@pytest.mark.parametrize("order", ["", *ArtifactTagOrder])
def test_tags_are_listed_page_by_page(
    client: ContainerRegistryClient, repository: str, order: str
) -> None:
    """The next page begins after the last tag of this one, in every order."""
    repository = repository.translate(str.maketrans("[]", "--")).lower().rstrip("-._")
    push(client, repository, gzip_image("paged"), "c", "a", "e", "b", "d")

    whole = [tag.name for tag in client.list_tag_properties(repository, order_by=order)]
    paged = client.list_tag_properties(repository, order_by=order, results_per_page=2)

    assert sorted(whole) == ["a", "b", "c", "d", "e"]
    assert [[tag.name for tag in page] for page in paged.by_page()] == [
        whole[:2], whole[2:4], whole[4:],
    ]  # fmt: skip


def test_the_tags_of_one_manifest_are_listed(
    client: ContainerRegistryClient, repository: str
) -> None:
    """Before you delete a manifest, you look at the tags that go with it."""
    digest = push(client, repository, gzip_image("one"), "a", "c")
    push(client, repository, gzip_image("two"), "b")

    tags = list(client.list_tag_properties(repository, digest=digest))

    assert [tag.name for tag in tags] == ["a", "c"]
    assert {tag.digest for tag in tags} == {digest}


def test_a_tag_shows_its_digest_and_times(client: ContainerRegistryClient, repository: str) -> None:
    """A tag is resolved before it is deployed."""
    digest = push(client, repository, gzip_image("tagged"), "v1")

    tag = client.get_tag_properties(repository, "v1")

    assert (tag.name, tag.digest) == ("v1", digest)
    assert is_recent(tag.created_on)
    assert is_recent(tag.last_updated_on)
    assert switches(tag) == all_on()


def test_a_locked_tag_cannot_be_moved_or_deleted(
    client: ContainerRegistryClient, repository: str
) -> None:
    """A release that may be overwritten is not a release."""
    digest = push(client, repository, gzip_image("released"), "v1")

    locked = client.update_tag_properties(repository, "v1", can_write=False, can_delete=False)
    moved = refusal(lambda: push(client, repository, gzip_image("another"), "v1"))
    deleted = refusal(lambda: client.delete_tag(repository, "v1"))

    assert switches(locked) == all_on(can_write=False, can_delete=False)
    assert (moved.status_code, deleted.status_code) == (405, 405)
    assert client.get_tag_properties(repository, "v1").digest == digest


def test_an_untagged_manifest_stays(client: ContainerRegistryClient, repository: str) -> None:
    """Removing a tag does not delete its manifest."""
    digest = push(client, repository, gzip_image("untagged"), "v1")

    client.delete_tag(repository, "v1")

    assert is_unknown(lambda: client.get_tag_properties(repository, "v1"))
    assert list(client.list_tag_properties(repository)) == []
    assert client.get_manifest_properties(repository, digest).tags in (None, [])


# ---------------------------------------------------------------------------------- manifests


def test_manifests_are_listed_in_the_requested_order(
    client: ContainerRegistryClient, repository: str
) -> None:
    """Cleaning up begins with the oldest."""
    pushed = [push(client, repository, gzip_image(text)) for text in ("one", "two", "three")]

    def digests(order: str, size: int) -> list[str]:
        listed = client.list_manifest_properties(repository, order_by=order, results_per_page=size)
        return [manifest.digest for manifest in listed]

    for size in (2, 100):
        assert digests(ArtifactManifestOrder.LAST_UPDATED_ON_ASCENDING, size) == pushed
        assert digests(ArtifactManifestOrder.LAST_UPDATED_ON_DESCENDING, size) == pushed[::-1]
        assert digests("", size) == sorted(pushed)


def test_a_manifest_shows_the_same_by_tag_and_by_digest(
    client: ContainerRegistryClient, repository: str
) -> None:
    """What the portal shows of an image."""
    digest = push(client, repository, gzip_image("described", "arm64"), "v1", "v2")

    by_tag = client.get_manifest_properties(repository, "v2")
    by_digest = client.get_manifest_properties(repository, digest)

    assert vars(by_tag) == vars(by_digest)
    assert (by_digest.digest, by_digest.repository_name) == (digest, repository)
    assert (by_digest.architecture, by_digest.operating_system) == ("arm64", "linux")
    assert sorted(by_digest.tags or []) == ["v1", "v2"]
    assert by_digest.size_in_bytes
    assert is_recent(by_digest.created_on)
    assert is_recent(by_digest.last_updated_on)
    assert switches(by_digest) == all_on()


def test_a_locked_manifest_is_not_deleted(client: ContainerRegistryClient, repository: str) -> None:
    """What runs in production must not vanish in a cleanup."""
    digest = push(client, repository, gzip_image("in production"), "v1")

    locked = client.update_manifest_properties(repository, "v1", can_delete=False)
    refused = refusal(lambda: client.delete_manifest(repository, digest))
    client.update_manifest_properties(repository, digest, can_delete=True)
    client.delete_manifest(repository, digest)

    assert switches(locked) == all_on(can_delete=False)
    assert refused.status_code == 405
    assert "The operation is disallowed" in str(refused)
    assert is_unknown(lambda: client.get_manifest(repository, digest))


def test_a_manifest_that_may_not_be_read_is_not_pulled(
    client: ContainerRegistryClient, repository: str
) -> None:
    """A dangerous image can be taken out of use at once, and restored."""
    digest = push(client, repository, gzip_image("dangerous"), "v1")

    client.update_manifest_properties(repository, digest, can_read=False)
    refused = refusal(lambda: client.get_manifest(repository, "v1"))
    client.update_manifest_properties(repository, digest, can_read=True)

    assert refused.status_code == 405
    assert client.get_manifest(repository, "v1").digest == digest


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX])
def test_a_manifest_comes_back_as_it_was_set(
    client: ContainerRegistryClient, media_type: str
) -> None:
    """The media type that was pushed is the one that is pulled; nothing is converted."""
    repository = "sdk/set-and-got"
    image = gzip_image("set")
    push(client, repository, image)
    content = json.loads(index(image).manifest if media_type == OCI_INDEX else image.manifest)
    content["mediaType"] = media_type

    digest = client.set_manifest(repository, content, tag="v1", media_type=media_type)

    for reference in ("v1", digest):
        got = client.get_manifest(repository, reference)
        assert (got.manifest, got.media_type, got.digest) == (content, media_type, digest)


def test_a_manifest_that_is_not_what_its_type_says_is_refused(
    client: ContainerRegistryClient, repository: str
) -> None:
    """A client that trusts the media type would read nonsense."""
    image = gzip_image("confused")
    push(client, repository, image)
    content = io.BytesIO(index(image).manifest)

    refused = refusal(
        lambda: client.set_manifest(repository, content, tag="v1", media_type=OCI_MANIFEST)
    )

    assert refused.status_code == 400


def test_the_manifest_of_the_sdks_own_sample_is_taken(
    client: ContainerRegistryClient, repository: str
) -> None:
    """The sample writes `sizeInBytes` where the specification has `size`."""
    config, layer = b"Sample config", b"Sample layer"
    for blob in (config, layer):
        client.upload_blob(repository, io.BytesIO(blob))
    sized = descriptor(config, CONFIG_TYPE)
    manifest = {
        "schemaVersion": 2,
        "config": {
            "mediaType": CONFIG_TYPE, "digest": sized["digest"], "sizeInBytes": sized["size"],
        },
        "layers": [descriptor(layer, LAYER_TYPE)],
    }  # fmt: skip

    digest = client.set_manifest(repository, manifest, tag="latest")

    assert client.get_manifest(repository, "latest").digest == digest


# -------------------------------------------------------------------------------------- blobs


def test_a_blob_of_several_chunks_comes_back_as_it_was_sent(
    client: ContainerRegistryClient, repository: str
) -> None:
    """The SDK splits at 4 MiB, in both directions."""
    content = b"".join(pattern(9)) + b"a little more"

    digest, size = client.upload_blob(repository, io.BytesIO(content))

    assert (digest, size) == (str(Digest.of(content)), len(content))
    assert b"".join(client.download_blob(repository, digest)) == content


def test_a_deleted_blob_is_gone(client: ContainerRegistryClient, repository: str) -> None:
    """Users trust a deletion, so it must be real."""
    digest, _ = client.upload_blob(repository, io.BytesIO(b"to delete"))

    client.delete_blob(repository, digest)

    assert is_unknown(lambda: client.download_blob(repository, digest))


# ---------------------------------------------------------------------------- missing content


def test_missing_content_is_not_found(client: ContainerRegistryClient, repository: str) -> None:
    """The SDK's own exception, which programs catch."""
    push(client, repository, gzip_image("there"), "v1")

    asked: list[Callable[[], object]] = [
        lambda: client.get_repository_properties("sdk/nowhere"),
        lambda: list(client.list_tag_properties("sdk/nowhere")),
        lambda: client.get_tag_properties(repository, "v2"),
        lambda: client.get_manifest_properties(repository, UNKNOWN_DIGEST),
        lambda: client.get_manifest(repository, "v2"),
        lambda: client.get_manifest(repository, UNKNOWN_DIGEST),
        lambda: client.download_blob(repository, UNKNOWN_DIGEST),
        lambda: client.update_tag_properties(repository, "v2", can_write=False),
    ]

    assert all(is_unknown(ask) for ask in asked)


def test_deleting_missing_content_succeeds(
    client: ContainerRegistryClient, repository: str
) -> None:
    """A cleanup that runs twice must not fail: the SDK accepts a 404 as done, and nothing else."""
    push(client, repository, gzip_image("there"), "v1")

    client.delete_repository("sdk/nowhere")
    client.delete_tag(repository, "v2")
    client.delete_manifest(repository, UNKNOWN_DIGEST)
    client.delete_blob(repository, UNKNOWN_DIGEST)

    assert client.get_repository_properties(repository).tag_count == 1


# -------------------------------------------------------------------------------------- https


def test_a_push_and_pull_through_the_sdk_works_over_https(
    secure_registry: RunningRegistry, ca_file: Path, repository: str
) -> None:
    """With the CA file that the registry prints, and no other change."""
    image = gzip_image("secure")
    with ContainerRegistryClient(
        f"localhost:{secure_registry.port}",
        per_call_policies=[BasicCredentials(secure_registry)],
        connection_verify=str(ca_file),
    ) as client:
        digest = push(client, repository, image, "v1")

        assert repository in client.list_repository_names()
        assert client.get_manifest_properties(repository, "v1").digest == digest
        assert (
            b"".join(client.download_blob(repository, str(Digest.of(image.blobs[0]))))
            == (image.blobs[0])
        )
