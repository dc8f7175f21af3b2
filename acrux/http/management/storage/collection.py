"""Handlers of /management/v1/gc."""

from time import monotonic
from typing import Final

from acrux.domain.content.names import RepositoryName
from acrux.domain.content.storage.space import Target
from acrux.errors import NotYet
from acrux.http import parsing, responses
from acrux.http.management.storage import shapes
from acrux.http.messages import Request, Response
from acrux.services.content.collection import Collection
from acrux.services.content.space import Space

RUN_SECONDS: Final = 10.0  # of one request: callers and proxies do not wait for ever


class CollectionManagement:
    """What `acrux gc` does, over HTTP."""

    def __init__(self, collection: Collection, space: Space) -> None:
        self._collection = collection
        self._space = space

    async def status(self, _: Request) -> Response:
        """GET: what waits to be collected."""
        return responses.json(shapes.status(await self._collection.status()))

    async def run(self, _: Request) -> Response:
        """POST: remove what is due, for RUN_SECONDS at most."""
        ends = monotonic() + RUN_SECONDS
        freed = await self._collection.run(lambda _: monotonic() < ends)
        if freed is None:
            raise NotYet("somebody else is collecting now: what is due goes all the same")
        is_done = not await self._collection.is_any_due()
        return responses.json(shapes.run(freed, is_done=is_done))

    async def why(self, request: Request) -> Response:
        """GET: what keeps a digest."""
        named = parsing.first(request, "repository")
        repository = None if named is None else RepositoryName.parse(named)
        kept = await self._space.why(parsing.digest(request), repository)
        return responses.json(shapes.why(kept))

    async def what_if(self, request: Request) -> Response:
        """GET: what a deletion would free."""
        targets = [Target.parse(text) for text in parsing.query(request, "delete")]
        found = await self._space.what_if(targets)
        return responses.json(shapes.what_if(found))
