"""The pages of repositories: all of them, one of them."""

from typing import Final

from acrux.http import parsing
from acrux.http.messages import Response
from acrux.web.listings import part
from acrux.web.visits import Visit

ORDERS: Final = ("timedesc", "timeasc")


async def list_repositories(visit: Visit) -> Response:
    """GET: repositories by name, from `last` on."""
    found, last = await part(visit, "/acr/v1/_catalog", {"last": visit.param("last")})
    names = found["repositories"] or []
    repositories = [await visit.get(f"/acr/v1/{name}") for name in names]
    return visit.page("repositories", repositories=repositories, last=last)


async def show_repository(visit: Visit) -> Response:
    """GET: a repository and its tags, from `last` on, in the order that `orderby` names."""
    name = str(parsing.repository(visit.request))
    order = visit.param("orderby") if visit.param("orderby") in ORDERS else ""
    repository = await visit.get(f"/acr/v1/{name}")
    query = {"orderby": order, "last": visit.param("last")}
    found, last = await part(visit, f"/acr/v1/{name}/_tags", query)
    return visit.page(
        "repository", repository=repository, tags=found["tags"] or [], last=last, order=order
    )
