"""Policies over HTTP: what their commands do, for callers with the right."""

from typing import Any

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.content.policies.quota import Quota
from acrux.domain.content.policies.retention import RetentionRule
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.domain.content.policies.write_once import WriteOncePolicy
from tests.http.caller import Answer, Caller
from tests.http.conftest import HandClock
from tests.http.management.test_management import ROOT, Manager
from tests.images import image

TIMES = {"creationDate", "lastUpdatedTime"}
A_RULE = {
    "name": "old-builds",
    "repositories": ["team/*"],
    "tags": ["dev-*"],
    "filter": "^rc",
    "exceptTags": ["dev-stable"],
    "keepLast": 10,
    "olderThanDays": 30,
    "notPulledForDays": 14,
    "untaggedForDays": 0,
    "keepAtLeast": 1,
    "status": "disabled",
}
IDLE_RULE = {"name": "idle-rule", "repositories": ["*"]}
A_WRITE_ONCE_POLICY = {"name": "releases", "repositories": ["*"], "exceptTags": ["latest"]}
A_QUOTA = {"name": "team-quota", "repositories": "team/*", "maxBytes": 2**40}


@pytest.fixture
async def manager(stranger: Caller) -> Manager:
    """The administrator."""
    document = (await stranger.call("GET", f"{ROOT}/openapi.json")).json
    return Manager(await stranger.login("registry:management:*"), document)


def without_times(shown: dict[str, Any]) -> dict[str, Any]:
    """What is shown, without when it was created and changed."""
    return {name: value for name, value in shown.items() if name not in TIMES}


def warnings(answer: Answer) -> list[str]:
    """The warnings in the answer's headers."""
    return [value for name, value in answer.headers if name == "warning"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/retentionRules", A_RULE),
        ("POST", "/writeOncePolicies", {**A_WRITE_ONCE_POLICY, "repositories": ["team/*"]}),
        ("POST", "/quotas", A_QUOTA),
        ("PUT", "/softDeletePolicies", {"repositories": "team/*"}),
    ],
)
async def test_a_pattern_that_matches_no_repository_is_warned_of(
    manager: Manager, admin: Caller, method: str, path: str, body: dict[str, Any]
) -> None:
    """It may be mistyped. A change says it too, and nothing is said once there is one."""
    changing = {"status": "disabled"} if path == "/retentionRules" else {}
    one = ("PUT", path, body) if method == "PUT" else ("PATCH", f"{path}/{body['name']}", changing)
    created = await manager.call(method, path, body)
    changed = await manager.call(*one)
    await admin.push("team/app", "v1", image(b"layer"))
    again = await manager.call(*one)

    unmatched = ['299 - "no repository matches team/* at present"']
    assert (created.status, changed.status, again.status) in {(201, 200, 200), (200, 200, 200)}
    assert warnings(created) == warnings(changed) == unmatched
    assert unmatched[0] not in warnings(again)


@pytest.mark.parametrize(
    ("path", "wanted", "change"),
    [
        ("/retentionRules", A_RULE, {"keepLast": None, "status": "enabled", "tags": ["*"]}),
        ("/writeOncePolicies", A_WRITE_ONCE_POLICY, {"exceptTags": []}),
        ("/quotas", A_QUOTA, {"maxBytes": 1}),
    ],
)
async def test_a_policy_is_created_shown_changed_and_deleted(
    manager: Manager, path: str, wanted: dict[str, Any], change: dict[str, Any]
) -> None:
    """All that was said is kept, and a change keeps what it does not name."""
    one = f"{path}/{wanted['name']}"
    created = await manager.call("POST", path, wanted)
    shown = await manager.ok("GET", one)
    unchanged = await manager.ok("PATCH", one, {})
    changed = await manager.ok("PATCH", one, change)
    listed = await manager.ok("GET", path)
    await manager.ok("DELETE", one)

    assert created.status == 201
    assert created.header("Location") == ROOT + one
    assert without_times(created.json) == wanted
    assert shown == created.json
    assert without_times(unchanged) == wanted
    assert without_times(changed) == {**wanted, **change}
    assert listed == {"value": [changed]}
    assert (await manager.refusal("GET", one))[0] == 404


