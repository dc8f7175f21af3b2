"""Each refusal carries the id of a case that explains it."""

import base64
import json
from typing import Any

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.access.scope import parse_all
from acrux.domain.access.trust import ClaimRule, Trust
from acrux.domain.audit.case_id import CaseId
from acrux.domain.audit.decision import Decision, Outcome, Search
from acrux.domain.audit.rights import Explanation
from acrux.errors import InvalidInput, UnknownCase
from tests.http.caller import HOST, PEER, Answer, Caller, basic
from tests.http.conftest import HandClock

PULL = "repository:team/app:pull"
MANIFEST = "/v2/team/app/manifests/v1"


async def explain(registry: Registry, answer: Answer) -> Explanation:
    """The explanation of this refusal."""
    await registry.services.audit_log.flush()
    return await registry.services.explanations.explain(answer.case)


async def robot(registry: Registry, scope_map: str = "_repositories_pull") -> Caller:
    """A caller with an account that has this scope map."""
    created = await registry.services.accounts.create("robot", scope_map)
    assert created.passwords[0].value is not None
    return Caller(registry, "robot", created.passwords[0].value.reveal())


async def test_a_request_without_a_credential_carries_its_case_in_a_header_alone(
    registry: Registry, stranger: Caller
) -> None:
    """The first answer matches the document to the letter, and can still be explained."""
    answer = await stranger.call("GET", MANIFEST)

    assert answer.case.startswith("np")
    assert answer.case.encode() not in answer.body
    assert (await explain(registry, answer)).reason == "no-credential"


async def test_the_case_stands_in_header_message_and_detail(
    registry: Registry, stranger: Caller
) -> None:
    """docker shows the message, az shows a detail that is text, and nobody shows the header."""
    caller = await stranger.login(PULL)
    scoped = await caller.call("DELETE", MANIFEST)
    unscoped = await stranger.call(
        "GET", "/oauth2/token", headers={"Authorization": basic("a", "b")}
    )

    for answer in (scoped, unscoped):
        (error,) = answer.json["errors"]
        assert answer.case in error["message"]
        assert answer.case in json.dumps(error["detail"])
    (detail,) = scoped.json["errors"][0]["detail"]
    assert detail == {
        "Type": "repository", "Name": "team/app", "Action": "delete", "Case": scoped.case,
    }  # fmt: skip
    assert isinstance(unscoped.json["errors"][0]["detail"], str)


async def test_a_success_and_a_mistake_carry_no_case(admin: Caller) -> None:
    """People would look up a case that explains nothing."""
    for path in ("/v2/", "/v2/team/app/manifests/v1", "/nowhere"):
        assert not (await admin.call("GET", path)).case


async def test_no_two_refusals_share_a_case(stranger: Caller) -> None:
    """One caller would read about another's request."""
    cases = {(await Caller(stranger.registry, "acrux", "x").token(PULL)).case for _ in range(4)}

    assert len(cases) == 4


async def test_the_scope_map_that_lacks_the_right_is_named_with_the_remedy(
    registry: Registry, stranger: Caller
) -> None:
    """With `unauthorized` alone, everybody looks everywhere."""
    await registry.services.scope_maps.create("team-map", ("repositories/team/*/content/read",))
    caller = await (await robot(registry, "team-map")).login(PULL)
    told = await explain(registry, await caller.call("DELETE", MANIFEST))

    assert (told.account, told.authentication_method, told.peer) == ("robot", "access_token", PEER)
    assert (told.request, told.status) == (f"DELETE {MANIFEST}", 401)
    assert (told.scope_map, told.reason) == ("team-map", "missing-scope")
    assert told.fixes == (
        "acrux scope-map update -n team-map --add-repository team/app content/delete",
    )
    assert told.changes == ""


async def test_a_change_since_the_refusal_is_reported(
    registry: Registry, stranger: Caller, clock: HandClock
) -> None:
    """The explanation would describe another scope map than the one that refused."""
    await registry.services.scope_maps.create("team-map", ("repositories/team/*/content/read",))
    caller = await (await robot(registry, "team-map")).login(PULL)
    refused = await caller.call("DELETE", MANIFEST)
    clock.forward(minutes=1)
    await registry.services.scope_maps.change(
        "team-map",
        add=("repositories/team/app/content/delete",),
        remove=("repositories/team/*/content/read",),
    )
    told = await explain(registry, refused)

    assert "after this case" in told.changes
    assert [right.is_held for right in told.rights] == [True]


async def test_a_scope_map_that_grew_since_the_refusal_is_reported_and_logs_nobody_out(
    registry: Registry, stranger: Caller, clock: HandClock
) -> None:
    """The explanation would say that all is well, but not that somebody fixed it."""
    services = registry.services
    await services.scope_maps.create("team-map", ("repositories/team/*/content/read",))
    caller = await (await robot(registry, "team-map")).login(PULL)
    refused = await caller.call("DELETE", MANIFEST)
    clock.forward(minutes=1)
    await services.scope_maps.change("team-map", description="as it was")
    before = await explain(registry, refused)
    await services.scope_maps.change("team-map", add=("repositories/team/app/content/delete",))
    after = await explain(registry, refused)

    assert before.changes == ""
    assert "was changed at 2026-11-21T12:01:00Z, after this case" in after.changes
    assert (await caller.call("GET", MANIFEST)).status == 404  # and not a 401


