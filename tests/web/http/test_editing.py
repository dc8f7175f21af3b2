"""Two people who change one thing."""

import re

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.access.credential import Secret
from tests.http.caller import Caller
from tests.web.http.visitor import Visitor

PASSWORD = "a long enough pass phrase"
TRUST = {
    "name": "our-ci", "issuer": "https://issuer.example", "audience": "acrux",
    "claims": "sub=team:*", "scopeMapId": "_repositories_pull",
}  # fmt: skip


@pytest.fixture
async def alice(registry: Registry, admin: Caller) -> Visitor:
    """An administrator, and what they may change."""
    del admin
    await registry.services.users.create("alice", "_admin", Secret(PASSWORD))
    await registry.services.users.create("bob", "_admin", Secret(PASSWORD))
    await registry.services.accounts.create("pipeline", "_repositories_pull")
    visitor = Visitor(registry)
    await visitor.log_in("alice", PASSWORD)
    assert (await visitor.post("/web/trusts", TRUST)).status == 303
    return visitor


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("/web/accounts/pipeline", {"scopeMapId": "_repositories_pull", "status": "disabled"}),
        ("/web/users/bob", {"scopeMapId": "_repositories_pull", "status": "disabled"}),
        ("/web/trusts/our-ci", {**TRUST, "status": "disabled"}),
    ],
)
async def test_the_second_of_two_who_change_it_is_told(
    alice: Visitor, path: str, first: dict[str, str]
) -> None:
    """Whoever was locked out a moment ago would be let in again by who knows nothing of it."""
    page = (await alice.get(path)).body.decode()
    second = {**first, "do": "change", "status": "enabled"}
    assert (await alice.post(path, {**first, "do": "change", "etag": _etag(page)})).status == 303

    late = await alice.post(path, {**second, "etag": _etag(page)})

    assert late.status == 412
    assert b"As it is now" in late.body or b"disabled" in late.body
    again = await alice.post(path, {**second, "etag": _etag(late.body.decode())})
    assert again.status == 303


def _etag(page: str) -> str:
    (etag,) = re.findall(r'name="etag" value="(\w+)"', page)
    return str(etag)
