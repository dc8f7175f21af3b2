"""When tags and manifests were last pulled, over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from acrux.bootstrap.application import Registry, build
from acrux.settings import Settings
from tests.http.caller import Caller
from tests.http.conftest import HandClock, Lines
from tests.images import image

APP = image(b"layer of the app")
MANIFESTS = "/v2/app/manifests"
PUSHED, PULLED = "2026-11-21T12:00:00.000000Z", "2026-11-21T13:05:00.000000Z"


@pytest.fixture
async def other(settings: Settings, clock: HandClock, log: Lines) -> AsyncIterator[Registry]:
    """Another worker on the same data directory."""
    registry = build(settings, clock, log)
    await registry.lifespan.open()
    yield registry
    await registry.lifespan.close()


@pytest.fixture
async def puller(stranger: Caller) -> Caller:
    """A caller whose token allows nothing but to pull."""
    return await stranger.login("repository:app:pull")


@pytest.fixture(autouse=True)
async def pushed(admin: Caller, clock: HandClock) -> None:
    """An image that was pushed at noon; now it is a little after five past one."""
    await admin.push("app", "v1", APP)
    clock.forward(hours=1, minutes=5, seconds=7)
    await keep(admin.registry)


async def keep(registry: Registry) -> None:
    """What the background task does once a second."""
    await registry.services.pulls.keep()


async def shown(caller: Caller, path: str) -> Any:
    """What /acr/v1 shows of an item, or of the first of a listing."""
    await caller.registry.services.pulls.write_down()
    answer = await caller.call("GET", f"/acr/v1/app/{path}")
    (found,) = answer.json.keys() - {"registry", "imageName"}
    content = answer.json[found]
    return content[0] if isinstance(content, list) else content


async def last_pulls(caller: Caller) -> tuple[str | None, str | None]:
    """The last pull of the tag, and of the manifest."""
    tag, manifest = await shown(caller, "_tags/v1"), await shown(caller, f"_manifests/{APP.digest}")
    return tag.get("lastPullTime"), manifest.get("lastPullTime")


async def test_what_was_never_pulled_has_no_such_time(admin: Caller) -> None:
    """A push would look like a pull, or a client would stumble over an empty time."""
    assert await last_pulls(admin) == (None, None)


async def test_a_pull_by_tag_is_one_of_its_manifest(admin: Caller, puller: Caller) -> None:
    """The manifest would look unused while everybody pulls it."""
    await puller.pull("app", "v1")

    assert await last_pulls(admin) == (PULLED, PULLED)


async def test_a_pull_by_digest_is_none_of_its_tags(admin: Caller, puller: Caller) -> None:
    """A tag that nobody uses would be kept for ever."""
    await puller.pull("app", str(APP.digest))

    assert await last_pulls(admin) == (None, PULLED)


@pytest.mark.parametrize("path", ["_tags", "_manifests"])
async def test_listings_show_it_among_what_acr_shows(
    admin: Caller, puller: Caller, path: str
) -> None:
    """`az acr repository show-tags --detail` prints what it gets."""
    before = await shown(admin, path)
    await puller.pull("app", "v1")

    assert await shown(admin, path) == before | {"lastPullTime": PULLED}


async def test_an_unchanged_manifest_was_pulled_too(admin: Caller, puller: Caller) -> None:
    """A client that keeps what it pulled, and only asks whether it changed, is using it."""
    answer = await puller.call(
        "GET", f"{MANIFESTS}/v1", headers={"If-None-Match": f'"{APP.digest}"'}
    )

    assert answer.status == 304
    assert await last_pulls(admin) == (PULLED, PULLED)


async def test_the_head_of_a_pull_counts(admin: Caller, puller: Caller) -> None:
    """docker and containerd ask for a tag only with HEAD, and then for the digest."""
    await puller.call("HEAD", f"{MANIFESTS}/v1")

    assert await last_pulls(admin) == (PULLED, PULLED)


async def test_the_head_of_a_push_does_not_count(admin: Caller) -> None:
    """What nobody pulls but a pipeline pushes every night would look as if it were in use."""
    pusher = await admin.login("repository:app:pull,push")
    for reference in ("v1", str(APP.digest)):
        answer = await pusher.call("HEAD", f"{MANIFESTS}/{reference}")
        assert answer.status == 200

    assert await last_pulls(admin) == (None, None)


async def test_a_get_counts_even_if_the_token_allows_to_push(admin: Caller) -> None:
    """oras and skopeo may ask for all rights, and pull with them."""
    pusher = await admin.login("repository:app:pull,push")
    await pusher.pull("app", "v1")

    assert await last_pulls(admin) == (PULLED, PULLED)


async def test_the_head_of_a_password_counts(admin: Caller, stranger: Caller) -> None:
    """A password says nothing of what the client is about to do, and a pull must not be missed."""
    stranger.authorization = stranger.basic
    await stranger.call("HEAD", f"{MANIFESTS}/v1")

    assert await last_pulls(admin) == (PULLED, PULLED)


async def test_what_was_not_answered_was_not_pulled(admin: Caller, puller: Caller) -> None:
    """A refused client would keep what it cannot have."""
    refused = await puller.pull("app", "v1", accept="application/vnd.oci.image.index.v1+json")

    assert refused.status == 404
    assert await last_pulls(admin) == (None, None)


async def test_two_workers_keep_the_later_time(
    admin: Caller, puller: Caller, other: Registry, clock: HandClock
) -> None:
    """A worker that writes last would set the time back."""
    await puller.pull("app", "v1")
    clock.forward(seconds=20)
    await keep(other)
    clock.forward(minutes=1)
    await keep(other)
    beside = Caller(other, puller.username, puller.password)
    beside.authorization = puller.authorization
    await beside.pull("app", "v1")
    await other.services.pulls.write_down()
    await puller.registry.services.pulls.write_down()

    assert await last_pulls(admin) == ("2026-11-21T13:06:00.000000Z",) * 2


async def test_a_stopped_worker_loses_nothing(
    settings: Settings, puller: Caller, other: Registry, clock: HandClock, log: Lines
) -> None:
    """Each upgrade would lose the pulls of its last half minute."""
    worker = build(settings, clock, log)
    await worker.lifespan.open()
    beside = Caller(worker, puller.username, puller.password)
    beside.authorization = puller.authorization
    await beside.pull("app", "v1")
    await worker.lifespan.close()

    admin = await Caller(other, puller.username, puller.password).login("repository:*:*")
    assert await last_pulls(admin) == (PULLED, PULLED)


async def test_a_killed_worker_loses_at_most_the_last_half_minute(
    puller: Caller, other: Registry, clock: HandClock
) -> None:
    """Retention would delete what is in use, however old the pull is that was lost."""
    await puller.pull("app", str(APP.digest))
    clock.forward(seconds=30)
    await keep(puller.registry)
    await puller.pull("app", "v1")  # and now it is killed: nothing of it is read any more

    admin = await Caller(other, puller.username, puller.password).login("repository:*:*")
    assert await last_pulls(admin) == (None, PULLED)
