"""Handlers of /v2/<name>/blobs/uploads/."""

from acrux.domain.access.scope import PULL, on_repository
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.upload import Session, Upload
from acrux.http import parsing, responses
from acrux.http.access.identity import Identity
from acrux.http.messages import Request, Response
from acrux.services.content.blobs import Blobs
from acrux.services.content.uploads import Uploads


class UploadHandlers:
    """Uploads over HTTP (end-4, end-5, end-6, end-11, end-13, end-14)."""

    def __init__(
        self,
        uploads: Uploads,
        blobs: Blobs,
        identity: Identity,
        *,
        mount_from_account: bool,
    ) -> None:
        self._uploads = uploads
        self._blobs = blobs
        self._identity = identity
        self._mount_from_account = mount_from_account

    async def start(self, request: Request) -> Response:
        """POST: start an upload, push a whole blob at once, or mount one (end-4, end-11).

        Query: digest, digest-algorithm, mount, from.
        """
        if mounted := await self._mount(request):
            return mounted
        repository = parsing.repository(request)
        digest = parsing.claimed_digest(request)
        parsing.check_digest_algorithm(request)
        if digest is not None:
            announced = parsing.content_length(request) or 1
            chunks = request.body.chunks()
            await self._uploads.put(_session(request), digest, chunks, announced)
            return responses.created_blob(repository, digest)
        upload = await self._uploads.start(_session(request))
        return self._answer(202, request, upload, 0)

    async def _mount(self, request: Request) -> Response | None:
        # A blob that the caller may not read and a blob that does not exist look alike: both are
        # answered with an upload (token-auth-and-oci.md §3.7).
        digest = parsing.mounted_digest(request)
        if digest is None:
            return None
        repository = parsing.repository(request)
        sources, principal = await self._sources(request), request.grant.principal
        if not await self._blobs.mount(sources, repository, digest, principal):
            return None
        return responses.created_blob(repository, digest)

    async def _sources(self, request: Request) -> tuple[RepositoryPattern, ...]:
        if not parsing.names_mount_source(request):
            if self._mount_from_account:
                account = await self._identity.scope_map(request.grant)
                return account.patterns(PULL)
            return request.grant.patterns(PULL)
        source = parsing.mount_source(request)
        if source is None or not request.grant.permits(on_repository(source, PULL)):
            return ()
        return (RepositoryPattern(source.value),)

    def _answer(self, status: int, request: Request, upload: Upload, offset: int) -> Response:
        # A capability that has outlived its token is not renewed, or it would never expire.
        capability = (
            parsing.capability(request)
            if request.has_outlived_its_token
            else self._uploads.capability(upload)
        )
        return responses.upload(status, upload, offset, capability)

    async def append(self, request: Request) -> Response:
        """PATCH: append a chunk (end-5)."""
        upload = _upload(request)
        chunks, announced = request.body.chunks(), parsing.content_length(request) or 0
        offset = await self._uploads.append(upload, chunks, parsing.place(request), announced)
        return self._answer(202, request, upload, offset)

    async def finish(self, request: Request) -> Response:
        """PUT: append the last chunk, if there is one, and close the upload (end-6).

        Query: digest.
        """
        digest = parsing.required_digest(request)
        chunks = request.body.chunks() if parsing.has_body(request) else None
        upload, announced = _upload(request), parsing.content_length(request) or 0
        await self._uploads.finish(upload, digest, chunks, parsing.place(request), announced)
        return responses.created_blob(parsing.repository(request), digest)

    async def status(self, request: Request) -> Response:
        """GET: the offset that the upload has reached (end-13)."""
        upload = _upload(request)
        offset = await self._uploads.offset(upload)
        return self._answer(204, request, upload, offset)

    async def cancel(self, request: Request) -> Response:
        """DELETE: cancel the upload (end-14)."""
        await self._uploads.cancel(_upload(request))
        return responses.empty(204)


def _session(request: Request) -> Session:
    return Session(parsing.repository(request), request.grant.principal)


def _upload(request: Request) -> Upload:
    return Upload(parsing.upload(request), _session(request))
