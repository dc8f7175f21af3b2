"""Handlers of /v2/, /livez and /readyz."""

from acrux.domain.page import Page
from acrux.domain.patterns import EVERY_REPOSITORY
from acrux.http import responses
from acrux.http.messages import Request, Response
from acrux.services.listings import Listings


class HealthHandlers:
    """Whether the registry is there, and which API it speaks."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings

    async def version(self, _: Request) -> Response:
        """GET /v2/: this is a registry, and the token is good (end-1)."""
        return responses.json({})

    async def live(self, _: Request) -> Response:
        """GET /livez: the process answers."""
        return responses.json({"status": "live"})

    async def ready(self, _: Request) -> Response:
        """GET /readyz: the database answers too."""
        await self._listings.repositories(Page(items=1), (EVERY_REPOSITORY,))
        return responses.json({"status": "ready"})
