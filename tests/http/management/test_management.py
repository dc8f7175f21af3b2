"""Management over HTTP: what the commands do, for callers with the right."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from acrux.bootstrap.application import Registry
from acrux.domain.access.scope_maps import entity_tag
from acrux.domain.access.token import TOKEN_USER
from acrux.domain.audit.decision import Search
from acrux.domain.content.page import Page
from acrux.errors import ChangedMeanwhile
from acrux.settings import Settings
from tests.http.access.test_access import TRUST
from tests.http.caller import Answer, Caller, basic
from tests.http.conftest import HandClock

ROOT = "/management/v1"


@dataclass
class Manager:
    """Calls operations, and checks each answer against the document."""

    caller: Caller
    document: Mapping[str, Any]
    called: set[tuple[str, str]] = field(default_factory=set)

    async def call(self, method: str, path: str, body: object = None, **query: Any) -> Answer:
        """Call an operation, and check that the document describes its answer."""
        answer = await self.caller.call(
            method,
            ROOT + path,
            query=query,
            headers={"Content-Type": "application/json"} if body is not None else {},
            body=b"" if body is None else json.dumps(body).encode(),
        )
        self.check(method, path, answer)
        return answer

    def check(self, method: str, path: str, answer: Answer) -> None:
        """Check the answer against the document."""
        operation = self.document["paths"][template(path, self.document)][method.lower()]
        told = operation["responses"][str(answer.status)]
        schema = told.get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            assert answer.body == b""
        else:
            whole = {**schema, "components": self.document["components"]}
            Draft202012Validator(whole).validate(answer.json)
        assert set(told.get("headers", {})) - {"Link"} <= {
            name.title() for name, _ in answer.headers
        }

    async def ok(self, method: str, path: str, body: object = None, **query: Any) -> Any:
        """The JSON of a call that succeeds."""
        answer = await self.call(method, path, body, **query)
        assert answer.status < 300, answer.body
        return answer.json if answer.body else None

    async def refusal(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """The status and the message of a call that fails."""
        answer = await self.call(method, path, body)
        return answer.status, answer.json["errors"][0]["message"]


def template(path: str, document: Mapping[str, Any]) -> str:
    """The path as written in the document: the one with the fewest parameters."""
    paths = sorted(document["paths"], key=lambda one: one.count("{"))
    return next(
        str(one) for one in paths if re.fullmatch(re.sub(r"{\w+}", "[^/]+", one), ROOT + path)
    )


@pytest.fixture
async def manager(stranger: Caller) -> Manager:
    """The administrator."""
    document = (await stranger.call("GET", f"{ROOT}/openapi.json")).json
    return Manager(await stranger.login("registry:management:*"), document)


def valued(credentials: Mapping[str, Any]) -> dict[str, str]:
    """The passwords of an answer, by name."""
    return {one["name"]: one["value"] for one in credentials["passwords"] if "value" in one}


async def test_an_account_is_created_shown_changed_and_deleted(
    manager: Manager, registry: Registry
) -> None:
    """acrux token."""
    wanted = {"name": "ci-team", "scopeMapId": "_repositories_pull"}
    created = await manager.call("POST", "/tokens", wanted)
    passwords = valued(created.json["credentials"])
    caller = Caller(registry, "ci-team", passwords["password1"])
    logged_in = await caller.token("repository:app:pull")
    shown = await manager.ok("GET", "/tokens/ci-team")
    changed = await manager.ok(
        "PATCH", "/tokens/ci-team", {"status": "disabled", "scopeMapId": "_repositories_push"}
    )
    off = await caller.token("repository:app:pull")
    unchanged = await manager.ok("PATCH", "/tokens/ci-team", {})
    await manager.ok("DELETE", "/tokens/ci-team")

    assert created.status == 201
    assert created.header("Location") == f"{ROOT}/tokens/ci-team"
    assert created.header("Cache-Control") == "no-store"
    assert list(passwords) == ["password1", "password2"]
    assert logged_in.status == 200
    assert valued(shown["credentials"]) == {}
    assert (shown["status"], shown["scopeMapId"]) == ("enabled", "_repositories_pull")
    assert (changed["status"], changed["scopeMapId"]) == ("disabled", "_repositories_push")
    assert unchanged == changed
    assert off.status == 401
    assert (await manager.refusal("GET", "/tokens/ci-team"))[0] == 404


async def test_an_account_can_begin_disabled_and_without_passwords(manager: Manager) -> None:
    """The person who creates it need not be the one who gets the passwords."""
    wanted = {"name": "later", "scopeMapId": "_repositories_pull"}
    created = await manager.ok(
        "POST", "/tokens", {**wanted, "status": "disabled", "generatePasswords": False}
    )

    assert created["status"] == "disabled"
    assert created["credentials"]["passwords"] == []
    assert await manager.ok("GET", "/tokens/later") == created


async def test_one_or_both_passwords_are_renewed_and_deleted(
    manager: Manager, registry: Registry, clock: HandClock
) -> None:
    """acrux token credential."""
    await manager.ok("POST", "/tokens", {"name": "ci-team", "scopeMapId": "_repositories_pull"})
    until = (clock() + timedelta(days=1)).isoformat()
    path = "/tokens/ci-team/generateCredentials"
    both = await manager.ok("POST", path)
    one = await manager.ok("POST", path, {"name": "password2", "expiry": until})
    await manager.ok("DELETE", "/tokens/ci-team/credentials/password1")
    caller = Caller(registry, "ci-team", valued(one)["password2"])
    before = (await caller.token("repository:app:pull")).status
    clock.forward(days=1)

    assert list(valued(both)) == ["password1", "password2"]
    assert list(valued(one)) == ["password2"]
    assert both["username"] == one["username"] == "ci-team"
    left = (await manager.caller.registry.services.accounts.show("ci-team")).passwords
    assert [password.name for password in left] == ["password2"]
    assert (before, (await caller.token("repository:app:pull")).status) == (200, 401)


async def test_the_tokens_of_an_account_are_revoked(manager: Manager, registry: Registry) -> None:
    """acrux token revoke."""
    wanted = {"name": "ci-team", "scopeMapId": "_repositories_pull"}
    created = await manager.ok("POST", "/tokens", wanted)
    password = valued(created["credentials"])["password1"]
    caller = await Caller(registry, "ci-team", password).login("repository:app:pull")
    before = (await caller.call("GET", "/v2/")).status
    await manager.ok("POST", "/tokens/ci-team/revoke")

    assert (before, (await caller.call("GET", "/v2/")).status) == (200, 401)


async def test_a_scope_map_is_created_shown_changed_and_deleted(manager: Manager) -> None:
    """acrux scope-map."""
    actions = ["repositories/app/content/read"]
    created = await manager.call("POST", "/scopeMaps", {"name": "readers", "actions": actions})
    changed = await manager.ok(
        "PATCH", "/scopeMaps/readers", {"actions": ["repositories/*/metadata/read"]}
    )
    described = await manager.ok("PATCH", "/scopeMaps/readers", {"description": "for the team"})
    unchanged = await manager.ok("PATCH", "/scopeMaps/readers", {})
    await manager.ok("POST", "/tokens", {"name": "ci-team", "scopeMapId": "readers"})
    in_use = await manager.refusal("DELETE", "/scopeMaps/readers")
    await manager.ok("DELETE", "/tokens/ci-team")
    await manager.ok("DELETE", "/scopeMaps/readers")

    assert created.status == 201
    assert created.header("Location") == f"{ROOT}/scopeMaps/readers"
    assert (created.json["actions"], created.json["type"]) == (actions, "UserDefined")
    assert changed["actions"] == ["repositories/*/metadata/read"]
    assert described == {
        **changed,
        "description": "for the team",
        "etag": described["etag"],
    }
    assert unchanged == described
    assert in_use[0] == 409
    assert "give it another one first" in in_use[1]
    assert (await manager.refusal("GET", "/scopeMaps/readers"))[0] == 404


async def test_lists_come_page_by_page(manager: Manager, registry: Registry) -> None:
    """There may be 100,000 accounts."""
    for number in range(5):
        await registry.services.accounts.create(f"account-{number}", "_repositories_pull")
        await registry.services.scope_maps.create(f"Map-{number}", ())
        await registry.services.trusts.create(replace(TRUST, name=f"ci-{number}"))
        await registry.services.scope_maps.create(f"map-{number}", ())

    for path, expected in (
        ("/tokens", [*(f"account-{number}" for number in range(5)), "acrux"]),
        (
            "/scopeMaps",
            [one.name for one in (await registry.services.scope_maps.page(Page(100))).items],
        ),
        ("/trusts", [f"ci-{number}" for number in range(5)]),
    ):
        for n in ("1", "2", "5", "1000"):
            assert await walked(manager, path, n) == sorted(expected), (path, n)
    assert (await manager.ok("GET", "/scopeMaps", n="0"))["value"] == []


async def walked(manager: Manager, path: str, n: str) -> list[str]:
    """The names of all items, link by link."""
    names, query = [], {"n": n}
    for _ in range(50):
        answer = await manager.call("GET", path, **query)
        page = [item["name"] for item in answer.json["value"]]
        assert len(page) <= int(n)
        names += page
        link = answer.header("Link")
        if link is None:
            return names
        assert link == f'<{ROOT}{path}?last={page[-1]}&n={n}>; rel="next"'
        query["last"] = page[-1]
    raise AssertionError(names)


async def test_anonymous_callers_and_the_admin_user_are_switched(
    manager: Manager, settings: Settings
) -> None:
    """acrux update."""
    before = await manager.ok("GET", "/registry")
    pulls = await manager.ok("PATCH", "/registry", {"anonymousPullEnabled": True})
    chosen = await manager.ok("PATCH", "/registry", {"anonymousScopeMapId": "_repositories_push"})
    none = await manager.ok("PATCH", "/registry", {"anonymousScopeMapId": None})
    again = await manager.ok("PATCH", "/registry", {"anonymousPullEnabled": False})
    off = await manager.ok("PATCH", "/registry", {"adminUserEnabled": False})

    assert before == {
        "name": "acrux",
        "loginServers": list(settings.login_servers),
        "adminUserEnabled": True,
        "anonymousPullEnabled": False,
        "anonymousScopeMapId": None,
    }
    assert pulls["anonymousScopeMapId"] == "_repositories_pull_metadata_read"
    assert chosen["anonymousScopeMapId"] == "_repositories_push"
    assert none == again == before
    assert not off["adminUserEnabled"]
    assert (await manager.call("GET", "/registry")).status == 401  # this revoked their token


async def test_the_passwords_of_the_admin_user_are_renewed(
    manager: Manager, registry: Registry
) -> None:
    """acrux credential."""
    listed = await manager.ok("POST", "/listCredentials")
    renewed = await manager.call("POST", "/regenerateCredential", {"name": "password2"})

    assert listed["username"] == "acrux"
    assert [one["name"] for one in listed["passwords"]] == ["password", "password2"]
    assert valued(listed) == {}
    assert renewed.header("Cache-Control") == "no-store"
    assert list(valued(renewed.json)) == ["password2"]
    caller = Caller(registry, "acrux", valued(renewed.json)["password2"])
    assert (await caller.token("registry:catalog:*")).status == 200


PASS_PHRASE = "a long enough pass phrase"


async def test_a_user_is_created_shown_changed_and_deleted(
    manager: Manager, registry: Registry
) -> None:
    """acrux user."""
    name = "alice@example.com"
    wanted = {"name": name, "scopeMapId": "_repositories_pull", "password": PASS_PHRASE}
    created = await manager.call("POST", "/users", wanted)
    caller = Caller(registry, name, PASS_PHRASE)
    logged_in = (await caller.token("repository:app:pull")).status
    shown = await manager.ok("GET", f"/users/{name}")
    unchanged = await manager.ok("PATCH", f"/users/{name}", {})
    changed = await manager.ok(
        "PATCH", f"/users/{name}", {"status": "disabled", "scopeMapId": "_repositories_push"}
    )
    off = (await caller.token("repository:app:pull")).status
    await manager.ok("PATCH", f"/users/{name}", {"status": "enabled"})
    await manager.ok("POST", f"/users/{name}/setPassword", {"password": PASS_PHRASE[::-1]})
    old = (await caller.token("repository:app:pull")).status
    new = await Caller(registry, name, PASS_PHRASE[::-1]).login("repository:app:pull")
    listed = await manager.ok("GET", "/users")
    await manager.ok("POST", f"/users/{name}/revoke")
    revoked = (await new.call("GET", "/v2/")).status
    await manager.ok("DELETE", f"/users/{name}")

    assert created.status == 201
    assert created.header("Location") == f"{ROOT}/users/alice%40example.com"
    assert created.json == shown == unchanged
    assert (shown["source"], shown["status"]) == ("user", "enabled")
    assert (changed["status"], changed["scopeMapId"]) == ("disabled", "_repositories_push")
    assert (logged_in, off, old, revoked) == (200, 401, 401, 401)
    assert listed["value"] == [{**changed, "status": "enabled"}]
    assert PASS_PHRASE not in str(created.body)
    assert (await manager.refusal("GET", f"/users/{name}"))[0] == 404


A_TRUST = {
    "name": "ci",
    "issuer": "https://issuer.test",
    "audience": "registry.test",
    "claims": ["repository=org/app", "ref=refs/heads/*"],
}


async def test_a_trust_is_created_shown_changed_and_deleted(manager: Manager) -> None:
    """acrux trust."""
    actions = ["repositories/{repository_owner}/*/content/read"]
    created = await manager.call("POST", "/trusts", {**A_TRUST, "actions": actions})
    shown = await manager.ok("GET", "/trusts/ci")
    unchanged = await manager.ok("PATCH", "/trusts/ci", {})
    mapped = await manager.ok("PATCH", "/trusts/ci", {"scopeMapId": "_repositories_pull"})
    changed = await manager.ok(
        "PATCH",
        "/trusts/ci",
        {
            "audience": "other.test",
            "claims": ["sub=x"],
            "actions": actions,
            "lifetimeInMinutes": 15,
            "status": "disabled",
        },
    )
    listed = await manager.ok("GET", "/trusts")
    await manager.ok("DELETE", "/trusts/ci")

    assert created.status == 201
    assert created.header("Location") == f"{ROOT}/trusts/ci"
    assert created.json == shown == unchanged
    assert {name: shown[name] for name in A_TRUST} == A_TRUST
    assert (shown["actions"], shown["scopeMapId"]) == (actions, None)
    assert (shown["status"], shown["lifetimeInMinutes"]) == ("enabled", 180)
    assert mapped == {**shown, "actions": [], "scopeMapId": "_repositories_pull"}
    assert changed == {
        **shown,
        "audience": "other.test",
        "claims": ["sub=x"],
        "lifetimeInMinutes": 15,
        "status": "disabled",
    }
    assert listed["value"] == [changed]
    assert (await manager.refusal("GET", "/trusts/ci"))[0] == 404


async def test_the_audit_is_searched(
    manager: Manager, registry: Registry, clock: HandClock
) -> None:
    """acrux audit."""
    await manager.ok("POST", "/tokens", A_TOKEN)
    clock.forward(hours=1)
    await Caller(registry, "ci-team", "wrong").token("repository:app:pull")
    await registry.services.audit_log.flush()
    noon = clock().replace(hour=12).isoformat().replace("+00:00", "Z")
    one = clock().isoformat().replace("+00:00", "Z")

    async def found(**query: str) -> list[str]:
        records = await manager.ok("GET", "/audit", **query)
        return [record["request"] for record in records["value"]]

    made, refused = f"POST {ROOT}/tokens", "GET /oauth2/token"
    assert (await found())[-2:] == [made, refused]
    assert await found(n="1") == [refused]
    assert await found(outcome="refused") == [refused]
    assert await found(since=one) == [refused]
    assert made in await found(since=noon, until=one, account="acrux")
    assert await found(repository="app") == [refused]
    for query in ({"outcome": "x"}, {"since": "yesterday"}, {"until": "2026-11-21T12:00:00"}):
        assert (await manager.call("GET", "/audit", **query)).status == 400
    twice = await manager.caller.call("GET", f"{ROOT}/audit?account=a&account=b")
    assert twice.status == 400


async def test_the_audit_is_read_from_its_beginning(manager: Manager, registry: Registry) -> None:
    """A collector of logs goes on where it was, whatever was recorded meanwhile."""
    for number in range(5):
        await manager.ok("POST", "/scopeMaps", {"name": f"map-{number}", "actions": []})
    await registry.services.audit_log.flush()
    newest = (await manager.ok("GET", "/audit"))["value"]

    found, query = [], {"orderby": "timeasc", "n": "2"}
    for _ in range(50):
        answer = await manager.call("GET", "/audit", **query)
        found += answer.json["value"]
        link = answer.header("Link")
        if link is None:
            break
        query = dict(parse_qsl(link.partition("?")[2].partition(">")[0]))

    assert [one["id"] for one in found] == [one["id"] for one in newest]
    assert (await manager.call("GET", "/audit", orderby="size")).status == 400


async def test_who_edits_what_somebody_else_has_changed_is_told(manager: Manager) -> None:
    """The second of two people would undo what the first one did, and nobody would notice."""
    read, write = "repositories/team/*/content/read", "repositories/team/*/content/write"
    seen = await manager.ok("POST", "/scopeMaps", {"name": "edited", "actions": [read]})
    first = await manager.ok(
        "PATCH", "/scopeMaps/edited", {"addActions": [write], "etag": seen["etag"]}
    )
    second = await manager.refusal(
        "PATCH", "/scopeMaps/edited", {"actions": [], "etag": seen["etag"]}
    )
    described = await manager.ok(
        "PATCH", "/scopeMaps/edited", {"description": "x", "etag": first["etag"]}
    )
    third = await manager.refusal(
        "PATCH", "/scopeMaps/edited", {"description": "y", "etag": first["etag"]}
    )

    assert second[0] == third[0] == 412
    assert "somebody else" in second[1]
    assert described["actions"] == [read, write]
    assert await manager.ok("GET", "/scopeMaps/edited") == described


async def test_two_changes_that_saw_the_same_scope_map_are_told_apart_by_the_database(
    registry: Registry,
) -> None:
    """Between looking and changing, another process may change it."""
    scope_maps = registry.services.scope_maps
    seen = await scope_maps.create("edited", ("repositories/x/content/read",))
    tag = entity_tag(seen.description, seen.permissions)
    changes = [scope_maps.change("edited", description=text, tag=tag) for text in ("a", "b")]
    results = await asyncio.gather(*changes, return_exceptions=True)

    assert sum(isinstance(one, ChangedMeanwhile) for one in results) == 1


async def test_a_scope_map_may_be_there_already_if_that_is_wanted(manager: Manager) -> None:
    """A script that is run again must not fail, nor change what somebody else made."""
    made = {"name": "again", "actions": ["repositories/app/content/read"]}
    other = {**made, "actions": ["repositories/other/content/read"]}
    first = await manager.ok("POST", "/scopeMaps", made)

    assert (await manager.refusal("POST", "/scopeMaps", made))[0] == 409
    assert await manager.ok("POST", "/scopeMaps", {**made, "ifExists": "keep"}) == first
    assert (await manager.refusal("POST", "/scopeMaps", {**other, "ifExists": "keep"}))[0] == 409
    replaced = await manager.ok("POST", "/scopeMaps", {**other, "ifExists": "replace"})
    assert replaced["actions"] == other["actions"]


async def test_actions_are_added_and_removed_one_by_one(manager: Manager) -> None:
    """Whoever sends the whole list takes back what another administrator added meanwhile."""
    read, write = "repositories/app/content/read", "repositories/app/content/write"
    await manager.ok("POST", "/scopeMaps", {"name": "changing", "actions": [read]})

    added = await manager.ok("PATCH", "/scopeMaps/changing", {"addActions": [write]})
    removed = await manager.ok("PATCH", "/scopeMaps/changing", {"removeActions": [read]})
    both = await manager.refusal("PATCH", "/scopeMaps/changing", {"actions": [], "addActions": []})

    assert (added["actions"], removed["actions"]) == ([read, write], [write])
    assert both == (400, "give either actions, or addActions and removeActions")


async def test_a_case_is_explained(manager: Manager, registry: Registry) -> None:
    """acrux auth explain."""
    created = await manager.ok("POST", "/tokens", A_TOKEN)
    caller = Caller(registry, "ci-team", valued(created["credentials"])["password1"])
    caller.authorization = caller.basic
    refused = await caller.call("GET", f"{ROOT}/tokens")
    await registry.services.audit_log.flush()

    told = await manager.ok("GET", f"/cases/{refused.header('X-Acrux-Case')}")

    assert told["account"] == "ci-team"
    assert told["needed"] == ["registry:management:read"]
    assert told["fixes"] == [
        (
            "acrux scope-map create -n ci-team-scope-map --repository '*' content/read "
            "--management read && "
            "acrux token update -n ci-team --scope-map ci-team-scope-map"
        ),
    ]
    assert (await manager.refusal("GET", "/cases/k000000000"))[0] == 404
    assert (await manager.refusal("GET", "/cases/typo"))[0] == 400


async def test_a_missing_management_scope_is_explained_with_its_permission(
    manager: Manager, registry: Registry
) -> None:
    """The token was requested without the scope."""
    await manager.ok("POST", "/scopeMaps", {"name": "managers", "actions": ["management/read"]})
    created = await manager.ok("POST", "/tokens", {**A_TOKEN, "scopeMapId": "managers"})
    password = valued(created["credentials"])["password1"]
    caller = await Caller(registry, "ci-team", password).login("repository:app:pull")
    seen = await caller.call("GET", f"{ROOT}/tokens")
    changed = await caller.call("POST", f"{ROOT}/tokens")
    await registry.services.audit_log.flush()

    told = await manager.ok("GET", f"/cases/{seen.header('X-Acrux-Case')}")
    lacking = await manager.ok("GET", f"/cases/{changed.header('X-Acrux-Case')}")

    assert told["rights"] == [
        {
            "resource": "registry:management",
            "action": "read",
            "held": True,
            "permission": "management/read",
        }
    ]
    assert lacking["fixes"] == ["acrux scope-map update -n managers --add-management write"]


async def test_keys_are_rotated_and_revoked(manager: Manager) -> None:
    """acrux key."""
    listed = await manager.ok("GET", "/keys")
    announced = await manager.ok("POST", "/keys/rotate")
    signing = await manager.ok("POST", "/keys/rotate", {"now": True})
    left = await manager.ok("POST", "/keys/ES256-0001/revoke")
    unknown = await manager.refusal("POST", "/keys/ES256-0001/revoke")

    states = [[key["state"] for key in keys["value"]] for keys in (listed, announced, signing)]
    assert states == [["signing"], ["signing", "announced"], ["verifying", "signing"]]
    assert [key["name"] for key in left["value"]] == ["ES256-0002"]
    assert unknown[0] == 404


A_TOKEN = {"name": "ci-team", "scopeMapId": "_repositories_pull"}
A_USER = {"name": "alice", "scopeMapId": "_repositories_pull", "password": PASS_PHRASE}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/tokens", {**A_TOKEN, "colour": 1}, 400, "unknown field `colour`"),
        ("POST", "/tokens", {"name": "ci-team"}, 400, "missing required field `scopeMapId`"),
        ("POST", "/tokens", {**A_TOKEN, "name": 7}, 400, "$.name"),
        ("POST", "/tokens", {**A_TOKEN, "name": "a"}, 400, "5 to 50 letters"),
        ("POST", "/tokens", {**A_TOKEN, "status": "on"}, 400, "$.status"),
        ("POST", "/tokens", {**A_TOKEN, "expiry": "2026-11-21T12:00:00"}, 400, "timezone"),
        ("POST", "/tokens", {**A_TOKEN, "scopeMapId": "typo"}, 400, "no scope map 'typo'"),
        ("POST", "/tokens", {**A_TOKEN, "name": "helper"}, 409, "already"),
        ("POST", "/tokens", [], 400, "Expected `object`"),
        ("PATCH", "/tokens/helper", {"scopeMapId": ""}, 400, "no scope map ''"),
        ("PATCH", "/tokens/helper", {"scopeMapId": None}, 400, "$.scopeMapId"),
        ("PATCH", "/tokens/nobody", {"status": "enabled"}, 404, "nobody"),
        ("DELETE", "/tokens/nobody", None, 404, "nobody"),
        ("DELETE", "/tokens/helper/credentials/password3", None, 404, "has no password"),
        ("POST", "/tokens/nobody/revoke", None, 404, "nobody"),
        ("POST", "/tokens/nobody/generateCredentials", None, 404, "nobody"),
        ("POST", "/tokens/helper/generateCredentials", {"name": "password"}, 400, "$.name"),
        ("GET", "/tokens/n\N{LATIN SMALL LETTER O WITH DIAERESIS}body", None, 404, "ASCII"),
        ("GET", f"/tokens/{'a' * 300}", None, 404, "too long"),
        ("POST", "/scopeMaps", {"name": "readers", "actions": ["fly"]}, 400, "management/read"),
        ("POST", "/scopeMaps", {"name": "helper-map", "actions": []}, 409, "already"),
        ("POST", "/scopeMaps", {"name": "_mine", "actions": []}, 400, "5 to 50 letters"),
        ("POST", "/scopeMaps", {"name": "readers", "actions": ["x"] * 501}, 400, "500"),
        ("PATCH", "/scopeMaps/helper-map", {"description": "x" * 257}, 400, "256"),
        ("PATCH", "/scopeMaps/helper-map", {"description": "\0"}, 400, "NUL"),
        ("PATCH", "/scopeMaps/nothing", {"actions": []}, 404, "nothing"),
        ("PATCH", "/scopeMaps/_repositories_pull", {"actions": []}, 400, "system-defined"),
        ("DELETE", "/scopeMaps/_repositories_pull", None, 400, "system-defined"),
        ("PATCH", "/registry", {"anonymousScopeMapId": "typo"}, 400, "typo"),
        (
            "PATCH",
            "/registry",
            {"anonymousScopeMapId": None, "anonymousPullEnabled": True},
            400,
            "either",
        ),
        ("POST", "/regenerateCredential", {"name": "password1"}, 400, "$.name"),
        ("POST", "/regenerateCredential", None, 400, "missing required field `name`"),
        ("POST", "/users", {**A_USER, "password": "short"}, 400, "12"),
        ("POST", "/users", {**A_USER, "password": 123456789012}, 400, "$.password"),
        ("POST", "/users", {**A_USER, "name": "helper"}, 409, "already"),
        ("GET", "/users/helper", None, 404, "no user 'helper'"),
        ("POST", "/users/helper/setPassword", {"password": PASS_PHRASE}, 404, "no user 'helper'"),
        ("POST", "/trusts", {**A_TRUST, "claims": []}, 400, "a rule for a claim"),
        ("POST", "/trusts", {**A_TRUST, "claims": ["sub"]}, 400, "CLAIM=TEXT"),
        ("POST", "/trusts", A_TRUST, 400, "either a scope map"),
        ("POST", "/trusts", {**A_TRUST, "lifetimeInMinutes": 9}, 400, "$.lifetimeInMinutes"),
        ("PATCH", "/trusts/nobody", {"status": "disabled"}, 404, "no trust 'nobody'"),
        ("DELETE", "/trusts/nobody", None, 404, "no trust 'nobody'"),
        ("POST", "/keys/rotate", {"now": "yes"}, 400, "$.now"),
    ],
)
async def test_a_bad_request_is_explained_and_changes_nothing(
    manager: Manager, method: str, path: str, body: object, status: int, said: str
) -> None:
    """A program reads the status, a person reads the sentence."""
    services = manager.caller.registry.services
    await services.accounts.create("helper", "_repositories_pull")
    await services.scope_maps.create("helper-map", ())
    before = await state(manager)

    answer = await manager.refusal(method, path, body)

    assert answer[0] == status, answer
    assert said in answer[1]
    assert await state(manager) == before


async def state(manager: Manager) -> list[object]:
    """Everything that can be changed."""
    paths = (
        "/tokens", "/tokens/helper", "/scopeMaps", "/registry", "/users", "/trusts", "/keys",
    )  # fmt: skip
    return [await manager.ok("GET", path) for path in paths]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b"\xff", 400),
        ("application/json", b'"\\ud800"', 400),
        ("application/json", b'{"name":"\\ud800\\ud800","actions":[]}', 400),
        ("application/json", b"[" * 100_000, 400),
        ("application/json", b" " * (256 * 1024 + 1), 413),
        ("text/plain", b'{"name":"readers","actions":[]}', 400),
        ("application/x-www-form-urlencoded", b"name=readers", 400),
        ("application/json; charset=utf-8", b'{"name":"readers","actions":[]}', 201),
    ],
)
async def test_a_body_is_json_of_a_bounded_size_and_says_so(
    manager: Manager, content_type: str, body: bytes, status: int
) -> None:
    """A page can make a browser send a form or text to any site, with the browser's credentials."""
    answer = await manager.caller.call(
        "POST", f"{ROOT}/scopeMaps", headers={"Content-Type": content_type}, body=body
    )

    manager.check("POST", "/scopeMaps", answer)
    assert answer.status == status


