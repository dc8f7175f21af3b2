"""Handlers of /v2/<name>/blobs/uploads/."""

from acrux.domain.scope import PULL, on_repository
from acrux.http import parsing, responses
from acrux.http.messages import Request, Response
from acrux.services.blobs import Blobs
from acrux.services.uploads import Uploads


class UploadHandlers:
    """Uploads over HTTP (end-4, end-5, end-6, end-11, end-13, end-14)."""

    def __init__(self, uploads: Uploads, blobs: Blobs) -> None:
        self._uploads = uploads
        self._blobs = blobs

    async def start(self, request: Request) -> Response:
        """POST: begin an upload, or take a whole blob at once, or mount one."""
        if mounted := await self._mount(request):
            return mounted
        repository = parsing.repository(request)
        digest = parsing.claimed_digest(request)
        if digest is not None:
            await self._uploads.put(repository, digest, request.body.chunks())
            return responses.created_blob(repository, digest)
        upload = await self._uploads.start(repository, request.grant.principal)
        return responses.upload(202, repository, upload, 0)

    async def _mount(self, request: Request) -> Response | None:
        # A blob that is elsewhere without the right to it and one that is nowhere look alike:
        # the answer is an upload (token-auth-and-oci.md §3.7).
        repository, source = parsing.repository(request), parsing.mount_source(request)
        digest = parsing.mounted_digest(request)
        if source is None or digest is None:
            return None
        if not request.grant.permits(on_repository(source, PULL)):
            return None
        if not await self._blobs.mount(source, repository, digest):
            return None
        return responses.created_blob(repository, digest)

    async def append(self, request: Request) -> Response:
        """PATCH: add a chunk."""
        repository, upload = parsing.repository(request), parsing.upload(request)
        offset = await self._uploads.append(
            repository, upload, request.body.chunks(), parsing.content_range(request)
        )
        return responses.upload(202, repository, upload, offset)

    async def finish(self, request: Request) -> Response:
        """PUT: add the last chunk, if there is one, and make it a blob."""
        repository, digest = parsing.repository(request), parsing.required_digest(request)
        chunks = request.body.chunks() if parsing.has_body(request) else None
        await self._uploads.finish(
            repository, parsing.upload(request), digest, chunks, parsing.content_range(request)
        )
        return responses.created_blob(repository, digest)

    async def status(self, request: Request) -> Response:
        """GET: how far the upload has come."""
        repository, upload = parsing.repository(request), parsing.upload(request)
        offset = await self._uploads.offset(repository, upload)
        return responses.upload(204, repository, upload, offset)

    async def cancel(self, request: Request) -> Response:
        """DELETE: forget the upload."""
        await self._uploads.cancel(parsing.repository(request), parsing.upload(request))
        return responses.empty(204)
