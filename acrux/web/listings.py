"""A page of a listing of the API, and where the next one begins."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from acrux.web.calls import Call
from acrux.web.visits import Visit

SHOWN: Final = 50  # items on a page


async def part(visit: Visit, path: str, query: Mapping[str, str]) -> tuple[Any, str]:
    """The answer, and the `last` of the next page, empty if this is the last one. Raises Refused.

    A field that is empty in a form is no filter. The next page is named by the link of the answer
    (RFC 8288).
    """
    given = {name: value for name, value in query.items() if value}
    answer = await visit.send(Call("GET", path, {"n": str(SHOWN), **given}))
    link = answer.headers.get("link", "").removeprefix("<").partition(">")[0]
    return answer.json(), parse_qs(urlsplit(link).query).get("last", [""])[0]