async def test_a_soft_delete_policy_is_put_listed_and_deleted(manager: Manager) -> None:
    """Its pattern is its name, which does not fit into a path."""
    path = "/softDeletePolicies"
    first = await manager.ok("PUT", path, {"repositories": "team/*"})
    second = await manager.ok(
        "PUT", path, {"repositories": "team/*", "retentionDays": 90, "status": "disabled"}
    )
    listed = await manager.ok("GET", path)
    await manager.ok("DELETE", path, repositories="team/*")

    assert without_times(first) == {
        "repositories": "team/*",
        "retentionDays": 7,
        "status": "enabled",
    }
    assert without_times(second) == {
        "repositories": "team/*",
        "retentionDays": 90,
        "status": "disabled",
    }
    assert listed == {"value": [second]}
    assert await manager.ok("GET", path) == {"value": []}


async def test_manifests_without_a_tag_are_kept_until_said_otherwise(manager: Manager) -> None:
    """As `az acr config retention` shows and sets it."""
    path = "/retentionPolicy"
    before = await manager.ok("GET", path)
    await manager.ok("PATCH", path, {"days": 30})
    enabled = await manager.ok("PATCH", path, {"status": "enabled"})

    assert before == {"days": 7, "status": "disabled", "lastUpdatedTime": None}
    assert without_times(enabled) == {"days": 30, "status": "enabled"}
    assert await manager.ok("GET", path) == enabled
    rule = await manager.ok("GET", "/retentionRules/_untagged")
    assert (rule["repositories"], rule["untaggedForDays"]) == (["*"], 30)


async def test_a_rule_that_removes_every_tag_must_be_confirmed(manager: Manager) -> None:
    """A program must not empty the registry by an omitted field."""
    everything = {"name": "clean", "repositories": ["*"], "tags": ["*"]}
    refused = await manager.refusal("POST", "/retentionRules", everything)
    wrong = await manager.refusal("POST", "/retentionRules", {**everything, "confirm": "yes"})
    kept = await manager.ok("POST", "/retentionRules", {**everything, "keepLast": 1})
    changed = await manager.refusal("PATCH", "/retentionRules/clean", {"keepLast": None})
    confirmed = await manager.ok(
        "PATCH", "/retentionRules/clean", {"keepLast": None, "confirm": "clean"}
    )

    assert refused[0] == wrong[0] == changed[0] == 400
    assert "removes every tag of *" in refused[1]
    assert kept["keepLast"] == 1
    assert confirmed["keepLast"] is None


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/retentionRules", {**A_RULE, "filter": "(?!x)"}, 400, "look-behind"),
        ("POST", "/retentionRules", {**A_RULE, "keepLast": 0}, 400, "$.keepLast"),
        ("POST", "/retentionRules", {**A_RULE, "keepFirst": 1}, 400, "keepFirst"),
        ("POST", "/retentionRules", {**A_RULE, "name": "_untagged"}, 400, "config retention"),
        (
            "POST",
            "/retentionRules",
            {"name": "idle-rule", "repositories": ["*"]},
            400,
            "which tags",
        ),
        ("PATCH", "/retentionRules/_untagged", {"keepLast": 1}, 400, "config retention"),
        ("PATCH", "/retentionRules/nothing", {"keepLast": 1}, 404, "no retention rule 'nothing'"),
        ("PATCH", "/retentionPolicy", {"days": 366}, 400, "$.days"),
        (
            "POST",
            "/writeOncePolicies",
            {**A_WRITE_ONCE_POLICY, "repositories": ["A"]},
            400,
            "a rule names one repository",
        ),
        (
            "DELETE",
            "/writeOncePolicies/nothing",
            None,
            404,
            "there is no write-once policy 'nothing'",
        ),
        ("POST", "/quotas", {**A_QUOTA, "maxBytes": -1}, 400, "$.maxBytes"),
        ("POST", "/quotas", {**A_QUOTA, "maxBytes": 2**63}, 400, "$.maxBytes"),
        ("POST", "/quotas", {**A_QUOTA, "maxBytes": "20GiB"}, 400, "$.maxBytes"),
        ("POST", "/quotas", {**A_QUOTA, "name": "q"}, 400, "the name of a quota"),
        ("PUT", "/softDeletePolicies", {"repositories": "te*m"}, 400, "a rule names one"),
        (
            "PUT",
            "/softDeletePolicies",
            {"repositories": "*", "retentionDays": 91},
            400,
            "$.retentionDays",
        ),
        ("DELETE", "/softDeletePolicies", None, 400, "?repositories="),
    ],
)
async def test_a_bad_request_is_explained_and_changes_nothing(
    manager: Manager, method: str, path: str, body: object, status: int, said: str
) -> None:
    """A program reads the status, a person reads the sentence."""
    answer = await manager.refusal(method, path, body)

    assert answer[0] == status, answer
    assert said in answer[1]
    for kind in (RetentionRule, WriteOncePolicy, Quota, SoftDeletePolicy):
        assert await manager.caller.registry.services.policies.list(kind) == ()


