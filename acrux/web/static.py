"""The files that every page needs: a style sheet, two scripts, an icon."""

import hashlib
import zlib
from importlib.resources import files
from typing import Final

from acrux.errors import UnknownEndpoint
from acrux.http import parsing
from acrux.http.messages import Request, Response

PATH: Final = "/web/static/{name}"
_TYPES: Final = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "txt": "text/plain",
}
_GZIP: Final = 31  # the window of zlib with gzip's header


class Static:
    """Serves the files. An address names a version, so that a browser asks for it once.

    They are compressed. Pages are not: what a visitor sees beside what somebody else made them ask
    for would be told by the length (BREACH).
    """

    def __init__(self) -> None:
        folder = files("acrux.web").joinpath("static")
        self._contents = {file.name: file.read_bytes() for file in folder.iterdir()}
        self._compressed: dict[str, bytes] = {}

    def address(self, name: str) -> str:
        """The address of a file in its present version."""
        return f"{PATH.format(name=name)}?v={self._version(name)}"

    async def show(self, request: Request) -> Response:
        """GET: a file. Raises UnknownEndpoint."""
        name = request.params["name"]
        if name not in self._contents:
            raise UnknownEndpoint
        # While a registry is upgraded, an old worker may be asked for the new version.
        is_asked = parsing.first(request, "v") == self._version(name)
        response = Response(200, [], self._contents[name])
        response.add("Content-Type", f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8")
        response.add(
            "Cache-Control", "public, max-age=31536000, immutable" if is_asked else "no-cache"
        )
        response.add("Vary", "Accept-Encoding")
        if "gzip" in (parsing.header(request, b"accept-encoding") or ""):
            response.add("Content-Encoding", "gzip")
            response.body = self._compress(name)
        return response

    def _version(self, name: str) -> str:
        return hashlib.sha256(self._contents[name]).hexdigest()[:12]

    def _compress(self, name: str) -> bytes:
        if name not in self._compressed:
            gzip = zlib.compressobj(zlib.Z_BEST_COMPRESSION, wbits=_GZIP)
            self._compressed[name] = gzip.compress(self._contents[name]) + gzip.flush()
        return self._compressed[name]
