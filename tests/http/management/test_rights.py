"""Who may do what, what they did, and what a change would mean."""

from collections.abc import Iterable

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.access.scope import parse_all
from acrux.domain.access.trust import ClaimRule, Trust
from acrux.domain.audit.decision import ANONYMOUS_CALLER, Decision, Outcome
from acrux.services import recent_records
from tests.http.caller import Caller
from tests.http.conftest import HandClock
from tests.http.management.test_management import Manager, manager
from tests.images import image

__all__ = ["manager"]

READ, WRITE = "repositories/team/*/content/read", "repositories/team/*/content/write"
PUSH = "PUT /v2/team/app/manifests/v1"


def pushed(account: str, **others: object) -> Decision:
    """A push that was granted, unless something else is said."""
    given = {
        "request": PUSH,
        "outcome": Outcome.GRANTED,
        "account": account,
        "asked": parse_all(["repository:team/app:pull,push"]),
        **others,
    }
    return Decision(**given)  # type: ignore[arg-type]


async def record(registry: Registry, decisions: Iterable[Decision]) -> None:
    """Let the audit log hold these."""
    for decision in decisions:
        registry.services.audit_log.record(decision)
    await registry.services.audit_log.flush()


async def team(registry: Registry) -> None:
    """A scope map with an account, and accounts beside it."""
    services = registry.services
    await services.scope_maps.create("team-map", (READ, WRITE))
    await services.accounts.create("robot", "team-map")
    await services.accounts.create("reader", "_repositories_pull")


def trust(**others: object) -> Trust:
    """A trust with permissions of its own."""
    given = {
        "name": "ci",
        "issuer": "https://issuer.test",
        "audience": "registry.test",
        "rules": (ClaimRule("sub", "x"),),
        "permissions": (READ, WRITE),
        **others,
    }
    return Trust(**given)  # type: ignore[arg-type]


async def test_who_may_do_what_is_listed_with_the_line_that_grants_it(
    manager: Manager, registry: Registry
) -> None:
    """Before a repository is made public or removed, somebody asks whom that concerns."""
    await team(registry)
    await registry.services.trusts.create(
        trust(permissions=("repositories/{sub}/content/read", READ))
    )
    found = (await manager.ok("GET", "/access", repository="team/app"))["value"]
    by_name = {one["name"]: one for one in found}

    assert [one["name"] for one in found] == [
        "(anonymous)", "acrux", "reader", "robot", "trusts/ci",
    ]  # fmt: skip
    held = {
        name: {each["action"]: each["permission"] for each in one["actions"] if each["held"]}
        for name, one in by_name.items()
    }
    assert held["robot"] == {"pull": READ, "push": WRITE}
    assert held["reader"] == {"pull": "repositories/*/content/read"}
    assert held["trusts/ci"] == {"pull": READ}
    assert by_name["trusts/ci"]["dependsOnClaims"]
    assert len(held["acrux"]) == 7
    assert (held["(anonymous)"], by_name["(anonymous)"]["status"]) == ({}, "disabled")


async def test_the_anonymous_caller_is_listed_with_what_everybody_may(
    manager: Manager,
) -> None:
    """What strangers may is what matters most."""
    await manager.ok("PATCH", "/registry", {"anonymousPullEnabled": True})
    [first, *_] = (await manager.ok("GET", "/access", repository="team/app"))["value"]

    assert (first["kind"], first["status"]) == ("anonymous", "enabled")
    assert [one["action"] for one in first["actions"] if one["held"]] == ["pull", "metadata_read"]


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_the_list_is_paged(manager: Manager, registry: Registry, size: int) -> None:
    """A registry may have very many accounts."""
    await team(registry)
    for name in ("ci", "cd"):
        await registry.services.trusts.create(trust(name=name))
    whole = (await manager.ok("GET", "/access", repository="a"))["value"]
    names, last = [], ""
    while True:
        query = {"repository": "a", "n": str(size), **({"last": last} if last else {})}
        answer = await manager.call("GET", "/access", **query)
        page = [one["name"] for one in answer.json["value"]]
        names += page
        if answer.header("Link") is None:
            break
        assert len(page) == size
        last = page[-1]

    assert names == [one["name"] for one in whole]


