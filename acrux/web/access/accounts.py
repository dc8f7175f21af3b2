"""The form that creates an account: a name, its rights, when it expires."""

from collections.abc import Mapping
from typing import Final

import msgspec

from acrux.domain.access.scope_maps import ACTION_OF_PERMISSION, default_name, permission
from acrux.http.messages import Response
from acrux.web.access.managing import MENDABLE, Managing, with_passwords
from acrux.web.access.nouns import ACCOUNTS
from acrux.web.calls import Refused
from acrux.web.visits import Visit

RIGHTS: Final = tuple(ACTION_OF_PERMISSION)


async def create(visit: Visit) -> Response:
    """POST: create the account, and show its passwords, once.

    With a repository and rights on it instead of a scope map, it gets a scope map of its own.
    """
    form = await visit.form()
    try:
        scope_map = form.get("scopeMapId", "").strip() or await _own_scope_map(visit, form)
        wanted = {"name": form.get("name", "").strip(), "scopeMapId": scope_map, **_expiry(form)}
        answer = await visit.change("POST", ACCOUNTS.api, msgspec.json.encode(wanted))
    except Refused as refused:
        if refused.status not in MENDABLE:
            raise
        return await Managing(ACCOUNTS).listed(visit, form, refused)
    return with_passwords(visit, answer.json()["credentials"])


async def _own_scope_map(visit: Visit, form: Mapping[str, str]) -> str:
    repository = form.get("repository", "").strip()
    actions = [permission(repository, right) for right in RIGHTS if right in form]
    if not repository or not actions:
        raise Refused(400, "", "")  # the page says what is missing
    name = default_name(form.get("name", "").strip())
    wanted = {"name": name, "actions": actions, "ifExists": "keep"}
    await visit.change("POST", "/management/v1/scopeMaps", msgspec.json.encode(wanted))
    return name


def _expiry(form: Mapping[str, str]) -> dict[str, str]:
    # The field is a day: the passwords work until it begins, in UTC.
    day = form.get("expiry", "").strip()
    return {"expiry": f"{day}T00:00:00Z"} if day else {}
