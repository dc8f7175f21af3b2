"""The page of one case: the decision behind a refusal, step by step."""

from collections.abc import Mapping
from typing import Any, Final

from acrux.domain.access.reason import Reason
from acrux.http import parsing
from acrux.http.messages import Response
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
    return visit.page("access/case", case=case, steps=_steps(case))


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
