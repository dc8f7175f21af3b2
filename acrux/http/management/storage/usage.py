"""Handlers of /management/v1/usage and /management/v1/listUsages."""

from acrux.domain.content.names import RepositoryName
from acrux.errors import InvalidRequest
from acrux.http import parsing, responses
from acrux.http.management.storage import shapes
from acrux.http.messages import Request, Response
from acrux.services.content.space import LARGEST, MAX_LARGEST, Space


class UsageManagement:
    """What `acrux usage` and `acrux show-usage` do, over HTTP."""

    def __init__(self, space: Space) -> None:
        self._space = space

    async def show(self, request: Request) -> Response:
        """GET: what the registry holds."""
        found = await self._space.of_registry(_largest(request))
        return responses.json(shapes.registry(found))

    async def show_some(self, request: Request) -> Response:
        """GET: what a repository holds, or all repositories below a prefix."""
        repository = parsing.first(request, "repository")
        prefix = parsing.first(request, "prefix")
        if repository is not None and prefix is None:
            found = await self._space.of_repository(RepositoryName.parse(repository))
        elif prefix is not None and repository is None:
            found = await self._space.of_prefix(prefix)
        else:
            raise InvalidRequest("give either a repository or a prefix")
        return responses.json(shapes.usage(found))

    async def list(self, _: Request) -> Response:
        """GET: what is used, and its limits, as ARM lists them."""
        return responses.json(shapes.usages(await self._space.limited()))


def _largest(request: Request) -> int:
    text = parsing.first(request, "largest")
    if text is None:
        return LARGEST
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text) <= MAX_LARGEST):
        raise InvalidRequest(f"largest is a number from 0 to {MAX_LARGEST}", largest=text[:40])
    return int(text)