@pytest.mark.parametrize("change", [{"scope_map": "_repositories_admin"}, {"is_enabled": True}])
async def test_an_account_that_got_more_rights_since_is_reported(
    registry: Registry, stranger: Caller, clock: HandClock, change: dict[str, Any]
) -> None:
    """Rights that only grow log nobody out, and leave no other trace."""
    accounts = registry.services.accounts
    caller = await robot(registry)
    if "is_enabled" in change:
        await accounts.change("robot", is_enabled=False)
    refused = await caller.token("repository:team/app:delete")
    if refused.status == 200:
        refused = await (await caller.login(PULL)).call("DELETE", MANIFEST)
    clock.forward(minutes=1)
    await accounts.change("robot", **change)

    assert "12:01:00Z, after this case" in (await explain(registry, refused)).changes


async def test_a_scope_map_of_a_trust_that_grew_since_is_reported(
    registry: Registry, stranger: Caller, clock: HandClock
) -> None:
    """A federated identity has no account whose change could be reported."""
    services = registry.services
    await services.scope_maps.create("ci-map", ("repositories/app/content/read",))
    await services.trusts.create(
        Trust(
            name="ci",
            issuer="https://issuer.test",
            audience=HOST,
            rules=(ClaimRule("owner", "org"),),
            scope_map="ci-map",
        )
    )
    clock.forward(minutes=1)
    services.audit_log.record(
        Decision(
            request=f"DELETE {MANIFEST}",
            outcome=Outcome.REFUSED,
            account="trusts/ci/repo:org/app",
            asked=parse_all(["repository:app:delete"]),
            reason="missing-scope",
            case="k000000000",
        )
    )
    await services.audit_log.flush()
    before = await services.explanations.explain("k000000000")
    clock.forward(minutes=1)
    await services.scope_maps.change("ci-map", add=("repositories/app/content/delete",))
    after = await services.explanations.explain("k000000000")

    assert before.changes == ""
    assert "12:02:00Z, after this case" in after.changes


async def test_a_token_that_did_not_request_the_scope_is_told_apart(
    registry: Registry, stranger: Caller
) -> None:
    """People would widen a scope map that is wide enough."""
    caller = await stranger.login(PULL)
    told = await explain(registry, await caller.call("DELETE", MANIFEST))

    assert "does not hold this scope" in told.why
    assert told.held != told.needed


async def test_an_anonymous_caller_is_told_what_anonymous_callers_may(
    registry: Registry, stranger: Caller
) -> None:
    """They would be sent to an account that they do not have."""
    await registry.services.accounts.let_anonymous("_repositories_pull")
    answer = await stranger.call("GET", "/oauth2/token", query={"service": HOST, "scope": PULL})
    bearer = {"Authorization": f"Bearer {answer.json['access_token']}"}
    told = await explain(registry, await stranger.call("DELETE", MANIFEST, headers=bearer))

    assert told.why.startswith("The anonymous caller may not delete on team/app")


async def test_wrong_and_expired_passwords_and_disabled_accounts_are_told_apart(
    registry: Registry, stranger: Caller, clock: HandClock
) -> None:
    """The answer is the same for all of them, but the operator must know which it was."""
    accounts = registry.services.accounts
    caller = await robot(registry)
    found = [await explain(registry, await Caller(registry, "robot", "wrong").token(PULL))]
    found.append(await explain(registry, await Caller(registry, "nobody", "wrong").token(PULL)))
    await accounts.change("robot", is_enabled=False)
    found.append(await explain(registry, await caller.token(PULL)))
    await accounts.change("robot", is_enabled=True)
    renewed = await accounts.renew_password("robot", "password1", clock.now)
    assert renewed.passwords[0].value is not None
    expired = Caller(registry, "robot", renewed.passwords[0].value.reveal())
    found.append(await explain(registry, await expired.token(PULL)))

    assert [one.reason for one in found] == [
        "wrong-password", "unknown-name", "disabled-account", "expired-password",
    ]  # fmt: skip
    assert [one.account for one in found] == ["robot", "(unknown)", "robot", "robot"]


