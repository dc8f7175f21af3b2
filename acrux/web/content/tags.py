"""The pages of a repository: its tags, its manifests."""

import asyncio
from typing import Any, Final

from acrux.domain.access.scope import METADATA_READ
from acrux.http.messages import Response
from acrux.web.content import asking
from acrux.web.listings import part
from acrux.web.visits import Visit

ORDERS: Final = ("timedesc", "timeasc")
TAGS: Final = 6  # of a manifest, which its row shows


async def show_repository(visit: Visit) -> Response:
    """GET: a repository and its tags, from `last` on, in the order that `orderby` names."""
    name, order = asking.repository(visit), _order(visit)
    actions = await asking.actions(visit, name)
    if METADATA_READ not in actions:
        return await _names_only(visit, name)
    repository = await visit.get(f"/acr/v1/{name}")
    query = {"orderby": order, "last": visit.param("last")}
    found, last = await part(visit, f"/acr/v1/{name}/_tags", query)
    tags = found["tags"] or []
    manifests = await _manifests(visit, name, [tag["digest"] for tag in tags])
    return visit.page(
        "content/repository",
        name=name,
        repository=repository,
        tags=tags,
        manifests=manifests,
        last=last,
        order=order,
        actions=actions,
        done=visit.param("done"),
    )


async def list_manifests(visit: Visit) -> Response:
    """GET: the manifests of a repository, also those without a tag."""
    name, order = asking.repository(visit), _order(visit)
    repository = await visit.get(f"/acr/v1/{name}")
    query = {"orderby": order, "last": visit.param("last"), "tags": str(TAGS + 1)}
    found, last = await part(visit, f"/acr/v1/{name}/_manifests", query)
    return visit.page(
        "content/manifests",
        name=name,
        repository=repository,
        manifests=found["manifests"] or [],
        tags=TAGS,
        last=last,
        order=order,
    )


async def _names_only(visit: Visit, name: str) -> Response:
    # To pull is enough to list the names of the tags, but not to see properties.
    found, last = await part(visit, f"/v2/{name}/tags/list", {"last": visit.param("last")})
    return visit.page("content/tag_names", name=name, tags=found["tags"], last=last)


async def _manifests(visit: Visit, name: str, digests: list[str]) -> dict[str, dict[str, Any]]:
    # Each is one look into the primary key.
    unique = list(dict.fromkeys(digests))
    calls = (asking.if_allowed(_manifest(visit, name, digest)) for digest in unique)
    found = await asyncio.gather(*calls)
    return {digest: one for digest, one in zip(unique, found, strict=True) if one is not None}


async def _manifest(visit: Visit, name: str, digest: str) -> dict[str, Any]:
    found = await visit.get(f"/acr/v1/{name}/_manifests/{digest}", tags="0")
    shown: dict[str, Any] = found["manifest"]
    entries = shown.get("references", ())
    known = [f"{entry.get('os')}/{entry.get('architecture')}" for entry in entries
             if entry.get("os") not in {None, "unknown"}]  # fmt: skip
    own = [f"{shown.get('os')}/{shown.get('architecture')}"] if shown.get("os") else []
    size = None if entries else shown["imageSize"]  # of an index, it leaves its images out
    return {"size": size, "platforms": tuple(dict.fromkeys(known or own))}


def _order(visit: Visit) -> str:
    return visit.param("orderby") if visit.param("orderby") in ORDERS else ""
