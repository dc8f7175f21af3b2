"""The pages of retention: the rules, and what each would remove now."""

from typing import Final

from acrux.http import parsing
from acrux.http.messages import Response
from acrux.web.listings import part
from acrux.web.visits import Visit, redirect

PATH: Final = "/web/operation/retention"
PREVIEWED: Final = "100"  # tags and manifests that are shown
_MANAGEMENT: Final = "/management/v1"


async def list_rules(visit: Visit) -> Response:
    """GET: the rules, and when they were last carried out."""
    rules, last = await part(visit, f"{_MANAGEMENT}/retentionRules", {"last": visit.param("last")})
    return visit.page(
        "operation/retention",
        rules=rules["value"],
        last=last,
        run=await visit.get(f"{_MANAGEMENT}/retentionRun"),
        done=visit.param("done"),
    )


async def preview(visit: Visit) -> Response:
    """GET: what a rule would remove now, and why."""
    name = parsing.name(visit.request)
    rule = await visit.get(f"{_MANAGEMENT}/retentionRules/{name}")
    found = await visit.get(f"{_MANAGEMENT}/retentionRules/{name}/preview", n=PREVIEWED)
    return visit.page("operation/preview", rule=rule, found=found)


async def run(visit: Visit) -> Response:
    """POST: have all enabled rules carried out soon."""
    await visit.change("POST", f"{_MANAGEMENT}/retentionRun", b"{}")
    return redirect(f"{PATH}?done=started")
