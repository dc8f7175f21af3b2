"""Retention and purges over HTTP, a portion with each request."""

from typing import Any

import pytest

from acrux.http.management.policies import portions
from acrux.http.management.policies.portions import MAX_ITEMS, RUN_SECONDS, Portion
from tests.http.caller import Caller
from tests.http.conftest import HandClock
from tests.http.management.test_management import ROOT, Manager
from tests.http.management.test_policies import IDLE_RULE, warnings
from tests.images import image

PURGE = {"filters": ["team/.*:^dev-"], "ago": "30d"}
TAGS = [("team/app", "dev-1"), ("team/app", "dev-0"), ("team/lib", "dev-1"), ("team/lib", "dev-0")]


@pytest.fixture
async def manager(stranger: Caller, admin: Caller, clock: HandClock) -> Manager:
    """The administrator, a month after pushes to three repositories, with a rule."""
    for repository in ("other", "team/app", "team/lib"):
        for number in range(2):
            await admin.push(repository, f"dev-{number}", image(b"layer %d" % number))
    clock.forward(days=31)
    document = (await stranger.call("GET", f"{ROOT}/openapi.json")).json
    manager = Manager(await stranger.login("registry:management:*"), document)
    rule = {**IDLE_RULE, "repositories": ["team/*"], "tags": ["*"], "olderThanDays": 30}
    await manager.ok("POST", "/retentionRules", {**rule, "confirm": IDLE_RULE["name"]})
    return manager


async def every(manager: Manager, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """All portions of a run."""
    found = [await manager.ok("POST", path, body)]
    while not found[-1]["isDone"]:
        going_on = {name: found[-1][name] for name in ("after", "told")}
        found.append(await manager.ok("POST", path, {**body, **going_on}))
    return found


def tags(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The tags of all portions."""
    return [(one["repository"], one["tag"]) for portion in found for one in portion["value"]]


@pytest.mark.parametrize(
    ("preview", "run", "body"),
    [
        ("/previewRetention", "/runRetention", {}),
        ("/previewRetention", "/runRetention", {"rule": "idle-rule"}),
        ("/previewPurge", "/runPurge", PURGE),
    ],
)
@pytest.mark.parametrize("room", [MAX_ITEMS, 1])
async def test_each_item_is_told_once_however_many_requests_it_takes(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, preview: str, run: str, body: Any,
    room: int,
) -> None:  # fmt: skip
    """What was removed must be known, also if the first request had room for a part only."""
    monkeypatch.setattr(portions, "MAX_ITEMS", room)

    previewed = await every(manager, preview, body)
    removed = await every(manager, run, body)
    again = await every(manager, run, body)

    assert tags(previewed) == tags(removed) == TAGS
    assert tags(again) == []
    assert (len(previewed) == 1) == (room > 1)


async def test_filters_and_patterns_that_match_nothing_are_told(manager: Manager) -> None:
    """They may be mistyped."""
    typed = ["team/.*:^dev-", "taem/.*:^dev-"]
    purged = await manager.ok("POST", "/previewPurge", {**PURGE, "filters": typed})
    await manager.ok("PATCH", "/retentionRules/idle-rule", {"repositories": ["taem/*"]})
    run = await manager.call("POST", "/previewRetention", {"rule": "idle-rule"})

    assert purged["unmatched"] == typed[1:]
    assert warnings(run) == ['299 - "no repository matches taem/* at present"']


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/runRetention", {"rule": "nothing"}, 404, "there is no retention rule 'nothing'"),
        ("/runRetention", {"rule": "nothing", "after": "a"}, 404, "there is no retention rule"),
        ("/runPurge", {}, 400, "give filters and ago, or untaggedOnly"),
        ("/runPurge", {"untagged": True, "untaggedOnly": True}, 400, "exclude each other"),
        ("/runPurge", {**PURGE, "filters": ["team"]}, 400, "one colon"),
        ("/runPurge", {**PURGE, "filters": ["a:b"] * 101}, 400, "100"),
        ("/runPurge", {**PURGE, "ago": "long"}, 400, "an age is a number of days"),
    ],
)
async def test_what_is_wrong_is_said_before_anything_is_removed(
    manager: Manager, path: str, body: dict[str, Any], status: int, said: str
) -> None:
    """An empty body is no order to remove everything."""
    refused = await manager.refusal("POST", path, body)

    assert refused[0] == status
    assert said in refused[1]
    assert tags(await every(manager, "/previewPurge", PURGE)) == TAGS


class Ticks:
    """A clock in seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


def test_a_request_that_found_late_goes_on_for_as_long_again() -> None:
    """Else a large repository would be searched from its beginning for each few items."""
    ticks = Ticks()
    portion: Portion[str] = Portion("", 0, is_dry=False, ticks=ticks)
    ticks.now = 3 * RUN_SECONDS

    assert portion.add("app", [])  # nothing was done yet, so the next request would begin as here
    assert portion.add("app", ["v1"])
    ticks.now = 6 * RUN_SECONDS
    assert not portion.add("app", ["v2"])
    assert (portion.items, portion.after, portion.told) == (["v1", "v2"], "", 0)


def test_an_answer_has_room_for_so_many_items() -> None:
    """A million tags in one answer would take the memory of both sides."""
    portion = Portion[int]("before", 0, is_dry=True, ticks=Ticks())

    assert portion.add("app", range(MAX_ITEMS - 1))
    assert not portion.add("app", range(2))
    assert (portion.after, portion.told) == ("before", MAX_ITEMS + 1)


def test_a_preview_skips_what_was_told_and_nothing_else() -> None:
    """The repository was cut in two, and the next one was not begun."""
    ticks = Ticks()
    portion: Portion[str] = Portion("before", 3, is_dry=True, ticks=ticks)
    ticks.now = RUN_SECONDS

    assert portion.add("app", ["v1", "v2"])
    assert portion.told == 3
    assert portion.add("app", ["v3", "v4"])
    assert portion.add("lib", ["v1"])
    assert (portion.items, portion.after, portion.told) == (["v4", "v1"], "app", 1)
