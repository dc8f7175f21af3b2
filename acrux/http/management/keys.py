"""Handlers of /management/v1/keys."""

from acrux.http import parsing, responses
from acrux.http.management import bodies, shapes
from acrux.http.messages import Request, Response
from acrux.services.access.keys import Keys


class KeyManagement:
    """What `acrux key` does, over HTTP."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def list(self, _: Request) -> Response:
        """GET: the keys that sign tokens."""
        return responses.json(shapes.keys(await self._keys.list()))

    async def rotate(self, request: Request) -> Response:
        """POST: publish a new key."""
        wanted = await bodies.read(request, bodies.RotateKeys)
        return responses.json(shapes.keys(await self._keys.rotate(now=wanted.now)))

    async def revoke(self, request: Request) -> Response:
        """POST: remove a key; all its tokens become invalid."""
        return responses.json(shapes.keys(await self._keys.revoke(parsing.name(request))))
