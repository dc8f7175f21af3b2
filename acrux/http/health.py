"""Handlers of /v2/, /livez and /readyz."""

from collections.abc import Callable
from typing import Final

from acrux.domain.content.page import Page
from acrux.domain.content.patterns import RepositoryPattern
from acrux.http import responses
from acrux.http.messages import Request, Response
from acrux.http.problems import UNAVAILABLE_SECONDS
from acrux.services.content.listings import Listings

# One look into an index. Among all, it would go through every repository that may not be listed.
ONE_REPOSITORY: Final = RepositoryPattern("readyz")


class HealthHandlers:
    """Whether the registry works, and which API it speaks."""

    def __init__(self, listings: Listings, trouble: Callable[[], str]) -> None:
        self._listings = listings
        self._trouble = trouble

    async def version(self, _: Request) -> Response:
        """GET: this is a registry, and the token is good (end-1)."""
        return responses.json({})

    async def live(self, _: Request) -> Response:
        """GET: the process answers."""
        return responses.json({"status": "live"})

    async def ready(self, _: Request) -> Response:
        """GET: the database answers too, and there is room for pushes."""
        await self._listings.repositories(Page(items=1), (ONE_REPOSITORY,))
        if reason := self._trouble():
            response = responses.json({"status": "not ready", "reason": reason}, 503)
            response.add("Retry-After", str(UNAVAILABLE_SECONDS))
            return response
        return responses.json({"status": "ready"})
