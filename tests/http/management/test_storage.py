"""Questions about space over HTTP, and collection on demand."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from acrux.bootstrap.application import Registry
from acrux.domain.content.digest import Digest
from acrux.domain.content.policies.quota import Quota
from acrux.services.content.collection import LEASE
from tests.http.caller import Caller
from tests.http.conftest import HandClock
from tests.http.management.test_management import Manager, manager
from tests.images import descriptor, image, index

__all__ = ["manager"]

LAYER = b"a layer of this image"
APP = image(LAYER)
SIZE = sum(map(len, APP.blobs))


async def test_bytes_are_back_once_the_grace_has_passed(
    admin: Caller, manager: Manager, clock: HandClock, registry: Registry, settings: Any
) -> None:
    """What is deleted must come back to the disk, and not before."""
    await admin.push("team/app", "v1", APP)
    await admin.call("DELETE", f"/v2/team/app/manifests/{APP.digest}")
    manager.caller.authorization = manager.caller.basic  # which does not expire
    clock.forward(hours=23)
    early = await manager.ok("POST", "/gc/run", {})
    waiting = await manager.ok("GET", "/gc")
    clock.forward(hours=2)
    due = await manager.ok("GET", "/gc")

    freed = await manager.ok("POST", "/gc/run", {})

    assert (early["blobs"], waiting["reviews"], waiting["due"]) == (0, 2, 0)
    assert (due["due"], due["lease"]) == (2, None)
    assert (freed["blobs"], freed["copies"], freed["bytes"], freed["isDone"]) == (2, 2, SIZE, True)
    assert files(settings.data_dir) == []


def files(folder: Path) -> list[Path]:
    """The files of blobs."""
    return [path for path in (folder / "blobs").rglob("*") if path.is_file()]


async def test_somebody_else_who_collects_is_not_disturbed(
    manager: Manager, registry: Registry, clock: HandClock, admin: Caller
) -> None:
    """Two would do the same work, and wait for each other."""
    await admin.push("team/app", "v1", APP)
    await admin.call("DELETE", f"/v2/team/app/manifests/{APP.digest}")
    manager.caller.authorization = manager.caller.basic  # which does not expire
    clock.forward(hours=25)
    leases = registry.services.collection._leases  # noqa: SLF001 -- another process has it
    await leases.acquire(LEASE, "another", clock() + timedelta(minutes=1), clock())

    refused = await manager.refusal("POST", "/gc/run", {})
    status = await manager.ok("GET", "/gc")

    assert refused == (409, "somebody else is collecting now: what is due goes all the same")
    assert status["lease"]["holder"] == "another"


async def test_why_names_the_chain_from_the_tag_to_the_blob(
    admin: Caller, manager: Manager
) -> None:
    """Whoever looks for space wants to know which tag to delete."""
    await admin.push("team/app", str(APP.digest), APP)
    await admin.push("team/app", "v1", index(APP))
    await admin.push("other", "v1", APP)

    why = await manager.ok("GET", f"/gc/why/{Digest.of(LAYER)}")
    there = await manager.ok("GET", f"/gc/why/{Digest.of(LAYER)}", repository="other")

    assert [one["repository"] for one in why["repositories"]] == ["other", "team/app"]
    [chain] = why["repositories"][1]["chains"]
    assert [step["type"] for step in chain["steps"]] == ["tag", "index", "manifest", "blob"]
    assert (chain["ground"], chain["reason"]) == ("tag", "the tag v1 keeps it")
    assert [one["repository"] for one in there["repositories"]] == ["other"]


async def test_why_refuses_what_it_cannot_find_or_read(manager: Manager) -> None:
    """A typing error must be told from freed space."""
    unknown = Digest.of(b"nobody pushed this")

    assert await manager.refusal("GET", f"/gc/why/{unknown}") == (404, "it is not in this registry")
    assert (await manager.refusal("GET", "/gc/why/latest"))[0] == 400


async def test_what_if_says_what_comes_back_and_who_shares_it(
    admin: Caller, manager: Manager, clock: HandClock
) -> None:
    """Before a disk is full, somebody must choose what to delete."""
    await admin.push("team/app", "v1", APP)
    await admin.push("other", "v1", image())
    await admin.push("other", "v2", APP)

    found = await manager.ok("GET", "/gc/whatIf", delete="team/app")
    both = await manager.ok("GET", "/gc/whatIf", delete=["team/app:v1", "other"])

    assert found["later"]["blobs"] == 0
    assert (found["sharedWith"][0]["repository"], found["shared"]["blobs"]) == ("other", 2)
    assert both["later"]["blobs"] == 3
    assert both["now"]["manifests"] == 0
    assert (await admin.pull("team/app", "v1")).status == 200


async def test_what_if_refuses_what_is_not_there_and_what_it_cannot_read(
    admin: Caller, manager: Manager
) -> None:
    """The answer must be for the deletion that was meant."""
    await admin.push("team/app", "v1", APP)

    async def status(*targets: str) -> int:
        answer = await manager.call("GET", "/gc/whatIf", delete=list(targets))
        return answer.status

    assert await status() == 400
    assert await status("team/app:v2") == 404
    assert await status("team") == 404
    assert await status(f"team/app@{Digest.of(b'other')}") == 404
    assert await status("team/app@v1") == 400
    assert await status("Team") == 400
    assert await status(*(f"team/{number}" for number in range(101))) == 400


async def test_usage_of_the_registry_a_prefix_and_a_repository(
    admin: Caller, manager: Manager
) -> None:
    """Each blob counts once, however many repositories have it."""
    for repository in ("team/app", "team/web", "other"):
        await admin.push(repository, "v1", APP)
    signature = image(b"s", subject=descriptor(APP.manifest, APP.media_type))
    await admin.push("team/web", str(signature.digest), signature)

    usage = await manager.ok("GET", "/usage")
    team = await manager.ok("GET", "/usage/repositories", prefix="team")
    web = await manager.ok("GET", "/usage/repositories", repository="team/web")

    two = await manager.ok("GET", "/usage", largest="2")

    assert len(two["repositories"]) == 2
    assert usage["total"]["content"]["blobs"] == 3
    assert (usage["total"]["tags"], usage["isCounted"]) == (3, True)
    assert [one["name"] for one in usage["repositories"]] == ["team/web", "other", "team/app"]
    assert (team["name"], team["content"]["blobs"], team["own"]["blobs"]) == ("team/*", 3, 1)
    assert (web["content"]["manifests"], web["own"]["blobBytes"]) == (2, 1)


async def test_usage_refuses_a_question_without_a_subject(manager: Manager) -> None:
    """An answer about something else would be believed."""
    for query in ({}, {"repository": "a", "prefix": "b"}, {"prefix": ""}, {"repository": "A"}):
        assert (await manager.call("GET", "/usage/repositories", **query)).status == 400, query
    assert (await manager.call("GET", "/usage/repositories", repository="a")).status == 404
    for largest in ("-1", "1001", "many", "²", ""):
        assert (await manager.call("GET", "/usage", largest=largest)).status == 400, largest


async def test_usages_are_listed_as_arm_lists_them(
    admin: Caller, manager: Manager, registry: Registry
) -> None:
    """az acr show-usage prints these fields, and -1 for no limit."""
    await admin.push("team/app", "v1", APP)
    used = SIZE + len(APP.manifest)

    before = await manager.ok("GET", "/listUsages")
    for name, repositories, limit in (
        ("large-one", "*", 10**9),
        ("small-one", "*", 10**6),
        ("of-a-team", "team/*", 1),
    ):
        quota = Quota(name=name, repositories=repositories, max_bytes=limit)
        await registry.services.policies.create(quota)
    after = await manager.ok("GET", "/listUsages")

    size = {"name": "Size", "currentValue": used, "unit": "Bytes"}
    assert before == {"value": [{**size, "limit": -1}]}
    assert after == {"value": [{**size, "limit": 10**6}]}
