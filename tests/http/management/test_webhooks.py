"""Webhooks over HTTP: what their commands do, for callers with the right."""

from typing import Any

import pytest

from acrux.bootstrap import tasks
from acrux.bootstrap.application import Registry
from acrux.domain.audit.decision import Search
from acrux.domain.webhooks.signing import written
from acrux.settings import Settings
from tests.http.caller import Caller
from tests.http.conftest import HandClock, Lines
from tests.http.management.test_management import ROOT, Manager
from tests.images import image

WANTED = {
    "name": "deploy",
    "serviceUri": "https://example.com/s3cret-path",
    "customHeaders": {"Authorization": "Bearer s3cret-token"},
    "actions": ["push", "delete"],
    "scope": "team/app:*",
    "status": "disabled",
    "format": "cloudevents",
}
IMAGE = image(b"layer")


@pytest.fixture
async def manager(stranger: Caller) -> Manager:
    """The administrator."""
    document = (await stranger.call("GET", f"{ROOT}/openapi.json")).json
    return Manager(await stranger.login("registry:management:*"), document)


def told(shown: dict[str, Any]) -> dict[str, Any]:
    """What is shown of what was asked for."""
    return {name: shown[name] for name in WANTED if name in shown}


async def test_a_webhook_is_created_shown_changed_and_deleted(manager: Manager) -> None:
    """All that was said is kept, and a change keeps what it does not name."""
    created = await manager.call("POST", "/webhooks", WANTED)
    shown = await manager.ok("GET", "/webhooks/deploy")
    unchanged = await manager.ok("PATCH", "/webhooks/deploy", {})
    changed = await manager.ok(
        "PATCH", "/webhooks/deploy", {"status": "enabled", "scope": "team/app", "actions": ["push"]}
    )
    listed = await manager.ok("GET", "/webhooks")
    await manager.ok("DELETE", "/webhooks/deploy")

    secretless = {k: v for k, v in WANTED.items() if k not in ("serviceUri", "customHeaders")}
    assert created.status == 201
    assert created.header("Location") == f"{ROOT}/webhooks/deploy"
    assert created.header("Cache-Control") == "no-store"
    assert told(created.json) == told(shown) == told(unchanged) == secretless
    assert (changed["status"], changed["scope"], changed["actions"]) == (
        "enabled", "team/app:latest", ["push"],
    )  # fmt: skip
    assert listed == {"value": [changed]}
    assert (await manager.refusal("GET", "/webhooks/deploy"))[0] == 404


async def test_secrets_are_shown_once_or_never(manager: Manager) -> None:
    """Who may only look must not learn what opens the receivers."""
    created = await manager.ok("POST", "/webhooks", WANTED)
    shown = await manager.call("GET", "/webhooks/deploy")
    config = await manager.call("POST", "/webhooks/deploy/getCallbackConfig")
    renewed = await manager.call("POST", "/webhooks/deploy/renewSecret")
    given = await manager.ok("POST", "/webhooks/deploy/renewSecret", {"secret": written(b"k" * 32)})

    assert created["secret"].startswith("whsec_")
    assert created["receiver"] == shown.json["receiver"] == "https://example.com"
    assert b"s3cret" not in shown.body
    assert b"whsec_" not in shown.body
    assert config.json == {
        "serviceUri": WANTED["serviceUri"],
        "customHeaders": {"Authorization": "***"},
    }
    assert config.header("Cache-Control") == renewed.header("Cache-Control") == "no-store"
    assert renewed.json["secret"] != created["secret"]
    assert given == {"secret": written(b"k" * 32)}