async def test_the_explanation_says_what_is_wrong_with_a_token(
    registry: Registry, stranger: Caller, clock: HandClock
) -> None:
    """Expired, revoked, altered and foreign tokens all get the same 401."""
    caller = await stranger.login(PULL)
    token = (caller.authorization or "").removeprefix("Bearer ")
    found = {}
    for reason, text in (("altered", f"{token}x"), ("not-ours", "abc")):
        refused = await stranger.call("GET", "/v2/", headers={"Authorization": f"Bearer {text}"})
        found[reason] = await explain(registry, refused)
    await registry.services.accounts.revoke("acrux")
    found["revoked"] = await explain(registry, await caller.call("GET", "/v2/"))
    fresh = await stranger.login(PULL)
    clock.forward(hours=2)
    found["expired"] = await explain(registry, await fresh.call("GET", "/v2/"))

    assert {reason: one.reason for reason, one in found.items()} == {one: one for one in found}
    assert "was revoked at" in found["revoked"].why
    assert "expired at" in found["expired"].why


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
async def test_an_exchange_that_is_refused_is_explained(
    registry: Registry, stranger: Caller, kind: str
) -> None:
    """CI would stand still, and nobody would know why."""
    body = f"grant_type={kind}&{kind}=abc".encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await stranger.call("POST", "/oauth2/exchange", headers=form, body=body)
    told = await explain(registry, answer)

    assert (answer.status, told.reason) == (401, "not-ours")
    assert told.request == "POST /oauth2/exchange"


async def test_too_many_guesses_are_explained(registry: Registry, stranger: Caller) -> None:
    """The right password is refused too, which is hard to believe without an explanation."""
    answers = [await Caller(registry, "acrux", "wrong").token(PULL) for _ in range(12)]
    refused = answers[-1]
    told = await explain(registry, refused)

    assert refused.status == 429
    assert refused.header("Retry-After")
    assert (told.status, told.reason) == (429, "too-many")
    assert f"acrux lockout clear --address {PEER}" in told.fixes


async def test_an_explanation_holds_no_secret(registry: Registry, stranger: Caller) -> None:
    """People forward it, and show it on screens."""
    caller = await stranger.login(PULL)
    token = (caller.authorization or "").removeprefix("Bearer ")
    answers = [
        await caller.call("DELETE", f"{MANIFEST}?token={token}"),
        await stranger.call("GET", "/v2/", headers={"Authorization": f"Bearer {token}x"}),
        await Caller(registry, "hunter2", "hunter2").token(PULL),
    ]

    for answer in answers:
        text = repr(await explain(registry, answer))
        assert "hunter2" not in text
        for part in (stranger.password, *token.split(".")[1:]):
            assert part not in text


async def test_a_case_that_nobody_recorded_is_unknown(registry: Registry) -> None:
    """A mistyped id would show somebody else's case."""
    with pytest.raises(UnknownCase):
        await registry.services.explanations.explain("k1v0zn9q2m")
    with pytest.raises(InvalidInput):
        await registry.services.explanations.explain("no id")


async def test_a_flood_without_credentials_takes_no_space(
    registry: Registry, stranger: Caller
) -> None:
    """Strangers would push out the cases that matter, or fill the disk."""
    answers = [await stranger.call("GET", MANIFEST) for _ in range(500)]

    assert {CaseId.parse(answer.case).is_unrecorded for answer in answers} == {True}
    await registry.services.audit_log.flush()
    assert await registry.services.audit_log.search(Search()) == ()


async def test_a_token_of_an_issuer_that_nobody_trusts_is_explained(
    registry: Registry, stranger: Caller
) -> None:
    """This is the first thing that fails when CI is set up."""
    claims = base64.urlsafe_b64encode(b'{"iss":"https://issuer.test"}').decode().rstrip("=")
    body = f"grant_type=access_token&access_token=e30.{claims}.e30".encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await stranger.call("POST", "/oauth2/exchange", headers=form, body=body)
    told = await explain(registry, answer)

    assert told.reason == "untrusted"
    assert "acrux trust list" in told.fixes


async def test_a_refusal_of_a_federated_identity_names_what_its_trust_grants(
    registry: Registry, stranger: Caller
) -> None:
    """A federated identity has no account to look at."""
    await registry.services.trusts.create(
        Trust(
            name="ci",
            issuer="https://issuer.test",
            audience=HOST,
            rules=(ClaimRule("owner", "org"),),
            permissions=("repositories/{owner}/*/content/read",),
        )
    )
    for number, trust in enumerate(("ci", "gone")):
        registry.services.audit_log.record(
            Decision(
                request=f"DELETE {MANIFEST}",
                outcome=Outcome.REFUSED,
                account=f"trusts/{trust}/repo:org/app",
                asked=parse_all(["repository:org/app:pull,delete"]),
                reason="missing-scope",
                facts={"owner": "org"},
                case=f"k{number:09}",
            )
        )
    await registry.services.audit_log.flush()
    told, gone = [
        await registry.services.explanations.explain(f"k{number:09}") for number in range(2)
    ]

    assert [right.permission for right in told.rights] == ["repositories/org/*/content/read", ""]
    assert told.fixes[0] == "acrux trust show -n ci"
    assert gone.why == "trusts/gone/repo:org/app no longer exists, so its rights cannot be shown."