@pytest.mark.parametrize(
    ("permissions", "sees", "changes"),
    [
        (("management/read",), True, False),
        (("management/write",), False, True),
        (("management/read", "management/write"), True, True),
        (("repositories/*/content/read", "repositories/*/metadata/write"), False, False),
        ((), False, False),
    ],
)
async def test_only_callers_with_the_permission_may_manage(
    registry: Registry,
    stranger: Caller,
    permissions: tuple[str, ...],
    sees: bool,
    changes: bool,
) -> None:
    """With Basic, with a token for everything, and with either in place of a password."""
    await registry.services.scope_maps.create("some-map", permissions)
    account = await registry.services.accounts.create("somebody", "some-map")
    assert account.passwords[0].value
    caller = Caller(registry, "somebody", account.passwords[0].value.reveal())
    access = (await caller.token("registry:management:*")).json["access_token"]
    refresh = await caller.refresh_token()

    for authorization in (
        caller.basic,
        f"Bearer {access}",
        basic(TOKEN_USER, access),
        basic(TOKEN_USER, refresh),
    ):
        caller.authorization = authorization
        seen = await caller.call("GET", f"{ROOT}/tokens")
        changed = await caller.call("PATCH", f"{ROOT}/registry")
        assert (seen.status, changed.status) == (200 if sees else 401, 200 if changes else 401)


