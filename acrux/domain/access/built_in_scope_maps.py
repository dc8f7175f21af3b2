"""The scope maps that are always there, and how any of them is read."""

from typing import Final

from msgspec.structs import replace

from acrux.domain.access.scope_maps import ACTION_OF_PERMISSION, ADMINISTRATOR, ScopeMap


def _on_all(name: str, *permissions: str, catalog: bool = False) -> ScopeMap:
    return ScopeMap.parse(name, [f"repositories/*/{p}" for p in permissions], catalog=catalog)


# acr-protocol.md §4.4, and the administrator's.
SYSTEM_DEFINED: Final = {
    scope_map.name: scope_map
    for scope_map in (
        ADMINISTRATOR,
        _on_all("_repositories_admin", *ACTION_OF_PERMISSION, catalog=True),
        _on_all("_repositories_pull", "content/read"),
        # acr-protocol.md §4.1: anonymous callers list the catalog too.
        _on_all("_repositories_pull_metadata_read", "content/read", "metadata/read", catalog=True),
        _on_all("_repositories_push", "content/read", "content/write"),
        _on_all(
            "_repositories_push_metadata_write",
            "content/read",
            "content/write",
            "metadata/read",
            "metadata/write",
        ),
    )
}


def read(name: str, permissions: frozenset[str]) -> ScopeMap:
    """The scope map of this name: the system's own, or one of these permissions.

    They were checked when they were kept; what is no permission grants nothing. Whoever may do
    anything to any repository may list the catalog, which shows what they may see.
    """
    if name in SYSTEM_DEFINED:
        return SYSTEM_DEFINED[name]
    own = ScopeMap(name, permissions)
    return replace(own, catalog=True) if own.is_on_repositories else own
