"""The built-in scope maps, and how any scope map is read."""

from typing import Final

from msgspec.structs import replace

from acrux.domain.access.scope_maps import (
    ACTION_OF_METRICS,
    ACTION_OF_PERMISSION,
    ADMINISTRATOR,
    ScopeMap,
)


def _on_all(name: str, *permissions: str, catalog: bool = False) -> ScopeMap:
    return ScopeMap.parse(name, [f"repositories/*/{p}" for p in permissions], catalog=catalog)


# Those of acr-protocol.md §4.4, the administrator's, and that of a scraper of metrics.
SYSTEM_DEFINED: Final = {
    scope_map.name: scope_map
    for scope_map in (
        ADMINISTRATOR,
        _on_all("_repositories_admin", *ACTION_OF_PERMISSION, catalog=True),
        _on_all("_repositories_pull", "content/read"),
        # acr-protocol.md §4.1: anonymous callers can list the catalog too.
        _on_all("_repositories_pull_metadata_read", "content/read", "metadata/read", catalog=True),
        _on_all("_repositories_push", "content/read", "content/write"),
        _on_all(
            "_repositories_push_metadata_write",
            "content/read",
            "content/write",
            "metadata/read",
            "metadata/write",
        ),
        ScopeMap.parse("_metrics_read", ACTION_OF_METRICS),
    )
}


def read(name: str, permissions: frozenset[str]) -> ScopeMap:
    """The scope map with this name: a built-in one, or one with these permissions.

    Permissions are checked before they are stored; an invalid one grants nothing. A scope map with
    any permission on any repository can also list the catalog, which shows what it may see.
    """
    if name in SYSTEM_DEFINED:
        return SYSTEM_DEFINED[name]
    own = ScopeMap(name, permissions)
    return replace(own, catalog=True) if own.is_on_repositories else own
