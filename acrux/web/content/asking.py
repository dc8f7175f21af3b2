"""What the pages of content ask the API, whatever their visitor may see."""

from collections.abc import Awaitable
from typing import Final, TypeVar

from acrux.domain.access.scope import METADATA_READ
from acrux.domain.access.scope_maps import ScopeMap
from acrux.errors import InvalidName, UnknownRepository
from acrux.http import parsing
from acrux.web.calls import Refused
from acrux.web.content.documents import loose
from acrux.web.visits import Visit

Shown = TypeVar("Shown")

# To an account, the API says 401 where it lacks a right, so that clients ask for a token.
FORBIDDEN: Final = frozenset({401, 403})

# Nothing is here, or not for this visitor, or it is too large to be shown.
_NOTHING: Final = FORBIDDEN | {404, 413}


async def if_allowed(answer: Awaitable[Shown]) -> Shown | None:
    """What the API answers; None if there is nothing that this visitor may see."""
    try:
        return await answer
    except Refused as refused:
        if refused.status not in _NOTHING:
            raise
        return None


def repository(visit: Visit) -> str:
    """The name of the repository in the page's path. Raises UnknownRepository."""
    try:
        return str(parsing.repository(visit.request))
    except InvalidName as refused:
        raise UnknownRepository(refused.message, **refused.detail) from None


def reference(visit: Visit) -> str:
    """The tag or digest in the page's path. Raises UnknownManifest if it is malformed."""
    return str(parsing.reference_to_read(visit.request))


async def check_visible(visit: Visit, name: str) -> None:
    """Raise Refused unless the visitor may see the repository, by either right that shows it."""
    await visit.get(f"/v2/{name}/tags/list", n="1")


async def actions(visit: Visit, name: str) -> frozenset[str]:
    """What the visitor may do with the repository, so that a page offers nothing else."""
    found = await if_allowed(visit.get("/acr/v1/_permissions", repository=name))
    return frozenset(loose.at(found, "actions") or ())


async def sees_properties(visit: Visit, name: str) -> bool:
    """Whether the visitor may see when something was pushed, how large it is and the like.

    A page asks this first: each refusal is recorded, and nobody wants to read in the audit log, or
    in what a change would mean, about requests that no person made.
    """
    return METADATA_READ in await actions(visit, name)


async def held(visit: Visit) -> ScopeMap:
    """What the visitor may do, on all repositories."""
    found = await if_allowed(visit.get("/acr/v1/_permissions"))
    return ScopeMap.parse("", loose.at(found, "permissions") or ())
