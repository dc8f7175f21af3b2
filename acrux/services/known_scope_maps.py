"""Whether there is a scope map of a name; several services must know."""

from acrux.domain.access.built_in_scope_maps import SYSTEM_DEFINED
from acrux.errors import UnknownScopeMap
from acrux.ports.accounts import ScopeMaps


async def is_known(scope_maps: ScopeMaps, name: str) -> bool:
    """Whether it is built in, or somebody made it."""
    return name in SYSTEM_DEFINED or await scope_maps.find(name) is not None


async def check(scope_maps: ScopeMaps, name: str) -> None:
    """Raise UnknownScopeMap if there is none."""
    if not await is_known(scope_maps, name):
        raise UnknownScopeMap(name)
