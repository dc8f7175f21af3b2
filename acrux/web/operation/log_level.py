"""The page of the log level."""

from typing import Final

import msgspec

from acrux.domain.server.log_level import LEVELS
from acrux.http.messages import Response
from acrux.web.visits import Visit, redirect

PATH: Final = "/web/operation/log-level"
_API: Final = "/management/v1/logLevel"


async def show(visit: Visit) -> Response:
    """GET: how much is logged, and a form that changes it."""
    return visit.page(
        "operation/log_level",
        found=await visit.get(_API),
        levels=LEVELS,
        done=visit.param("done"),
    )


async def change(visit: Visit) -> Response:
    """POST: log from another level on, or with an empty one as the settings say."""
    level = (await visit.form()).get("level", "")
    if level:
        await visit.change("PUT", _API, msgspec.json.encode({"level": level}))
    else:
        await visit.change("DELETE", _API)
    return redirect(f"{PATH}?done=changed")
