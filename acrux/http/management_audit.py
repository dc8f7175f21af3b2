"""Handlers of /management/v1/audit and /management/v1/cases."""

from acrux.http import management_shapes as shapes
from acrux.http import parsing, responses, searches
from acrux.http.messages import Request, Response
from acrux.services.explanations import Explanations
from acrux.services.journal import Journal


class AuditManagement:
    """What `acrux audit` and `acrux auth explain` do, over HTTP."""

    def __init__(self, journal: Journal, explanations: Explanations) -> None:
        self._journal = journal
        self._explanations = explanations

    async def list(self, request: Request) -> Response:
        """GET: who asked what, and what was decided: the newest, the oldest of them first."""
        found = await self._journal.search(searches.read(request))
        return responses.json(shapes.RecordList(list(map(shapes.record, found))))

    async def explain(self, request: Request) -> Response:
        """GET: why a request was refused, and what would let it pass."""
        return responses.json(shapes.case(await self._explanations.explain(parsing.name(request))))
