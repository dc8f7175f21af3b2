"""All handlers about space."""

from dataclasses import dataclass
from typing import Self

from acrux.http.management.storage.collection import CollectionManagement
from acrux.http.management.storage.deleted import DeletedManagement
from acrux.http.management.storage.usage import UsageManagement
from acrux.services.content.collection import Collection
from acrux.services.content.deleted import DeletedContent
from acrux.services.content.space import Space


@dataclass(frozen=True, slots=True)
class StorageHandlers:
    """The handlers of everything about space."""

    collection: CollectionManagement
    usage: UsageManagement
    deleted: DeletedManagement

    @classmethod
    def on(cls, collection: Collection, space: Space, deleted: DeletedContent) -> Self:
        """The handlers of these services."""
        return cls(
            CollectionManagement(collection, space),
            UsageManagement(space),
            DeletedManagement(deleted),
        )
