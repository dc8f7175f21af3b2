"""Read the properties that ACR shows, and change locks."""

from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import MAX_COUNT, Order, Page, Slice
from acrux.domain.content.properties import ManifestProperties, RepositoryProperties, TagProperties
from acrux.ports.content.metadata import Properties as StoredProperties


class Properties:
    """What /acr/v1 shows, and what it lets callers lock (acr-protocol.md §5)."""

    def __init__(self, properties: StoredProperties) -> None:
        self._properties = properties

    async def repository(self, name: RepositoryName) -> RepositoryProperties:
        """The properties of a repository. Raises UnknownRepository."""
        return await self._properties.repository(name)

    async def change_repository(
        self, name: RepositoryName, change: AttributesChange
    ) -> RepositoryProperties:
        """Set some switches and return the new properties. Raises UnknownRepository."""
        await self._properties.change_repository(name, change)
        return await self._properties.repository(name)

    async def tag(self, repository: RepositoryName, tag: Tag) -> TagProperties:
        """The properties of a tag. Raises UnknownTag."""
        return await self._properties.tag(repository, tag)

    async def tags(
        self, repository: RepositoryName, page: Page, order: Order, digest: Digest | None
    ) -> Slice[TagProperties]:
        """A page of the tags, or of those that point at one manifest. Raises UnknownRepository."""
        return await self._properties.tags(repository, page, order, digest)

    async def change_tag(
        self, repository: RepositoryName, tag: Tag, change: AttributesChange
    ) -> TagProperties:
        """Set some switches and return the new properties. Raises UnknownTag."""
        await self._properties.change_tag(repository, tag, change)
        return await self._properties.tag(repository, tag)

    async def manifest(
        self, repository: RepositoryName, digest: Digest, tags: int = MAX_COUNT
    ) -> ManifestProperties:
        """The properties of a manifest, with its first `tags` tags. Raises UnknownManifest."""
        return await self._properties.manifest(repository, digest, tags)

    async def manifests(
        self, repository: RepositoryName, page: Page, order: Order, tags: int = MAX_COUNT
    ) -> Slice[ManifestProperties]:
        """A page of the manifests, each with its first `tags` tags. Raises UnknownRepository."""
        return await self._properties.manifests(repository, page, order, tags)

    async def change_manifest(
        self, repository: RepositoryName, digest: Digest, change: AttributesChange
    ) -> ManifestProperties:
        """Set some switches and return the new properties. Raises UnknownManifest."""
        await self._properties.change_manifest(repository, digest, change)
        return await self._properties.manifest(repository, digest)
