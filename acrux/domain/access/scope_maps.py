"""The scope maps that are always there, and what makes one valid."""

import re
from typing import Final

from msgspec.structs import replace

from acrux.domain.access.grants import ACTION_OF_PERMISSION, ADMINISTRATOR, ScopeMap
from acrux.errors import InvalidScope

# acr-protocol.md §4.3: 5 to 50 letters, digits, hyphens and underscores; one that begins with an
# underscore is the system's.
_NAME = re.compile(r"[a-zA-Z0-9-][a-zA-Z0-9_-]{4,49}")

MAX_DESCRIPTION_CHARACTERS: Final = 256
MAX_PERMISSIONS: Final = 500


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


def check_name(name: str) -> None:
    """Raise InvalidScope where a scope map of one's own cannot have this name."""
    if _NAME.fullmatch(name) is None:
        raise InvalidScope(
            "a scope map's name has 5 to 50 letters, digits, - and _, and does not begin with _",
            scope_map=name[:60],
        )


def check_permissions(permissions: tuple[str, ...]) -> None:
    """Raise InvalidScope where one of them is none, or there are too many."""
    if len(permissions) > MAX_PERMISSIONS:
        raise InvalidScope(f"a scope map holds at most {MAX_PERMISSIONS} permissions")
    ScopeMap.parse("", permissions)


def read(name: str, permissions: frozenset[str]) -> ScopeMap:
    """The scope map of this name: the system's own, or one of these permissions.

    They were checked when they were kept; what is no permission grants nothing. Whoever may do
    anything to any repository may list the catalog, which shows what they may see.
    """
    if name in SYSTEM_DEFINED:
        return SYSTEM_DEFINED[name]
    own = ScopeMap(name, permissions)
    return replace(own, catalog=True) if own.is_on_repositories else own
