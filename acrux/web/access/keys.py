"""The page of the keys that sign tokens."""

import msgspec

from acrux.http import parsing
from acrux.http.messages import Response
from acrux.web.visits import Visit, redirect

KEYS = "/web/keys"
_API = "/management/v1/keys"


async def show(visit: Visit) -> Response:
    """GET: the keys, and the forms that rotate and revoke them."""
    return visit.page("access/keys", keys=(await visit.get(_API))["value"])


async def rotate(visit: Visit) -> Response:
    """POST: publish a new key."""
    now = (await visit.form()).get("do") == "now"
    await visit.change("POST", f"{_API}/rotate", msgspec.json.encode({"now": now}))
    return redirect(KEYS)


async def revoke(visit: Visit) -> Response:
    """POST: remove a key; all its tokens become invalid, perhaps the visitor's session too."""
    await visit.change("POST", f"{_API}/{parsing.name(visit.request)}/revoke")
    return redirect(KEYS)