async def test_a_receiver_is_replaced(manager: Manager) -> None:
    """With its headers, or without."""
    await manager.ok("POST", "/webhooks", WANTED)
    await manager.ok("PATCH", "/webhooks/deploy", {"serviceUri": "https://other.example/x"})
    kept = await manager.ok("POST", "/webhooks/deploy/getCallbackConfig")
    await manager.ok("PATCH", "/webhooks/deploy", {"customHeaders": {}})
    cleared = await manager.ok("POST", "/webhooks/deploy/getCallbackConfig")

    assert kept == {
        "serviceUri": "https://other.example/x",
        "customHeaders": {"Authorization": "***"},
    }
    assert cleared["customHeaders"] == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "no"}, "5 to 50"),
        ({"serviceUri": "http://example.com"}, "webhook_networks"),
        ({"serviceUri": "https://a:s3cret@example.com"}, "user name"),
        ({"serviceUri": "file:///etc/passwd"}, "http:// or https://"),
        ({"customHeaders": {"Host": "evil"}}, "acrux itself"),
        ({"customHeaders": {"X-Key": "s3cret\r\nX: y"}}, "printable ASCII"),
        ({"actions": []}, "at least one action"),
        ({"actions": ["ping"]}, "on request only"),
        ({"actions": ["pull"]}, "actions"),
        ({"scope": "team/*"}, "scope of a webhook"),
        ({"secret": "s3cret"}, "whsec_"),
        ({"format": "xml"}, "format"),
        ({"uri": "https://example.com"}, "uri"),
    ],
)
async def test_what_is_wrong_is_said_without_repeating_a_secret(
    manager: Manager, change: dict[str, Any], said: str
) -> None:
    """A clear error, and never a 500."""
    status, message = await manager.refusal("POST", "/webhooks", {**WANTED, **change})

    assert status == 400
    assert said in message
    assert "s3cret" not in message


async def test_a_name_is_given_once(manager: Manager) -> None:
    """The second one would replace the first."""
    await manager.ok("POST", "/webhooks", WANTED)

    assert (await manager.refusal("POST", "/webhooks", WANTED))[0] == 409


async def test_events_are_listed_and_filtered(manager: Manager, admin: Caller) -> None:
    """In ACR's words, with what became of them."""
    await manager.ok("POST", "/webhooks", {**WANTED, "status": "enabled"})
    ping = await manager.call("POST", "/webhooks/deploy/ping")
    await admin.push("team/app", "v1", IMAGE)
    await admin.push("team/other", "v1", IMAGE)
    found = (await manager.ok("GET", "/webhooks/deploy/events"))["value"]
    one = (await manager.ok("GET", "/webhooks/deploy/events", n=1))["value"]
    dead = (await manager.ok("GET", "/webhooks/deploy/events", state="dead"))["value"]

    assert ping.status == 202
    assert [event["eventRequestMessage"]["content"]["action"] for event in found] == [
        "push", "ping",
    ]  # fmt: skip
    assert found[1]["id"] == ping.json["id"]
    assert (one, dead) == (found[:1], [])
    content = found[0]["eventRequestMessage"]["content"]
    assert content["target"] == {
        "mediaType": IMAGE.media_type,
        "size": len(IMAGE.manifest),
        "digest": str(IMAGE.digest),
        "length": len(IMAGE.manifest),
        "repository": "team/app",
        "tag": "v1",
    }
    assert content["actor"] == {"name": "acrux"}
    assert content["request"]["method"] == "PUT"
    assert found[0]["eventRequestMessage"]["requestUri"] == "https://example.com"
    assert (found[0]["state"], found[0]["eventResponseMessage"]) == ("waiting", None)


async def test_reading_is_not_told(manager: Manager, admin: Caller) -> None:
    """Only what changes something is news."""
    await admin.push("team/app", "v1", IMAGE)
    await manager.ok("POST", "/webhooks", {**WANTED, "status": "enabled"})
    for method in ("HEAD", "GET"):
        assert (await admin.call(method, "/v2/team/app/manifests/v1")).status == 200
    refused = await admin.call(
        "PUT",
        "/v2/team/app/manifests/v2",
        headers={"Content-Type": IMAGE.media_type},
        body=IMAGE.manifest.replace(b"sha256:", b"sha256:0", 1),
    )

    assert refused.status == 400
    assert (await manager.ok("GET", "/webhooks/deploy/events"))["value"] == []


async def test_deletions_over_every_route_are_told_and_untagging_is_not(
    manager: Manager, admin: Caller
) -> None:
    """A manifest can be deleted by its digest, and with its repository."""
    await manager.ok(
        "POST", "/webhooks", {**WANTED, "scope": "", "status": "enabled", "actions": ["delete"]}
    )
    await admin.push("team/app", "v1", IMAGE)
    await admin.push("team/app", "v2", IMAGE)
    await admin.call("DELETE", "/acr/v1/team/app/_tags/v1")
    await admin.call("DELETE", "/v2/team/app/manifests/v2")
    await admin.call("DELETE", f"/v2/team/app/manifests/{IMAGE.digest}")
    await admin.push("team/app", "v1", IMAGE)
    await admin.call("DELETE", "/acr/v1/team/app")
    found = (await manager.ok("GET", "/webhooks/deploy/events"))["value"]

    assert [event["eventRequestMessage"]["content"]["target"] for event in found] == [
        {"repository": "team/app"},
        {
            "mediaType": IMAGE.media_type,
            "digest": str(IMAGE.digest),
            "repository": "team/app",
        },
    ]


