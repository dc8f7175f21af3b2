"""The handler of /management/v1/doctor."""

from acrux.http import responses
from acrux.http.management.server import shapes
from acrux.http.messages import Request, Response
from acrux.services.server.doctor import Doctor


class DoctorManagement:
    """What `acrux doctor` finds on the registry's own machine, over HTTP."""

    def __init__(self, doctor: Doctor) -> None:
        self._doctor = doctor

    async def show(self, _: Request) -> Response:
        """GET: what the checks find on the machine of the server that answers."""
        return responses.json(shapes.health(await self._doctor.report()))
