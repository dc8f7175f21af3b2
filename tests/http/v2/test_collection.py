"""The collector beside requests: what a client is told, it can rely on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.services.content.collection import Freed
from tests.http.caller import Answer, Caller
from tests.http.conftest import HandClock
from tests.images import image, index

REPOSITORY = "team/app"
ONE, TWO = image(b"base", b"of one"), image(b"base", b"of two")
BASE = Digest.of(b"base")


class Client:
    """The administrator, and the collector of the same registry."""

    def __init__(self, caller: Caller, registry: Registry, clock: HandClock) -> None:
        self.caller = caller
        self._registry = registry
        self._clock = clock

    async def collect(self, **passed: float) -> Freed:
        """Let time pass, then collect all that is due; tokens are renewed."""
        self._clock.forward(**passed)
        freed = await self._registry.services.collection.run()
        assert freed is not None
        self.caller = await self.caller.login("repository:*:*", "registry:catalog:*")
        return freed

    async def call(self, method: str, path: str, **request: object) -> Answer:
        """Send a request about the repository."""
        return await self.caller.call(method, f"/v2/{REPOSITORY}{path}", **request)  # type: ignore[arg-type]

    async def delete(self, path: str) -> None:
        """Delete, and expect that it succeeds."""
        assert (await self.call("DELETE", path)).status == 202


@pytest.fixture
def client(admin: Caller, registry: Registry, clock: HandClock) -> Client:
    """See Client."""
    return Client(admin, registry, clock)


async def test_a_moved_tag_leaves_its_manifest_pullable_for_a_day(client: Client) -> None:
    """Deployments by digest would break with the next release (zot#4444)."""
    await client.caller.push(REPOSITORY, "v1", ONE)
    await client.caller.push(REPOSITORY, "v1", TWO)

    await client.collect(hours=23)
    assert (await client.call("GET", f"/manifests/{ONE.digest}")).status == 200

    await client.collect(hours=1)
    assert (await client.call("GET", f"/manifests/{ONE.digest}")).status == 404
    assert (await client.call("GET", "/manifests/v1")).body == TWO.manifest


async def test_what_head_says_is_there_is_there_when_the_manifest_comes(client: Client) -> None:
    """docker asks for each layer, and pushes only those that are missing."""
    await client.caller.push(REPOSITORY, "v1", ONE)
    await client.delete(f"/manifests/{ONE.digest}")
    await client.collect(hours=23)
    for blob in ONE.blobs:
        assert (await client.call("HEAD", f"/blobs/{Digest.of(blob)}")).status == 200

    await client.collect(hours=1)
    put = await client.caller.put_manifest(REPOSITORY, "v2", ONE.manifest, ONE.media_type)

    assert put.status == 201
    await client.collect(days=9)
    assert (await client.call("GET", f"/blobs/{BASE}")).body == b"base"


async def test_a_manifest_whose_blobs_were_collected_is_refused_and_can_be_pushed(
    client: Client,
) -> None:
    """The client is told which blobs to push again (§5.3 a)."""
    await client.caller.push(REPOSITORY, "v1", ONE)
    await client.delete(f"/manifests/{ONE.digest}")
    await client.collect(days=1)

    refused = await client.caller.put_manifest(REPOSITORY, "v1", ONE.manifest, ONE.media_type)

    assert (refused.status, refused.code) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert (await client.caller.push(REPOSITORY, "v1", ONE)).status == 201


async def test_an_entry_that_head_says_is_there_is_kept_for_the_index(client: Client) -> None:
    """`docker buildx imagetools create` asks for the entries, and pushes only the index."""
    await client.caller.push(REPOSITORY, "v1", ONE)
    await client.delete("/manifests/v1")
    await client.collect(hours=23)
    assert (await client.call("HEAD", f"/manifests/{ONE.digest}")).status == 200

    await client.collect(hours=1)
    both = index(ONE)
    await client.caller.put_manifest(REPOSITORY, "all", both.manifest, both.media_type)

    await client.collect(days=9)
    assert (await client.call("GET", f"/manifests/{ONE.digest}")).status == 200


async def test_a_blob_that_is_collected_while_it_is_pulled_comes_whole(
    client: Client, registry: Registry
) -> None:
    """A pull of gigabytes would break off."""
    await client.caller.push(REPOSITORY, "v1", ONE)
    digest = Digest.of(ONE.blobs[2])
    blob = await registry.services.blobs.get(_repository(), digest)
    await client.delete(f"/manifests/{ONE.digest}")
    await client.collect(days=1)

    content = b"".join([piece async for piece in blob.read(0, blob.size)])
    blob.close()
    assert content == b"of one"
    assert (await client.call("GET", f"/blobs/{digest}")).status == 404


async def test_the_collector_runs_in_the_middle_of_a_body(client: Client, clock: HandClock) -> None:
    """A slow upload would be taken for abandoned, or its repository for empty."""
    await client.caller.push(REPOSITORY, "v1", ONE)
    await client.delete(f"/manifests/{ONE.digest}")

    async def slowly() -> AsyncIterator[bytes]:
        yield b"sl"
        clock.now = datetime.now(UTC)  # the files' own time
        await client.collect(days=2)
        yield b"ow"

    digest = Digest.of(b"slow")
    pushed = await client.call(
        "POST", "/blobs/uploads/", query={"digest": str(digest)}, body=slowly()
    )

    assert pushed.status == 201, pushed.body
    assert (await client.call("GET", f"/blobs/{digest}")).body == b"slow"


async def test_an_abandoned_upload_is_unknown_afterwards(client: Client, clock: HandClock) -> None:
    """It would be half a blob for ever."""
    begun = await client.call("POST", "/blobs/uploads/")
    path, _, query = (begun.header("Location") or "").partition("?")
    clock.now = datetime.now(UTC)
    assert (await client.collect(days=2)).uploads == 1

    for method in ("GET", "PATCH", "PUT", "DELETE"):
        answer = await client.caller.call(
            method, path, query=f"{query}&digest={Digest.of(b'')}", body=b""
        )
        assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN"), method


async def test_a_deleted_repository_is_gone_at_once_and_can_be_filled_meanwhile(
    client: Client,
) -> None:
    """Its name would be taken until the last of its rows is cleared."""
    await client.caller.push(REPOSITORY, "v1", ONE)
    gone = await client.caller.call("DELETE", "/acr/v1/team/app")
    assert gone.status == 202
    assert (await client.call("GET", f"/manifests/{ONE.digest}")).status == 404
    assert (await client.call("GET", f"/blobs/{BASE}")).status == 404

    await client.caller.push(REPOSITORY, "v1", TWO)
    freed = await client.collect(days=1)

    assert freed.repositories == 1
    assert (await client.call("GET", "/manifests/v1")).body == TWO.manifest
    assert (await client.call("GET", f"/blobs/{BASE}")).body == b"base"


def _repository() -> RepositoryName:
    return RepositoryName.parse(REPOSITORY)
