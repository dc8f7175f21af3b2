"""What was deleted and can be restored, and what to restore."""

from datetime import datetime

from msgspec import Struct

from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag


class DeletedManifest(Struct, frozen=True):
    """A manifest that can be restored until it expires."""

    digest: str
    media_type: str
    size: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime
    expires_at: datetime


class DeletedTag(Struct, frozen=True):
    """A tag that can be restored until it expires, if its manifest is there or can be restored."""

    name: str
    digest: str
    deleted_at: datetime
    expires_at: datetime


class Restoration(Struct, frozen=True):
    """A manifest to restore.

    `tag` points at it afterwards; without one, the tags do that were deleted with it and are free.
    `force` moves a tag that points at another manifest by now.
    """

    repository: RepositoryName
    digest: Digest
    tag: Tag | None = None
    force: bool = False