@pytest.mark.parametrize("query", [{}, {"repository": "UPPER"}, {"repository": ""}])
async def test_a_name_that_no_repository_can_have_is_refused(
    manager: Manager, query: dict[str, str]
) -> None:
    """An empty matrix would look as if nobody had access."""
    assert (await manager.call("GET", "/access", **query)).status == 400


async def test_a_change_of_a_scope_map_is_tried_on_what_was_recorded(
    manager: Manager, registry: Registry
) -> None:
    """Whoever takes a right away learns which pipelines would fail, before they do."""
    await team(registry)
    await record(registry, [pushed("robot"), pushed("robot"), pushed("reader"), pushed("gone")])
    wanted = {"actions": [READ]}
    found = await manager.ok("POST", "/scopeMaps/team-map/simulate", wanted)

    [effect] = found["wouldBeRefused"]
    assert (effect["account"], effect["requests"]) == ("robot", 2)
    assert effect["scopes"] == ["repository:team/app:push"]
    assert (found["judged"], found["last"], found["wouldBeAllowed"]) == (2, "", [])
    assert (await manager.ok("GET", "/scopeMaps/team-map"))["actions"] == [READ, WRITE]


async def test_what_would_then_succeed_is_told_too(manager: Manager, registry: Registry) -> None:
    """Whoever gives a right wants to see that it is the one that was missing."""
    await team(registry)
    refused = pushed(
        "robot", outcome=Outcome.REFUSED, reason="missing-scope",
        asked=parse_all(["repository:team/app:delete"]), case="k000000001",
    )  # fmt: skip
    await record(registry, [refused])
    wanted = {"actions": [READ, WRITE, "repositories/team/*/content/delete"]}
    found = await manager.ok("POST", "/scopeMaps/team-map/simulate", wanted)

    [effect] = found["wouldBeAllowed"]
    assert (effect["account"], effect["case"]) == ("robot", "k000000001")


async def test_everybody_who_has_the_scope_map_counts(manager: Manager, registry: Registry) -> None:
    """Strangers and identities of trusts lose what it loses, too."""
    await team(registry)
    await registry.services.trusts.create(trust(permissions=(), scope_map="team-map"))
    await manager.ok("PATCH", "/registry", {"anonymousScopeMapId": "team-map"})
    names = [ANONYMOUS_CALLER, "trusts/ci/somebody", "trusts/gone/somebody"]
    await record(registry, map(pushed, names))
    found = await manager.ok("POST", "/scopeMaps/team-map/simulate", {"actions": []})

    assert {one["account"] for one in found["wouldBeRefused"]} == set(names[:2])


