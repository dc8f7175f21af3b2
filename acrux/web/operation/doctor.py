"""The page of what acrux doctor finds on the registry's machine."""

from typing import Final

from acrux.http.messages import Response
from acrux.web.visits import Visit

PATH: Final = "/web/operation/doctor"


async def show(visit: Visit) -> Response:
    """GET: each check, what it found, and what to do about it."""
    return visit.page(
        "operation/doctor", found=await visit.get("/management/v1/doctor"), host=visit.host
    )
