"""Count a request before its handler sees it, where limits are set."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, TypeAlias

from acrux.errors import Crowded, RegistryError, TooManyRequests
from acrux.http import problems
from acrux.http.messages import Request, Response
from acrux.services.access.limits import Limit, Limits

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

SERVER_ERROR: Final = HTTPStatus.INTERNAL_SERVER_ERROR.value


def counted(handler: Handler, limit: Limit) -> Handler:
    """The handler, for requests that are counted once they are authorized.

    What the registry itself fails at, or has no room for, is not counted.
    """

    async def handle(request: Request) -> Response:
        account = request.grant.principal
        limit.count(account, request.peer)
        try:
            return await handler(request)
        except Exception as failed:
            if _is_ours(failed):
                limit.give_back(account, request.peer)
            raise

    return handle


def bounded(handler: Handler, limits: Limits) -> Handler:
    """The handler, for requests that send a blob or a part of one."""

    async def handle(request: Request) -> Response:
        if request.body.is_complete:  # it starts, mounts or closes an upload, and sends nothing
            return await handler(request)
        with limits.upload(request.grant.principal, request.peer):
            return await handler(request)

    return handle


def _is_ours(failed: Exception) -> bool:
    if isinstance(failed, Crowded | TooManyRequests):
        return True
    return not isinstance(failed, RegistryError) or problems.find(failed).status >= SERVER_ERROR
