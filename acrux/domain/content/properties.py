"""What ACR shows of repositories, tags and manifests."""

from datetime import datetime

from msgspec import Struct

from acrux.domain.content.attributes import Attributes
from acrux.domain.content.manifest import Platform


class RepositoryProperties(Struct, frozen=True):
    """What /acr/v1 shows of a repository (acr-protocol.md §5.2).

    `size` is that of all it holds, in bytes, each blob once; None until it is counted. `pulled_at`
    is the minute of the last pull of anything in it; None if none is known.
    """

    name: str
    created_at: datetime
    updated_at: datetime
    manifest_count: int
    tag_count: int
    attributes: Attributes
    size: int | None = None
    pulled_at: datetime | None = None


class TagProperties(Struct, frozen=True):
    """What /acr/v1 shows of a tag (acr-protocol.md §5.3).

    `pulled_at` is the minute of the last pull by this tag; None if none is known.
    """

    name: str
    digest: str
    created_at: datetime
    updated_at: datetime
    attributes: Attributes
    pulled_at: datetime | None = None


class Entry(Struct, frozen=True):
    """A manifest that an index names, and its platform."""

    digest: str
    architecture: str
    os: str


class ManifestProperties(Struct, frozen=True):
    """What /acr/v1 shows of a manifest (acr-protocol.md §5.4). `size` is in bytes.

    `pulled_at` is the minute of the last pull, by a tag or by its digest; None if none is known.
    """

    digest: str
    media_type: str
    config_media_type: str
    size: int
    created_at: datetime
    updated_at: datetime
    platform: Platform
    entries: tuple[Entry, ...]
    tags: tuple[str, ...]
    attributes: Attributes
    pulled_at: datetime | None = None
