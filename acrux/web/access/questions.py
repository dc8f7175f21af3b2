"""Pages that answer questions about rights: who may, used, would."""

from collections.abc import Mapping
from typing import Any

import msgspec

from acrux.domain.access.scope import ACTIONS
from acrux.http import parsing
from acrux.http.messages import Response
from acrux.web.access import nouns
from acrux.web.access.nouns import SCOPE_MAPS, TRUSTS, Noun
from acrux.web.listings import part
from acrux.web.visits import Page, Visit


async def who_may(visit: Visit) -> Response:
    """GET: who may do what on a repository, as a matrix."""
    repository = visit.param("repository").strip()
    found: dict[str, Any] = {"value": []}
    last = ""
    if repository:
        query = {"repository": repository, "last": visit.param("last")}
        found, last = await part(visit, "/management/v1/access", query)
    return visit.page(
        "access/matrix",
        repository=repository,
        holders=found["value"],
        actions=ACTIONS,
        shows_lines=visit.param("lines") == "shown",
        query={"repository": repository, "lines": visit.param("lines")},
        last=last,
    )


def least_privilege(noun: Noun) -> Page:
    """GET: the permissions that one of these used, and a button that puts them into a scope map."""

    async def show(visit: Visit) -> Response:
        name = parsing.name(visit.request)
        used = await visit.get("/management/v1/leastPrivilege", account=name)
        holder = await visit.get(f"{noun.api}/{name}")
        has_own = not holder[nouns.SCOPE_MAP].startswith("_")
        return visit.page("access/used", noun=noun, used=used, holder=holder, has_own=has_own)

    return show


async def try_scope_map(visit: Visit) -> Response:
    """POST: what the change in the form would mean for what the audit log holds."""
    form = await visit.form()
    wanted = {"actions": nouns.lines(form.get("actions", "")), "last": form.get("last", "")}
    return await _tried(visit, SCOPE_MAPS, form, wanted)


async def try_trust(visit: Visit) -> Response:
    """POST: as `try_scope_map`, for what a trust grants."""
    form = await visit.form()
    scope_map = form.get(nouns.SCOPE_MAP, "").strip()
    wanted = {
        nouns.SCOPE_MAP: scope_map or None,
        "actions": nouns.lines(form.get("actions", "")),
        "last": form.get("last", ""),
    }
    return await _tried(visit, TRUSTS, form, wanted)


async def _tried(
    visit: Visit, noun: Noun, form: Mapping[str, str], wanted: Mapping[str, Any]
) -> Response:
    name = parsing.name(visit.request)
    answer = await visit.change("POST", f"{noun.api}/{name}/simulate", msgspec.json.encode(wanted))
    fields = [field.name for field in noun.change]
    kept = {key: form[key] for key in (*fields, "etag") if key in form}
    return visit.page("access/simulation", noun=noun, name=name, found=answer.json(), kept=kept)
