"""Handlers of /management/v1/deleted: list, restore, purge."""

from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.patterns import EVERY_REPOSITORY
from acrux.domain.content.storage.deleted import Restoration
from acrux.domain.instants import to_microseconds
from acrux.errors import InvalidRequest
from acrux.http import paging, parsing, responses
from acrux.http.management.bodies import read
from acrux.http.management.storage import shapes
from acrux.http.management.storage.bodies import Purge, Restore
from acrux.http.messages import Request, Response
from acrux.services.content.deleted import DeletedContent

DELETED = "/management/v1/deleted"


class DeletedManagement:
    """What `acrux deleted` does, over HTTP."""

    def __init__(self, deleted: DeletedContent) -> None:
        self._deleted = deleted

    async def list_repositories(self, request: Request) -> Response:
        """GET: a page of the repositories of which something can be restored."""
        page = paging.page(request)
        found = await self._deleted.repositories(page, (EVERY_REPOSITORY,))
        following = responses.last_item(found.items, more=found.more)
        content = shapes.DeletedRepositoryList(value=[*found.items])
        return responses.collection(DELETED, content, page, following, paging.filters(request))

    async def list_manifests(self, request: Request) -> Response:
        """GET: a page of the deleted manifests of a repository."""
        page = paging.page(request)
        found = await self._deleted.manifests(_repository(request), page)
        following = responses.last_item([one.digest for one in found.items], more=found.more)
        content = shapes.DeletedManifestList(value=[*map(shapes.deleted_manifest, found.items)])
        path = f"{DELETED}/manifests"
        return responses.collection(path, content, page, following, paging.filters(request))

    async def list_tags(self, request: Request) -> Response:
        """GET: a page of the deleted tags of a repository."""
        page = paging.page(request)
        found = await self._deleted.tags(_repository(request), page)
        places = [f"{one.name}@{to_microseconds(one.deleted_at)}" for one in found.items]
        following = responses.last_item(places, more=found.more)
        content = shapes.DeletedTagList(value=[*map(shapes.deleted_tag, found.items)])
        path = f"{DELETED}/tags"
        return responses.collection(path, content, page, following, paging.filters(request))

    async def restore(self, request: Request) -> Response:
        """POST: restore a manifest, or the repository that was deleted last."""
        wanted = await read(request, Restore)
        repository = RepositoryName.parse(wanted.repository)
        if wanted.digest is not None:
            digest = Digest.parse(wanted.digest)
            tag = None if wanted.tag is None else Tag.parse(wanted.tag)
            await self._deleted.restore(Restoration(repository, digest, tag, wanted.force))
        elif wanted.tag is None and not wanted.force:
            await self._deleted.restore_repository(repository)
        else:
            raise InvalidRequest("name the digest of the manifest to restore")
        return responses.empty(204)

    async def purge(self, request: Request) -> Response:
        """POST: remove a deleted manifest for good, or all that was deleted of a repository."""
        wanted = await read(request, Purge)
        digest = None if wanted.digest is None else Digest.parse(wanted.digest)
        await self._deleted.purge(RepositoryName.parse(wanted.repository), digest)
        return responses.empty(204)


def _repository(request: Request) -> RepositoryName:
    text = parsing.first(request, "repository")
    if text is None:
        raise InvalidRequest("the query names no repository: add ?repository= with its name")
    return RepositoryName.parse(text)
