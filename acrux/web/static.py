"""The files that every page needs: a style sheet and two scripts."""

import hashlib
from importlib.resources import files
from typing import Final

from acrux.errors import UnknownEndpoint
from acrux.http.messages import Request, Response

PATH: Final = "/web/static/{name}"
_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class Static:
    """Serves the files. An address names a version, so that a browser asks for it once."""

    def __init__(self) -> None:
        folder = files("acrux.web").joinpath("static")
        self._contents = {file.name: file.read_bytes() for file in folder.iterdir()}

    def address(self, name: str) -> str:
        """The address of a file in its present version."""
        version = hashlib.sha256(self._contents[name]).hexdigest()[:12]
        return f"{PATH.format(name=name)}?v={version}"

    async def show(self, request: Request) -> Response:
        """GET: a file. Raises UnknownEndpoint."""
        name = request.params["name"]
        if name not in self._contents:
            raise UnknownEndpoint
        content_type = _TYPES[name.rpartition(".")[2]]
        return Response(
            200,
            [
                (b"content-type", f"{content_type}; charset=utf-8".encode()),
                (b"cache-control", b"public, max-age=31536000, immutable"),
            ],
            self._contents[name],
        )
