"""Handlers of /v2/<name>/blobs/<digest>."""

from acrux.errors import RangeNotSatisfiable
from acrux.http import parsing, responses
from acrux.http.access import guard
from acrux.http.messages import Request, Response
from acrux.services.content.blobs import Blobs


class BlobHandlers:
    """Blobs over HTTP (end-2, end-10)."""

    def __init__(self, blobs: Blobs, *, redirects: bool) -> None:
        self._blobs = blobs
        self._redirects = redirects

    async def get(self, request: Request) -> Response:
        """GET, HEAD: the blob, or the parts of it that `Range` names (end-2).

        If the registry redirects, the client sends its `Range` to the object store.
        """
        repository, digest = parsing.repository(request), parsing.digest(request)
        tag = responses.etag(digest)
        is_head = request.method == "HEAD"
        if is_head or parsing.knows(request, tag):
            # With HEAD, a push asks what it need not send (end-2): what it is told must stay.
            pusher = guard.pusher(request) if is_head else None
            size = await self._blobs.size(repository, digest, pusher)
            if parsing.knows(request, tag):
                return responses.unchanged(digest)
            return responses.blob_description(digest, size)
        if self._redirects:
            return responses.elsewhere(digest, await self._blobs.location(repository, digest))
        byte_ranges = parsing.byte_ranges(request, tag)
        blob = await self._blobs.get(repository, digest)
        try:
            parts = byte_ranges.resolve(blob.size) if byte_ranges else ()
        except RangeNotSatisfiable:
            blob.close()
            raise
        return responses.blob(digest, blob, parts)

    async def delete(self, request: Request) -> Response:
        """DELETE: remove the blob from this repository (end-10)."""
        await self._blobs.delete(parsing.repository(request), parsing.digest(request))
        return responses.empty(202)
