"""Handlers of /v2/<name>/manifests/<reference>."""

from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import MAX_MANIFEST_BYTES
from acrux.http import parsing, responses
from acrux.http.access import guard
from acrux.http.access.origin import Origins
from acrux.http.messages import Request, Response
from acrux.services.content.manifests import Manifests
from acrux.services.content.pulls import Pulls


class ManifestHandlers:
    """Manifests over HTTP (end-3, end-7, end-9). Pulls are noted unless `pulls` is None."""

    def __init__(self, manifests: Manifests, pulls: Pulls | None, origins: Origins) -> None:
        self._manifests = manifests
        self._pulls = pulls
        self._origins = origins

    async def get(self, request: Request) -> Response:
        """GET, HEAD: the manifest, byte for byte as it was pushed (end-3)."""
        repository, reference = parsing.repository(request), parsing.reference_to_read(request)
        # With HEAD, a push asks what it need not send: what it is told must stay, and is no pull.
        pusher = guard.pusher(request) if request.method == "HEAD" else None
        manifest = await self._manifests.get(
            repository,
            reference,
            parsing.accept(request),
            pusher if isinstance(reference, Digest) else None,
        )
        if self._pulls is not None and pusher is None:
            self._pulls.note(repository, reference, manifest.digest)
        if parsing.knows(request, responses.etag(manifest.digest)):
            return responses.unchanged(manifest.digest)
        return responses.manifest(manifest.digest, manifest.media_type, manifest.content)

    async def put(self, request: Request) -> Response:
        """PUT: store the manifest under its digest, and point the tags at it (end-7).

        Query: tag, which may be repeated.
        """
        repository, tags = parsing.repository(request), parsing.added_tags(request)
        manifest = await self._manifests.put(
            repository,
            parsing.reference_to_write(request),
            await request.body.read(MAX_MANIFEST_BYTES),
            parsing.content_type(request),
            tags,
            principal=request.grant.principal,
            cause=self._origins.cause(request),
        )
        subject = manifest.subject.digest if manifest.subject else None
        return responses.created_manifest(repository, manifest.digest, subject, tags)

    async def delete(self, request: Request) -> Response:
        """DELETE: delete the tag, or the manifest with all its tags (end-9)."""
        await self._manifests.delete(
            parsing.repository(request),
            parsing.reference_to_read(request),
            self._origins.cause(request),
        )
        return responses.empty(202)
