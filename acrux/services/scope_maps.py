"""Create, change and delete scope maps."""

from acrux.domain.instants import BEGINNING, to_microseconds
from acrux.domain.scope_maps import (
    MAX_DESCRIPTION_CHARACTERS,
    SYSTEM_DEFINED,
    check_name,
    check_permissions,
)
from acrux.errors import InvalidInput
from acrux.ports.accounts import Accounts, Revocations, StoredScopeMap
from acrux.ports.accounts import ScopeMaps as StoredScopeMaps
from acrux.ports.clock import Clock


class ScopeMaps:
    """The scope maps that accounts can have: the system's own, and those made here."""

    def __init__(
        self,
        scope_maps: StoredScopeMaps,
        accounts: Accounts,
        revocations: Revocations,
        clock: Clock,
    ) -> None:
        self._scope_maps = scope_maps
        self._accounts = accounts
        self._revocations = revocations
        self._clock = clock

    async def create(
        self, name: str, permissions: tuple[str, ...], description: str = ""
    ) -> StoredScopeMap:
        """Make a scope map of these permissions.

        Raises InvalidScope for what is outside the grammar, InvalidInput for a name that is taken.
        """
        check_name(name)
        _check_description(description)
        check_permissions(permissions)
        scope_map = StoredScopeMap(name, description, _unique(permissions), self._clock())
        if not await self._scope_maps.create(scope_map):
            raise InvalidInput(f"there is a scope map {name!r} already: update it")
        return scope_map

    async def show(self, name: str) -> StoredScopeMap:
        """The scope map of this name. Raises InvalidInput for an unknown one."""
        found = _system_defined(name) or await self._scope_maps.find(name)
        if found is None:
            raise _unknown(name)
        return found

    async def list(self) -> tuple[StoredScopeMap, ...]:
        """All scope maps by name, the system's own first."""
        system = (_system_defined(name) for name in sorted(SYSTEM_DEFINED))
        return (*(one for one in system if one), *await self._scope_maps.list())

    async def change(
        self,
        name: str,
        *,
        add: tuple[str, ...] = (),
        remove: tuple[str, ...] = (),
        description: str | None = None,
    ) -> StoredScopeMap:
        """Add and remove permissions. It holds at once: the tokens of whoever has the map end.

        Raises InvalidScope and InvalidInput as `create` does, and for a system-defined one.
        """
        _check_own(name)
        if description is not None:
            _check_description(description)
        check_permissions(add)
        kept = (p for p in (await self.show(name)).permissions if p not in remove)
        permissions = _unique((*kept, *add))
        check_permissions(permissions)
        await self._scope_maps.change(name, description=description, permissions=permissions)
        await self._accounts.revoke_holders(name, to_microseconds(self._clock()))
        await self._revocations.refresh()
        return await self.show(name)

    async def delete(self, name: str) -> None:
        """Remove it. Raises InvalidInput where there is none, or somebody has it."""
        _check_own(name)
        await self.show(name)
        if not await self._scope_maps.delete(name):
            raise InvalidInput(
                f"an account or a trust has the scope map {name!r}: give it another one first"
            )


def _system_defined(name: str) -> StoredScopeMap | None:
    if name not in SYSTEM_DEFINED:
        return None
    permissions = SYSTEM_DEFINED[name].permissions
    return StoredScopeMap(name, "system-defined", permissions, BEGINNING)


def _check_own(name: str) -> None:
    if name in SYSTEM_DEFINED:
        raise InvalidInput(f"{name!r} is system-defined and cannot be changed")


def _check_description(description: str) -> None:
    if len(description) > MAX_DESCRIPTION_CHARACTERS:
        raise InvalidInput(f"a description has at most {MAX_DESCRIPTION_CHARACTERS} characters")


def _unique(permissions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(permissions))


def _unknown(name: str) -> InvalidInput:
    return InvalidInput(f"there is no scope map {name!r}: see acrux scope-map list")