async def test_the_catalog_is_not_opened_by_management_alone(
    registry: Registry, stranger: Caller
) -> None:
    """A caller lists only what they may read, and here that is nothing."""
    await registry.services.scope_maps.create("some-map", ("management/write",))
    account = await registry.services.accounts.create("somebody", "some-map")
    assert account.passwords[0].value
    caller = Caller(registry, "somebody", account.passwords[0].value.reveal())
    caller.authorization = caller.basic

    assert (await caller.call("GET", "/v2/_catalog")).status == 401


async def test_the_document_and_the_routes_agree(manager: Manager, registry: Registry) -> None:
    """Nobody finds an undocumented route, and a documented one that is missing misleads."""
    routed = {
        (row.path, method.lower())
        for row in registry.rows
        if row.path.startswith(f"{ROOT}/")
        for method in row.methods
    }
    told = {(path, method) for path, one in manager.document["paths"].items() for method in one}

    assert told == routed - {(f"{ROOT}/openapi.json", "get")}


# These are POST because of what they take or answer, and change nothing.
ONLY_READ = {
    "Registry_list_credentials",
    "Removal_preview_purge",
    "Removal_preview_retention",
    "Rights_simulate_scope_map",
    "Rights_simulate_trust",
    "TrustTest_test",
}


async def test_the_document_names_each_operation_once_and_the_right_it_requires(
    manager: Manager,
) -> None:
    """Programs generate functions from the names."""
    told = [one for path in manager.document["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in told]

    assert len(set(names)) == len(names)
    for path in manager.document["paths"].values():
        for method, one in path.items():
            right = one["security"][1]["bearer"][0].rpartition(":")[2]
            reads = method == "get" or one["operationId"] in ONLY_READ
            assert right == ("read" if reads else "write")


async def test_what_is_changed_over_http_is_in_the_journal(
    manager: Manager, registry: Registry
) -> None:
    """You must be able to see who gave which right to whom."""
    await manager.ok("POST", "/tokens", A_TOKEN)
    await registry.services.audit_log.flush()
    found = await registry.services.audit_log.search(Search(limit=1))

    assert found[0].decision.request == f"POST {ROOT}/tokens"
    assert found[0].decision.account == "acrux"
