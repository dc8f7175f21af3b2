"""The objects of /acr/v1, as ACR's clients read them."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from acrux.domain.content.attributes import Attributes
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Order
from acrux.domain.content.properties import ManifestProperties, RepositoryProperties, TagProperties
from acrux.domain.content.storage.deleted import DeletedManifest, DeletedTag
from acrux.domain.instants import to_microseconds

Json = dict[str, object]


def repository(registry: str, properties: RepositoryProperties) -> Json:
    """A repository (acr-protocol.md §5.2), and what is ours: `size`, `lastPullTime`."""
    return {
        "registry": registry,
        "imageName": properties.name,
        "createdTime": _instant(properties.created_at),
        "lastUpdateTime": _instant(properties.updated_at),
        "manifestCount": properties.manifest_count,
        "tagCount": properties.tag_count,
        **({} if properties.size is None else {"size": properties.size}),
        **_last_pull(properties.pulled_at),
        "changeableAttributes": _switches(properties.attributes),
    }


def within(registry: str, repository: RepositoryName, key: str, content: object) -> Json:
    """An item of a repository, or a list of items. An empty list is null, as acr-cli expects."""
    return {"registry": registry, "imageName": str(repository), key: content}


def tag(properties: TagProperties) -> Json:
    """A tag (acr-protocol.md §5.3), and `lastPullTime`, which is ours, if it was pulled."""
    return {
        "name": properties.name,
        "digest": properties.digest,
        "createdTime": _instant(properties.created_at),
        "lastUpdateTime": _instant(properties.updated_at),
        **_last_pull(properties.pulled_at),
        "signed": False,
        "changeableAttributes": _switches(properties.attributes),
    }


def manifest(properties: ManifestProperties) -> Json:
    """A manifest (acr-protocol.md §5.4), and `lastPullTime`; missing properties are left out."""
    entries = [
        _present({"digest": entry.digest, "architecture": entry.architecture, "os": entry.os})
        for entry in properties.entries
    ]
    optional = {
        "architecture": properties.platform.architecture,
        "os": properties.platform.os,
        "configMediaType": properties.config_media_type,
        "tags": properties.tags,
        "references": entries,
    }
    return {
        "digest": properties.digest,
        "imageSize": properties.size,
        "createdTime": _instant(properties.created_at),
        "lastUpdateTime": _instant(properties.updated_at),
        **_last_pull(properties.pulled_at),
        "mediaType": properties.media_type,
        **_present(optional),
        "changeableAttributes": _switches(properties.attributes),
    }


def deleted_manifest(manifest: DeletedManifest) -> Json:
    """A deleted manifest. az computes `expiresAfter` by itself, from the days of the registry."""
    return {
        "digest": manifest.digest,
        "imageSize": manifest.size,
        "createdTime": _instant(manifest.created_at),
        "lastUpdateTime": _instant(manifest.updated_at),
        "mediaType": manifest.media_type,
        "deletedAt": _instant(manifest.deleted_at),
        "expiresAfter": _instant(manifest.expires_at),
    }


def deleted_tag(tag: DeletedTag) -> Json:
    """A deleted tag."""
    return {
        "tag": tag.name,
        "digest": tag.digest,
        "deletedAt": _instant(tag.deleted_at),
        "expiresAfter": _instant(tag.expires_at),
    }


def path(repository: RepositoryName, listing: str) -> str:
    """The path of a listing; ACR writes the name's slashes as %2F in its links."""
    return f"/acr/v1/{quote(str(repository), safe='')}/{listing}"


def place(name: str, at: datetime, order: Order) -> str:
    """Where a listing continues after this item.

    In an order of time it includes the time: acr-cli deletes a page before it requests the next
    one, and then the name alone points at nothing.
    """
    if order is Order.BY_NAME:
        return name
    return f"{name}@{to_microseconds(at)}"


def _present(values: Mapping[str, object]) -> Json:
    return {name: value for name, value in values.items() if value}


def _last_pull(pulled_at: datetime | None) -> Json:
    return {"lastPullTime": _instant(pulled_at)} if pulled_at else {}


def _switches(attributes: Attributes) -> Json:
    # Always all four: acr-cli dereferences them (acr-protocol.md §0.3, rule 25).
    return {
        "deleteEnabled": attributes.delete_enabled,
        "writeEnabled": attributes.write_enabled,
        "readEnabled": attributes.read_enabled,
        "listEnabled": attributes.list_enabled,
    }


def _instant(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
