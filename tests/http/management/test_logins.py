"""Failed logins and tests of tokens over HTTP, for callers with the right."""

from collections.abc import Iterator

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.audit.decision import Search
from acrux.http.management.logins import bodies
from tests.http.access.test_lockout import FREE, guess
from tests.http.caller import PEER, Caller
from tests.http.conftest import HandClock
from tests.http.management.test_management import ROOT, Manager
from tests.openid_provider import Provider, provider


@pytest.fixture(scope="module")
def issuer() -> Iterator[Provider]:
    """A provider that answers."""
    with provider() as issuer:
        yield issuer


@pytest.fixture
async def manager(stranger: Caller) -> Manager:
    """The administrator."""
    document = (await stranger.call("GET", f"{ROOT}/openapi.json")).json
    return Manager(await stranger.login("registry:management:*"), document)


async def test_failed_logins_are_listed_and_forgiven(manager: Manager, registry: Registry) -> None:
    """A user who mistyped the password calls, and the operator has no shell on the machine."""
    await guess(Caller(registry, "acrux", "wrong"))
    await guess(Caller(registry, "a-mistyped-password", "wrong"), 1, "203.0.113.9")

    listed = (await manager.ok("GET", "/lockout"))["value"]
    await manager.ok("POST", "/lockout/clear", {"account": "acrux", "address": PEER})
    left = (await manager.ok("GET", "/lockout"))["value"]

    of = next(one for one in listed if (one["account"], one["address"]) == ("acrux", PEER))
    assert (of["failures"], of["waitSeconds"]) == (FREE, 1)
    assert "a-mistyped-password" not in str(listed)
    assert of not in left
    assert await manager.ok("POST", "/lockout/clear", {"all": True}) is None
    assert (await manager.ok("GET", "/lockout"))["value"] == []


@pytest.mark.parametrize("body", [{}, {"all": True, "account": "acrux"}, {"address": 7}])
async def test_whose_failed_logins_are_forgiven_must_be_said(
    manager: Manager, body: dict[str, object]
) -> None:
    """An empty body must not lift every wait of an attack."""
    assert (await manager.refusal("POST", "/lockout/clear", body))[0] == 400


async def test_what_nobody_failed_at_cannot_be_forgiven(manager: Manager) -> None:
    """The name may be mistyped."""
    status, said = await manager.refusal("POST", "/lockout/clear", {"account": "nobody"})

    assert status == 404
    assert "there are no failed logins with that name and address" in said


async def test_a_token_is_tested_and_nothing_of_it_is_kept(
    manager: Manager, registry: Registry, issuer: Provider, clock: HandClock
) -> None:
    """Whoever reads the audit log must not be able to log in with it."""
    trust = {
        "name": "ci", "issuer": issuer.issuer, "audience": "registry.test",
        "claims": ["repository=org/*"], "actions": ["repositories/{repository}/content/read"],
    }  # fmt: skip
    await manager.ok("POST", "/trusts", trust)
    token = issuer.token(clock(), aud="registry.test")

    good = await manager.ok("POST", "/testTrusts", {"token": token})
    stolen = issuer.token(clock(), aud="registry.test", repository="evil/app")
    bad = await manager.ok("POST", "/testTrusts", {"token": stolen})
    none = await manager.ok("POST", "/testTrusts", {"token": "nothing"})
    await registry.services.audit_log.flush()

    assert good["refusal"] == ""
    assert [(one["trust"], one["letsIn"]) for one in good["value"]] == [("ci", True)]
    assert good["value"][0]["actions"] == ["repositories/org/app/content/read"]
    assert (bad["value"][0]["letsIn"], bad["value"][0]["principal"]) == (False, None)
    assert "must be 'org/*'" in bad["value"][0]["objections"][0]
    assert (none["value"], "not a JWT" in none["refusal"]) == ([], True)
    records = await registry.services.audit_log.search(Search(limit=100))
    assert "POST /management/v1/testTrusts" in [record.decision.request for record in records]
    assert token.split(".")[1] not in str(records)


async def test_a_body_with_a_token_does_not_show_it(manager: Manager) -> None:
    """A message about a wrong body must not print what may be a password."""
    status, said = await manager.refusal("POST", "/testTrusts", {"token": ["s3cret"]})

    assert status == 400
    assert "s3cret" not in said
    assert "s3cret" not in repr(bodies.TestedToken(token="s3cret"))
