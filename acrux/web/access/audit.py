"""The page of the audit log: who asked for what, and what was decided."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any, Final
from urllib.parse import quote, urlencode

from acrux.http.messages import Response
from acrux.web.listings import part
from acrux.web.visits import Visit, redirect

FILTERS: Final = ("account", "repository", "outcome", "since", "until")
OUTCOMES: Final = ("granted", "refused", "lost")
_INSTANTS: Final = ("since", "until")


async def search(visit: Visit) -> Response:
    """GET: the newest records that match, the newest first; earlier ones from `last` on."""
    if case := visit.param("case").strip():
        return redirect(f"/web/cases/{quote(case, safe='')}")
    filters = {name: visit.param(name).strip() for name in FILTERS}
    query = {name: _asked(name, value) for name, value in filters.items()}
    query["last"] = visit.param("last")
    found, last = await part(visit, "/management/v1/audit", query)
    given = {name: value for name, value in filters.items() if value}
    newest_first = found["value"][::-1]
    return visit.page(
        "access/audit",
        days=[(day, [*records]) for day, records in groupby(newest_first, _day)],
        given=given,
        filters=filters,
        outcomes=OUTCOMES,
        following=urlencode({**given, "last": last}) if last else "",
    )


def _day(record: Mapping[str, Any]) -> str:
    day: str = record["time"].partition("T")[0]  # the API gives instants in UTC
    return day


def _asked(name: str, value: str) -> str:
    # A browser's field for a time gives no zone; its label says that it is UTC.
    is_local = name in _INSTANTS and len(value) == len("2026-11-30T18:00")
    return f"{value}Z" if is_local else value