async def test_a_long_audit_log_is_examined_in_parts(
    manager: Manager, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request may not read for minutes; and it must not pretend to have read all."""
    monkeypatch.setattr(recent_records, "RECORDS", 400)
    await team(registry)
    await record(registry, (pushed("robot") for _ in range(500)))
    first = await manager.ok("POST", "/scopeMaps/team-map/simulate", {"actions": []})
    second = await manager.ok(
        "POST", "/scopeMaps/team-map/simulate", {"actions": [], "last": first["last"]}
    )

    assert (first["examined"], second["last"]) == (400, "")
    counts = [one["wouldBeRefused"][0]["requests"] for one in (first, second)]
    assert sum(counts) == 500


async def test_what_is_older_than_thirty_days_does_not_count(
    manager: Manager, registry: Registry, clock: HandClock
) -> None:
    """An account that was retired long ago should hold nobody back."""
    await team(registry)
    await record(registry, [pushed("robot")])
    clock.forward(days=31)
    caller = Caller(registry, "acrux", manager.caller.password)
    again = Manager(await caller.login("registry:management:*"), manager.document)
    found = await again.ok("POST", "/scopeMaps/team-map/simulate", {"actions": []})

    assert found["wouldBeRefused"] == []


async def test_a_change_of_a_trust_is_tried(manager: Manager, registry: Registry) -> None:
    """A CI service has very many pipelines, and nobody knows all of them."""
    await registry.services.scope_maps.create("team-map", (READ,))
    await registry.services.trusts.create(trust())
    await record(registry, [pushed("trusts/ci/one"), pushed("trusts/other/one"), pushed("acrux")])
    wanted = ({"actions": [READ]}, {"scopeMapId": "team-map"}, {"scopeMapId": "_repositories_pull"})
    for body in wanted:
        found = await manager.ok("POST", "/trusts/ci/simulate", body)
        [effect] = found["wouldBeRefused"]
        assert (effect["account"], found["judged"]) == ("trusts/ci/one", 1)
    unchanged = await manager.ok(
        "POST", "/trusts/ci/simulate", {"scopeMapId": "_repositories_push"}
    )
    assert unchanged["wouldBeRefused"] == []


async def test_what_depends_on_claims_that_are_not_recorded_is_unknown(
    manager: Manager, registry: Registry
) -> None:
    """A guess that looks like an answer is worse than none."""
    await registry.services.trusts.create(
        trust(permissions=("repositories/{team}/*/content/write",))
    )
    known = pushed(
        "trusts/ci/one", outcome=Outcome.REFUSED, reason="missing-scope", facts={"team": "team"},
        asked=parse_all(["repository:team/app:pull"]),
    )  # fmt: skip
    await record(registry, [pushed("trusts/ci/one"), known])
    body = {
        "actions": ["repositories/{team}/*/content/write", "repositories/{team}/*/content/read"]
    }
    found = await manager.ok("POST", "/trusts/ci/simulate", body)

    assert (found["unknown"], len(found["wouldBeAllowed"])) == (1, 1)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/scopeMaps/nothing/simulate", {"actions": []}, 404),
        ("/scopeMaps/_repositories_pull/simulate", {"actions": []}, 404),
        ("/scopeMaps/helper-map/simulate", {"actions": ["fly"]}, 400),
        ("/scopeMaps/helper-map/simulate", {}, 400),
        ("/trusts/nothing/simulate", {"actions": [READ]}, 404),
        ("/trusts/ci/simulate", {}, 400),
        ("/trusts/ci/simulate", {"scopeMapId": "nothing"}, 400),
    ],
)
async def test_what_cannot_be_tried_is_refused(
    manager: Manager, registry: Registry, path: str, body: dict[str, object], status: int
) -> None:
    """A report about nothing would look like a good one."""
    await registry.services.scope_maps.create("helper-map", ())
    await registry.services.trusts.create(trust())

    assert (await manager.refusal("POST", path, body))[0] == status


async def test_what_an_account_used_is_the_least_that_it_needs(
    manager: Manager, registry: Registry
) -> None:
    """Rights that nobody used are what an attacker uses."""
    await team(registry)
    issued = pushed(
        "robot", request="GET /oauth2/token", granted=parse_all(["repository:team/b:pull"])
    )
    await record(registry, [pushed("robot"), issued, pushed("reader")])
    found = await manager.ok("GET", "/leastPrivilege", account="robot")

    assert found["actions"] == [
        "repositories/team/app/content/read",
        "repositories/team/app/content/write",
        "repositories/team/b/content/read",
    ]
    assert [use["onlyTokens"] for use in found["uses"]] == [False, False, True]
    assert (found["complete"], found["omitted"]) == (True, 0)


async def test_a_push_and_a_deletion_are_recorded_with_what_they_needed(
    manager: Manager, registry: Registry
) -> None:
    """Without it, nobody could tell which right a pipeline has used."""
    admin = await Caller(registry, "acrux", manager.caller.password).login("repository:*:*")
    pushed = image(b"a layer")
    assert (await admin.push("team/app", "v1", pushed)).status == 201
    assert (await admin.call("DELETE", "/acr/v1/team/app/_tags/v1")).status == 202
    await registry.services.audit_log.flush()
    found = await manager.ok("GET", "/leastPrivilege", account="acrux")
    used = {use["permission"] for use in found["uses"] if not use["onlyTokens"]}

    assert used == {
        "repositories/team/app/content/read",
        "repositories/team/app/content/write",
        "repositories/team/app/content/delete",
    }
    assert found["unknown"] == 0


async def test_a_long_history_is_said_to_be_cut(
    manager: Manager, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rights that were left out for lack of time would be missing later."""
    monkeypatch.setattr(recent_records, "RECORDS", 200)
    await team(registry)
    await record(registry, (pushed("robot") for _ in range(201)))

    found = await manager.ok("GET", "/leastPrivilege", account="robot")

    assert (found["complete"], found["examined"]) == (False, 200)


async def test_the_least_privilege_of_nobody_is_not_asked_for(manager: Manager) -> None:
    """Without a name, it would be that of everybody."""
    assert (await manager.call("GET", "/leastPrivilege")).status == 400
