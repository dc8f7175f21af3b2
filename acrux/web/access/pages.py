"""The pages of this wing, one row for each."""

from collections.abc import Mapping

from acrux.http.routes import Handler
from acrux.web.access import audit, cases
from acrux.web.visits import Visits


def rows(visits: Visits) -> tuple[tuple[str, Mapping[str, Handler]], ...]:
    """The path of each page, and its handlers by method."""
    shows = visits.shows
    return (
        ("/web/audit", {"GET": shows(audit.search)}),
        ("/web/cases/{name}", {"GET": shows(cases.show_case)}),
    )
