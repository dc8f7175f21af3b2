"""Handlers of /management/v1/logLevel."""

from acrux.http import responses
from acrux.http.management import bodies
from acrux.http.management.server import shapes
from acrux.http.management.server.bodies import ChangeLogLevel
from acrux.http.messages import Request, Response
from acrux.services.server.log_level import LogLevels


class LogLevelManagement:
    """What `acrux log-level` does, over HTTP."""

    def __init__(self, levels: LogLevels) -> None:
        self._levels = levels

    async def show(self, _: Request) -> Response:
        """GET: how much is logged."""
        return responses.json(shapes.shown_level(await self._levels.show()))

    async def change(self, request: Request) -> Response:
        """PUT: log from another level on."""
        wanted = await bodies.read(request, ChangeLogLevel)
        return responses.json(shapes.shown_level(await self._levels.change(wanted.level)))

    async def reset(self, _: Request) -> Response:
        """DELETE: log as the settings say."""
        await self._levels.reset()
        return responses.empty(204)