async def test_a_taken_name_is_a_conflict(manager: Manager) -> None:
    """Otherwise the second caller would believe that theirs counts."""
    await manager.ok("POST", "/quotas", A_QUOTA)

    status, said = await manager.refusal("POST", "/quotas", {**A_QUOTA, "maxBytes": 1})

    assert status == 409
    assert "there is a quota 'team-quota' already" in said


class TestRetentionRuns:
    """Rules are tried and carried out over HTTP."""

    async def test_a_rule_that_leaves_no_tag_of_those_that_are_there_must_be_confirmed(
        self, manager: Manager
    ) -> None:
        """Although it only removes what is old."""
        change = {"repositories": ["team/app"]}
        refused = await manager.refusal("PATCH", "/retentionRules/idle-rule", change)
        kept = await manager.ok("PATCH", "/retentionRules/idle-rule", {**change, "keepLast": 1})

        assert refused[0] == 400
        assert "removes every tag that team/app has now" in refused[1]
        assert kept["keepLast"] == 1

    async def test_globs_that_match_no_tag_are_warned_of(self, manager: Manager) -> None:
        """In a header, as Kubernetes has it; what a filter holds cannot break it."""
        rule = {
            "name": "new-rule", "repositories": ["team/*"], "tags": ["rc-*"], "filter": '"é\\n\n',
            "keepLast": 1,
        }  # fmt: skip
        created = await manager.call("POST", "/retentionRules", rule)

        assert created.status == 201
        assert warnings(created) == [
            '299 - "no tag there matches rc-* at present"',
            r'299 - "no tag there matches \"?\\n? at present"',
        ]

    @pytest.fixture
    async def manager(self, stranger: Caller, admin: Caller, clock: HandClock) -> Manager:
        """The administrator, a month after three pushes, with a rule."""
        for number in range(3):
            await admin.push("team/app", f"dev-{number}", image(b"layer %d" % number))
        clock.forward(days=31)
        document = (await stranger.call("GET", f"{ROOT}/openapi.json")).json
        manager = Manager(await stranger.login("registry:management:*"), document)
        rule = {**IDLE_RULE, "tags": ["*"], "olderThanDays": 30, "confirm": "idle-rule"}
        assert (await manager.call("POST", "/retentionRules", rule)).status == 201
        return manager

    async def test_a_rule_is_previewed(self, manager: Manager) -> None:
        """As by `acrux retention run --dry-run`, in a page of bounded size."""
        path = "/retentionRules/idle-rule/preview"
        whole = await manager.ok("GET", path)
        part = await manager.ok("GET", path, n="2")

        assert whole["isComplete"]
        assert [one["tag"] for one in whole["value"]] == ["dev-2", "dev-1", "dev-0"]
        assert "31 days" in whole["value"][0]["reason"]
        assert part == {"value": whole["value"][:2], "isComplete": False}
        assert (await manager.refusal("GET", "/retentionRules/other/preview"))[0] == 404

    async def test_all_rules_are_carried_out_on_request(
        self, manager: Manager, registry: Registry
    ) -> None:
        """The answer comes at once, and the work is done in the background."""
        never = await manager.ok("GET", "/retentionRun")
        started = await manager.call("POST", "/retentionRun")
        await registry.services.retention.continue_()
        done = await manager.ok("GET", "/retentionRun")

        assert never == {"beganAt": None, "endedAt": None, "removedTags": 0, "removedManifests": 0}
        assert started.status == 202
        assert started.json["endedAt"] is None
        assert done["beganAt"] == started.json["beganAt"]
        assert done["endedAt"]
        assert (done["removedTags"], done["removedManifests"]) == (3, 0)
