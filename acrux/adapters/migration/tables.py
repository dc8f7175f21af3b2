"""The tables of the schema, as a migration copies their rows."""

from typing import Final

from msgspec import Struct

# Rows that are read and written at once. A manifest has up to 4 MiB.
ROWS: Final = 500
MANIFESTS: Final = 16


class Table(Struct, frozen=True):
    """A table: the columns of its primary key, the others, and which rows belong to the registry.

    `rows` is a condition; what it leaves out says something of the database itself.
    """

    name: str
    key: tuple[str, ...]
    others: tuple[str, ...]
    at_once: int = ROWS
    rows: str = "1 = 1"

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, those of the key first."""
        return (*self.key, *self.others)


def _table(name: str, key: str, others: str, at_once: int = ROWS, rows: str = "1 = 1") -> Table:
    return Table(name, tuple(key.split()), tuple(others.split()), at_once, rows)


# In the order of their foreign keys.
TABLES: Final = (
    _table(
        "repositories",
        "key",
        "created_at delete_enabled write_enabled list_enabled read_enabled name "
        "former_name deleted_at clear_at restorable",
    ),
    _table(
        "manifests",
        "repository digest",
        "media_type size image_size subject artifact_type config_media_type architecture "
        "os created_at updated_at delete_enabled write_enabled list_enabled read_enabled "
        "annotations entries content",
        at_once=16,
    ),
    _table("accounts", "name", "scope_map enabled epoch created_at kind changed_at"),
    _table(
        "audit_log",
        "id",
        "case_id proven account authentication_method peer repository request outcome "
        "status asked granted reason message facts correlation size",
    ),
    _table("audit_sizes", "account", "size"),
    _table("blob_links", "repository digest", "size created_at"),
    _table("deleted_manifests", "repository digest", "deleted_at expires_at"),
    _table("deleted_tags", "repository name digest", "deleted_at expires_at"),
    _table("facts", "name", "value", rows="name NOT IN ('oldest-schema', 'migrating', 'storage')"),
    _table("failures", "subject", "account address failed_at forgiven_at revision"),
    _table("holds", "repository digest principal", "until"),
    _table("known_places", "subject", "seen_at"),
    _table("manifest_references", "repository target digest", ""),
    _table("passwords", "account name", "hash created_at expires_at"),
    _table("policies", "kind name", "definition created_at changed_at"),
    _table("pulls", "repository reference", "pulled_at"),
    _table("reviews", "repository digest", "due_at"),
    _table("revocations", "account", "epoch"),
    _table("scope_maps", "name", "description permissions created_at changed_at"),
    _table("stored", "part", "blobs bytes"),
    _table(
        "tags",
        "repository name",
        "digest created_at updated_at delete_enabled write_enabled list_enabled read_enabled",
    ),
    _table(
        "trusts",
        "name",
        "issuer audience rules scope_map permissions lifetime enabled epoch created_at",
    ),
    _table("untagged", "repository digest", "since"),
    _table(
        "usage",
        "repository",
        "manifests manifest_bytes tags blobs blob_bytes manifests_to tags_to blobs_to",
    ),
    _table(
        "webhook_events",
        "webhook number",
        "id repository state event bytes since attempts last_attempt ended_at",
    ),
    _table("webhook_lanes", "webhook repository", "due_at failures"),
    _table(
        "webhooks",
        "name",
        "repository is_enabled definition created_at changed_at numbered waiting "
        "waiting_bytes dropped succeeded_at failing_since problem",
    ),
)

# Of a blob another copy is made, with a name of its own.
BLOBS: Final = _table("blobs", "digest", "size stored_at")

# What only the source needs: what it has to remove from its own store, uploads that are on their
# way into it, who works on it, and its secrets, which are sealed anew.
LEFT_OUT: Final = frozenset({"removals", "leases", "secrets", "uploads", "upload_segments"})
