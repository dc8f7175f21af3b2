"""Content that the contracts of the metadata put into a database."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import TypeVar

from acrux.adapters.sql.content.grace import Grace
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest
from acrux.domain.content.media_types import OCI_INDEX, OCI_MANIFEST
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import Page, Slice
from acrux.domain.content.storage.copy import Copy

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HELLO = RepositoryName.parse("library/hello")
OTHER = RepositoryName.parse("library/other")
LATEST = Tag.parse("latest")
BLOB = Digest.of(b"blob")
PUSHER = "acrux"
GRACE = Grace(lambda: AT, unreferenced=timedelta(days=1), held=timedelta(hours=2))
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"

Item = TypeVar("Item")


def copy(digest: Digest, size: int = 4) -> Copy:
    """A new copy of a blob, of four bytes unless its size matters."""
    return Copy(digest, token_hex(8), size)


def later(seconds: int) -> datetime:
    """The instant this many seconds after noon."""
    return AT + timedelta(seconds=seconds)


def tags(*names: str) -> tuple[Tag, ...]:
    """These tags."""
    return tuple(map(Tag.parse, names))


def index(name: str = "", **fields: object) -> Manifest:
    """An index without entries, so that it can be put anywhere. Its name makes it unique."""
    content = {"schemaVersion": 2, "annotations": {"name": name}, "manifests": [], **fields}
    return Manifest.read(json.dumps(content).encode(), OCI_INDEX)


def image(*blobs: Digest, **fields: object) -> Manifest:
    """An image of these blobs; the first is its configuration."""
    config, *layers = (descriptor(blob, CONFIG_TYPE) for blob in blobs)
    content = {"schemaVersion": 2, "config": config, "layers": layers, **fields}
    return Manifest.read(json.dumps(content).encode(), OCI_MANIFEST)


def descriptor(digest: Digest, media_type: str = OCI_INDEX) -> dict[str, object]:
    """A descriptor of content of four bytes."""
    return {"mediaType": media_type, "digest": str(digest), "size": 4}


async def pages(
    listing: Callable[[Page], Awaitable[Slice[Item]]], items: int, last: Callable[[Item], str]
) -> AsyncIterator[tuple[Item, ...]]:
    """The pages of a listing, each requested after the last item of the one before."""
    page = Page(items)
    while (part := await listing(page)).more:
        assert len(part.items) == items, "a page that is not the last must be full"
        yield part.items
        page = Page(items, last(part.items[-1]))
    yield part.items


async def walk(
    listing: Callable[[Page], Awaitable[Slice[Item]]], items: int, last: Callable[[Item], str]
) -> list[Item]:
    """All pages of a listing, joined."""
    return [item async for page in pages(listing, items, last) for item in page]