async def test_a_host_that_is_not_ours_is_not_told(manager: Manager, admin: Caller) -> None:
    """A receiver pulls from the host that it reads."""
    await manager.ok("POST", "/webhooks", {**WANTED, "status": "enabled"})
    await admin.push("team/app", "v1", IMAGE)
    await admin.call(
        "PUT",
        "/v2/team/app/manifests/v2",
        headers={"Content-Type": IMAGE.media_type, "Host": "evil.test"},
        body=IMAGE.manifest,
    )
    found = (await manager.ok("GET", "/webhooks/deploy/events"))["value"]

    hosts = {event["eventRequestMessage"]["content"]["request"]["host"] for event in found}
    assert len(found) == 2
    assert "evil.test" not in hosts


async def test_a_replay_of_nothing_is_told(manager: Manager) -> None:
    """The id may be mistyped."""
    await manager.ok("POST", "/webhooks", WANTED)

    assert await manager.ok("POST", "/webhooks/deploy/replay") == {"events": 0}
    assert (await manager.refusal("POST", "/webhooks/deploy/replay", {"id": "x"}))[0] == 404


async def test_a_disabled_webhook_is_not_pinged(manager: Manager) -> None:
    """The ping would wait for ever."""
    await manager.ok("POST", "/webhooks", WANTED)
    status, message = await manager.refusal("POST", "/webhooks/deploy/ping")

    assert (status, "disabled" in message) == (409, True)


async def test_a_state_that_is_none_is_refused(manager: Manager) -> None:
    """An empty list would look as if all were well."""
    await manager.ok("POST", "/webhooks", WANTED)
    answer = await manager.call("GET", "/webhooks/deploy/events", state="lost")

    assert answer.status == 400
    assert "waiting, delivered, dead" in answer.json["errors"][0]["message"]


async def test_the_audit_log_holds_who_looked_at_the_receiver(
    manager: Manager, registry: Registry
) -> None:
    """Its address may be a credential."""
    await manager.ok("POST", "/webhooks", WANTED)
    await manager.ok("POST", "/webhooks/deploy/getCallbackConfig")
    await registry.services.audit_log.keep()
    records = await registry.services.audit_log.search(Search(limit=9))

    requests = [record.decision.request for record in records]
    assert f"POST {ROOT}/webhooks/deploy/getCallbackConfig" in requests
    assert "s3cret" not in str(records)


class TestWithNetworks:
    """A registry whose setting names networks."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """Receivers within 10.0.0.0/8."""
        return settings.replace(webhook_networks=("10.0.0.0/8",))

    async def test_http_is_let_in(self, manager: Manager) -> None:
        """Receivers in the same cluster often have no certificate."""
        wanted = {**WANTED, "serviceUri": "http://10.0.0.7:8080/hook"}

        assert (await manager.ok("POST", "/webhooks", wanted))["receiver"] == (
            "http://10.0.0.7:8080"
        )


async def test_failures_are_logged_once_a_minute(
    manager: Manager, admin: Caller, registry: Registry, log: Lines, clock: HandClock
) -> None:
    """A receiver that is down must not fill the log."""
    deliver, _ = tasks.of_webhooks(registry.services, log)
    await manager.ok(
        "POST",
        "/webhooks",
        {**WANTED, "serviceUri": "https://localhost/s3cret-path", "status": "enabled"},
    )
    await admin.push("team/app", "v1", IMAGE)
    for _ in range(4):
        await deliver.run()
        await registry.services.deliveries.settle()
        clock.forward(hours=1)

    [line] = [line for line in log.lines if line["event"] == "webhook-failing"]
    assert (line["webhook"], line["waiting"]) == ("deploy", 1)
    assert log.warned == ["webhook-failing"]
    assert "webhook_networks" in str(line["problem"])
    assert "s3cret" not in str(log.lines)
