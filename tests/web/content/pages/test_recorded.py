"""What visits of pages leave in the audit log."""

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.audit.decision import Outcome, Search
from tests.http.caller import Caller
from tests.web.content.artifacts import image
from tests.web.content.pages.visiting import account

AT = "/web/repositories/team/app"


@pytest.mark.parametrize(
    "path", ["/web/?below=team", AT, f"{AT}/-/manifests/v1", f"{AT}/-/delete/v1"]
)
async def test_a_page_asks_for_nothing_that_its_visitor_may_not_see(
    registry: Registry, admin: Caller, path: str
) -> None:
    """The audit log, and what a change would mean, would count refusals that nobody caused."""
    await admin.push("team/app", "v1", image())
    puller = await account(registry, "puller", "repositories/team/*/content/read")

    page = await puller.get(path)

    await registry.services.audit_log.flush()
    found = await registry.services.audit_log.search(
        Search(account="puller", outcome=Outcome.REFUSED, limit=100)
    )
    assert page.status == 200
    assert [one.decision.request for one in found] == []
