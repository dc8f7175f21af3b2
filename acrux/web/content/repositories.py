"""The page of all repositories: as a tree, and searched."""

import asyncio
from typing import Any, Final

from msgspec import Struct

from acrux.domain.access.scope import METADATA_READ
from acrux.http.messages import Response
from acrux.web import listings, words
from acrux.web.calls import Refused
from acrux.web.content import asking
from acrux.web.visits import Visit, redirect

# Calls of a search, each of which looks at some thousand names. Then the visitor may go on.
SEARCHES: Final = 20

_CATALOG: Final = "/acr/v1/_catalog"
_READS: Final = frozenset({"content/read", "metadata/read"})


class Found(Struct, frozen=True):
    """Repositories, the folders beside them, and after which name there are more."""

    names: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    last: str = ""


async def list_repositories(visit: Visit) -> Response:
    """GET: repositories and the folders that their names make, or those that a search finds."""
    if name := visit.param("open").strip(" /"):
        return redirect(f"/web/repositories/{words.path(name)}")
    text, below = visit.param("contains").strip().lower(), visit.param("below").strip("/")
    try:
        found = await (_search(visit, text) if text else _level(visit, below))
    except Refused as refused:
        readable = await _readable(visit)
        if refused.status not in asking.FORBIDDEN or (visit.visitor.is_anonymous and not readable):
            raise
        return visit.page("content/unlisted", refused.status, readable=readable)
    return visit.page(
        "content/repositories",
        repositories=await _properties(visit, found.names),
        folders=found.folders,
        text=text,
        below=below,
        steps=_steps(below),
        last=found.last,
        done=visit.param("done"),
    )


async def _level(visit: Visit, below: str) -> Found:
    query = {"last": visit.param("last"), "below": f"{below}/" if below else "/"}
    found, last = await listings.part(visit, _CATALOG, query)
    return Found(tuple(found["repositories"] or ()), tuple(found["prefixes"]), last)


async def _search(visit: Visit, text: str) -> Found:
    names: list[str] = []
    last = visit.param("last")
    for _ in range(SEARCHES):
        query = {"n": str(listings.SHOWN - len(names)), "last": last, "contains": text}
        found, last = await listings.part(visit, _CATALOG, query)
        names += found["repositories"] or ()
        if not last or len(names) == listings.SHOWN:
            break
    return Found(tuple(names), (), last)


async def _properties(visit: Visit, names: tuple[str, ...]) -> list[dict[str, Any]]:
    # Whoever may pull a repository sees its name here, but perhaps none of its properties.
    held = await asking.held(visit)
    seen = [name for name in names if METADATA_READ in held.allowed_actions(name)]
    calls = (asking.if_allowed(visit.get(f"/acr/v1/{name}")) for name in seen)
    found = dict(zip(seen, await asyncio.gather(*calls), strict=True))
    return [found.get(name) or {"imageName": name} for name in names]


async def _readable(visit: Visit) -> tuple[str, ...]:
    # What the scope map names: the patterns of the repositories that the visitor may see.
    held = await asking.held(visit)
    patterns = (rule.repositories.text for rule in held.rules if rule.kind in _READS)
    return tuple(dict.fromkeys(patterns))


def _steps(below: str) -> list[tuple[str, str]]:
    # The folders above and this one, each with its path.
    names = below.split("/") if below else []
    return [(name, "/".join(names[: place + 1])) for place, name in enumerate(names)]
