"""What was deleted and can be restored."""

import msgspec

from acrux.domain.content.names import Tag
from acrux.http import parsing
from acrux.http.messages import Response
from acrux.web import words
from acrux.web.content import asking
from acrux.web.listings import part
from acrux.web.visits import Visit, redirect


async def list_repositories(visit: Visit) -> Response:
    """GET: the repositories of which something can be restored."""
    found, last = await part(visit, "/acr/v1/_deleted/_catalog", {"last": visit.param("last")})
    names = found["repositories"] or []
    return visit.page("content/deleted_repositories", repositories=names, last=last)


async def show(visit: Visit) -> Response:
    """GET: the deleted tags and manifests of a repository."""
    name = asking.repository(visit)
    path = f"/acr/v1/_deleted/{name}"
    manifests, last = await part(visit, f"{path}/_manifests", {"last": visit.param("last")})
    tags, last_tag = await part(visit, f"{path}/_tags", {"last": visit.param("last_tag")})
    return visit.page(
        "content/deleted",
        name=name,
        manifests=manifests["manifests"] or [],
        tags=tags["tags"] or [],
        last=last,
        last_tag=last_tag,
        actions=await asking.actions(visit, name),
    )


async def ask_restoration(visit: Visit) -> Response:
    """GET: whether to restore a manifest, and under which tag."""
    name, digest = asking.repository(visit), str(parsing.digest(visit.request))
    tag = visit.param("tag")
    await visit.get(f"/acr/v1/_deleted/{name}/_manifests", n="1")  # refused to whoever may not look
    path = f"/acr/v1/{name}/_tags/{Tag.parse(tag)}" if tag else ""
    is_asked = path and await asking.sees_properties(visit, name)
    present = await asking.if_allowed(visit.get(path)) if is_asked else None
    return visit.page("content/restore", name=name, digest=digest, tag=tag, present=present)


async def restore(visit: Visit) -> Response:
    """POST: restore it. A tag that points elsewhere is moved if the form says so."""
    name, digest = asking.repository(visit), str(parsing.digest(visit.request))
    form = await visit.form()
    tag = form.get("tag", "").strip()
    body = msgspec.json.encode({"tag": tag} if tag else {})
    force = {"force": "true"} if form.get("force") else {}
    await visit.change("POST", f"/acr/v1/_deleted/{name}/_manifests/{digest}", body, **force)
    page = f"/web/repositories/{words.path(name)}/-/manifests/{tag or digest}"
    return redirect(f"{page}?done=restored")
