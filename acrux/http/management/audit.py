"""Handlers of /management/v1/audit and /management/v1/cases."""

from msgspec.structs import replace

from acrux.http import paging, parsing, responses
from acrux.http.management import searches, shapes
from acrux.http.messages import Request, Response
from acrux.services.audit.audit_log import AuditLog
from acrux.services.audit.explanations import Explanations

AUDIT = "/management/v1/audit"


class AuditManagement:
    """What `acrux audit` and `acrux auth explain` do, over HTTP."""

    def __init__(self, audit_log: AuditLog, explanations: Explanations) -> None:
        self._audit_log = audit_log
        self._explanations = explanations

    async def list(self, request: Request) -> Response:
        """GET: a page of the newest records, sorted from old to new.

        The next page holds earlier records. With `orderby=timeasc` the first page holds the oldest,
        and the next one later records.
        """
        page, wanted = paging.page(request), searches.read(request)
        found = await self._audit_log.search(replace(wanted, limit=page.items + 1))
        more = 0 < page.items < len(found)
        if wanted.oldest_first:
            shown = found[: page.items]
        else:
            shown = found[len(found) - page.items :] if len(found) > page.items else found
        content = shapes.RecordList(list(map(shapes.record, shown)))
        following = shown[-1 if wanted.oldest_first else 0].id if more else None
        filters = [("orderby", paging.order(request).value), *paging.filters(request)]
        return responses.collection(AUDIT, content, page, following, filters)

    async def explain(self, request: Request) -> Response:
        """GET: why a request was refused, and what would allow it."""
        return responses.json(shapes.case(await self._explanations.explain(parsing.name(request))))
