"""Handler of /management/v1/testTrusts."""

from acrux.http import responses
from acrux.http.management.bodies import read
from acrux.http.management.logins import bodies, shapes
from acrux.http.messages import Request, Response
from acrux.services.access.federation import Federation


class TrustTestManagement:
    """What `acrux trust test` does, over HTTP."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation

    async def test(self, request: Request) -> Response:
        """POST: which trusts accept a token, and why the others do not."""
        wanted = await read(request, bodies.TestedToken)
        return responses.json(shapes.trust_test(await self._federation.test(wanted.token)))
