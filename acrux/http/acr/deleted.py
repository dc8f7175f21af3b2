"""Handlers of /acr/v1/_deleted: what can be restored."""

from typing import Final
from urllib.parse import quote

import msgspec

from acrux.domain.access.scope import DELETED_READ
from acrux.domain.content.names import Tag
from acrux.domain.content.page import Order
from acrux.domain.content.storage.deleted import Restoration
from acrux.domain.instants import to_microseconds
from acrux.errors import InvalidPage, InvalidRequest
from acrux.http import paging, parsing, responses
from acrux.http.access.identity import Identity
from acrux.http.access.origin import Origins
from acrux.http.acr import shapes
from acrux.http.acr.shapes import Json
from acrux.http.messages import Request, Response
from acrux.services.content.deleted import DeletedContent
from acrux.services.content.properties import Properties

MAX_BODY_BYTES: Final = 4096
_TRUTHS: Final = {"true": True, "false": False}  # az sends True and False, as Python writes them


class _Wanted(msgspec.Struct):
    tag: str | None = None


class DeletedHandlers:
    """What `az acr manifest list-deleted`, `restore` and the like call (acr-protocol.md §5.1)."""

    def __init__(
        self, deleted: DeletedContent, properties: Properties, identity: Identity, origins: Origins
    ) -> None:
        self._deleted = deleted
        self._properties = properties
        self._identity = identity
        self._origins = origins

    async def list_repositories(self, request: Request) -> Response:
        """GET: a page of the repositories of which something can be restored.

        Query: n, last.
        """
        page = paging.page(request)
        # By the caller's current rights, as the catalog is listed.
        scope_map = await self._identity.scope_map(request.grant)
        names = await self._deleted.repositories(page, scope_map.patterns(DELETED_READ))
        following = responses.last_item(names.items, more=names.more)
        content, filters = {"repositories": names.items}, paging.filters(request)
        return responses.listing(request.path, content, page, following, filters)

    async def list_manifests(self, request: Request) -> Response:
        """GET: a page of the deleted manifests.

        Query: n, last.
        """
        _check_order(request)
        found = await self._deleted.manifests(parsing.repository(request), paging.page(request))
        shown = list(map(shapes.deleted_manifest, found.items))
        following = responses.last_item([one.digest for one in found.items], more=found.more)
        return self._page(request, "manifests", shown, following)

    async def list_tags(self, request: Request) -> Response:
        """GET: a page of the deleted tags; of one name, the one deleted last comes last.

        Query: n, last.
        """
        _check_order(request)
        found = await self._deleted.tags(parsing.repository(request), paging.page(request))
        shown = list(map(shapes.deleted_tag, found.items))
        places = [f"{one.name}@{to_microseconds(one.deleted_at)}" for one in found.items]
        return self._page(request, "tags", shown, responses.last_item(places, more=found.more))

    async def restore(self, request: Request) -> Response:
        """POST: restore a manifest, under the tag that the body names if it names one.

        Query: force.
        """
        repository, digest = parsing.repository(request), parsing.digest(request)
        force = _force(request)
        tag = _tag(await request.body.read(MAX_BODY_BYTES))
        await self._deleted.restore(Restoration(repository, digest, tag, force))
        restored = shapes.manifest(await self._properties.manifest(repository, digest))
        return responses.json(self._within(request, "manifest", restored))

    def _page(
        self, request: Request, key: str, shown: list[Json], following: str | None
    ) -> Response:
        content = self._within(request, key, shown or None)  # null, as the other listings
        name = quote(str(parsing.repository(request)), safe="")
        path, page = f"/acr/v1/_deleted/{name}/_{key}", paging.page(request)
        return responses.listing(path, content, page, following, paging.filters(request), "")

    def _within(self, request: Request, key: str, content: object) -> Json:
        host = self._origins.of(request).login_server
        return shapes.within(host, parsing.repository(request), key, content)


def _check_order(request: Request) -> None:
    if paging.order(request) is not Order.BY_NAME:
        raise InvalidPage("what was deleted is listed by name only: leave out orderby")


def _force(request: Request) -> bool:
    text = parsing.first(request, "force") or "false"
    if text.lower() not in _TRUTHS:
        raise InvalidRequest("force must be True or False", force=text[:40])
    return _TRUTHS[text.lower()]


def _tag(body: bytes) -> Tag | None:
    try:
        wanted = msgspec.json.decode(body or b"{}", type=_Wanted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refused:
        raise InvalidRequest(
            f'the body must be a JSON object such as {{"tag": "v1"}}: {refused}'
        ) from None
    return Tag.parse(wanted.tag) if wanted.tag else None
