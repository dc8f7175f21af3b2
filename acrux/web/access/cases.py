"""The page of one case: the decision behind a refusal, step by step."""

from collections.abc import Mapping
from typing import Any, Final

from acrux.domain.access.built_in_scope_maps import SYSTEM_DEFINED
from acrux.domain.access.reason import Reason
from acrux.http import parsing
from acrux.http.messages import Response
from acrux.web.access import mending
from acrux.web.access.nouns import SCOPE_MAPS
from acrux.web.calls import Refused
from acrux.web.visits import Visit

# The step at which each kind of refusal ended. What is not named here ended at the credential.
_AT_ACCOUNT: Final = frozenset[str](
    {Reason.DISABLED_ACCOUNT, Reason.GONE_ACCOUNT, Reason.TOO_MANY, Reason.LIMIT_REACHED}
)
_AT_SCOPE_MAP: Final = frozenset[str]({Reason.MISSING_SCOPE})

STEPS: Final = ("credential", "account", "scope_map")


async def show_case(visit: Visit) -> Response:
    """GET: why a request was refused, as a picture and in words."""
    case = await visit.get(f"/management/v1/cases/{parsing.name(visit.request)}")
    return visit.page(
        "access/case",
        case=case,
        steps=_steps(case),
        fixes=[mending.command(fix, visit.host, visit.address) for fix in case["fixes"]],
        widened=await _widened(visit, case),
    )


async def _widened(visit: Visit, case: Mapping[str, Any]) -> list[str]:
    # For the form of the scope map, which may be gone by now. A built-in one has no form.
    name = case["scopeMap"]
    if not name or name in SYSTEM_DEFINED or case["reason"] not in _AT_SCOPE_MAP:
        return []
    try:
        scope_map = await visit.get(f"{SCOPE_MAPS.api}/{name}")
    except Refused:
        return []
    return mending.widened(case, scope_map["actions"])


def _steps(case: Mapping[str, Any]) -> dict[str, str]:
    """How far the request came: each step is good, bad, or was not reached (quiet)."""
    at = _ended_at(case["reason"])
    places = enumerate(STEPS)
    return {
        step: "good" if place < at else "bad" if place == at else "quiet" for place, step in places
    }


def _ended_at(reason: str) -> int:
    if reason in _AT_SCOPE_MAP:
        return STEPS.index("scope_map")
    return STEPS.index("account") if reason in _AT_ACCOUNT else STEPS.index("credential")
