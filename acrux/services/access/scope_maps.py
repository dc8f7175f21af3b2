"""Create, change and delete scope maps."""

from acrux.domain.access.built_in_scope_maps import SYSTEM_DEFINED
from acrux.domain.access.scope_maps import (
    MAX_DESCRIPTION_CHARACTERS,
    check_name,
    check_permissions,
    entity_tag,
)
from acrux.domain.content.page import Page, Slice
from acrux.domain.instants import BEGINNING, to_microseconds
from acrux.errors import ChangedMeanwhile, InvalidInput, NameTaken, StillInUse, UnknownName
from acrux.ports.accounts import Revocations, StoredScopeMap
from acrux.ports.accounts import ScopeMaps as StoredScopeMaps
from acrux.ports.clock import Clock


class ScopeMaps:
    """The scope maps that accounts can have: the built-in ones, and those created here."""

    def __init__(
        self,
        scope_maps: StoredScopeMaps,
        revocations: Revocations,
        clock: Clock,
    ) -> None:
        self._scope_maps = scope_maps
        self._revocations = revocations
        self._clock = clock

    async def create(
        self, name: str, permissions: tuple[str, ...], description: str = ""
    ) -> StoredScopeMap:
        """Create a scope map with these permissions.

        Raises InvalidScope for an invalid name or permission, InvalidInput for an invalid
        description, and NameTaken.
        """
        check_name(name)
        _check_description(description)
        check_permissions(permissions)
        now = self._clock()
        # An account may name this scope map already, as users of a file do. Until now that gave it
        # no rights.
        scope_map = StoredScopeMap(name, description, _unique(permissions), now, changed_at=now)
        if not await self._scope_maps.create(scope_map):
            raise NameTaken(f"there is a scope map {name!r} already: update it")
        return scope_map

    async def ensure(
        self, name: str, permissions: tuple[str, ...], description: str
    ) -> StoredScopeMap:
        """Create a scope map, or take the one with this name if it has the same permissions.

        Raises as `create` does; NameTaken only if it has others.
        """
        try:
            return await self.create(name, permissions, description)
        except NameTaken:
            there = await self.show(name)
            if set(there.permissions) != set(permissions):
                raise NameTaken(
                    f"there is a scope map {name!r} already, with other permissions: use it with "
                    "--scope-map, change it with acrux scope-map update, or delete it"
                ) from None
            return there

    async def set(
        self, name: str, permissions: tuple[str, ...], description: str
    ) -> StoredScopeMap:
        """Give the scope map with this name these permissions; create it if there is none.

        Raises as `create` does, and never NameTaken.
        """
        try:
            return await self.create(name, permissions, description)
        except NameTaken:
            return await self.change(name, permissions=permissions, description=description)

    async def show(self, name: str) -> StoredScopeMap:
        """The scope map with this name. Raises UnknownName."""
        found = _system_defined(name) or await self._scope_maps.find(name)
        if found is None:
            raise _unknown(name)
        return found

    async def page(self, page: Page) -> Slice[StoredScopeMap]:
        """A page of all scope maps, sorted by name, the built-in ones among them."""
        own = await self._scope_maps.page(page)
        last = own.items[-1].name if own.more else None
        system = [
            one
            for name in SYSTEM_DEFINED
            if name > page.last and (last is None or name < last) and (one := _system_defined(name))
        ]
        found = sorted((*own.items, *system), key=lambda one: one.name)
        more = own.more or len(found) > page.items > 0
        return Slice(tuple(found[: page.items]), more)

    async def change(
        self,
        name: str,
        *,
        permissions: tuple[str, ...] | None = None,
        add: tuple[str, ...] = (),
        remove: tuple[str, ...] = (),
        description: str | None = None,
        tag: str | None = None,
    ) -> StoredScopeMap:
        """Set its permissions, or add and remove some.

        It takes effect at once. If the scope map then holds less, the tokens of all that have it
        are revoked. If `tag` is given, it must still be the scope map's `entity_tag`. Raises
        InvalidScope and InvalidInput as `create` does, UnknownName, ChangedMeanwhile, and
        InvalidInput for a built-in scope map.
        """
        _check_own(name)
        seen = None if tag is None else await self._seen(name, tag)
        if description is not None:
            _check_description(description)
        check_permissions(add)
        before = (await self.show(name)).permissions if permissions is None else permissions
        after = _unique((*(text for text in before if text not in remove), *add))
        check_permissions(after)
        if not await self._scope_maps.change(
            name,
            to_microseconds(self._clock()),
            description=description,
            permissions=after,
            was=seen,
        ):
            raise _unknown(name) if seen is None else _changed(name)
        await self._revocations.refresh()
        return await self.show(name)

    async def _seen(self, name: str, tag: str) -> StoredScopeMap:
        found = await self.show(name)
        if entity_tag(found.description, found.permissions) != tag:
            raise _changed(name)
        return found

    async def delete(self, name: str) -> None:
        """Remove it.

        Raises UnknownName, StillInUse if an account or a trust has it, and InvalidInput for a
        built-in scope map.
        """
        _check_own(name)
        await self.show(name)
        if not await self._scope_maps.delete(name):
            raise StillInUse(
                f"an account or a trust uses the scope map {name!r}: give it another one first"
            )


def _system_defined(name: str) -> StoredScopeMap | None:
    if name not in SYSTEM_DEFINED:
        return None
    permissions = SYSTEM_DEFINED[name].ordered_permissions
    return StoredScopeMap(name, "system-defined", permissions, BEGINNING)


def _check_own(name: str) -> None:
    if name in SYSTEM_DEFINED:
        raise InvalidInput(f"{name!r} is system-defined and cannot be changed")


def _check_description(description: str) -> None:
    if len(description) > MAX_DESCRIPTION_CHARACTERS:
        raise InvalidInput(f"a description has at most {MAX_DESCRIPTION_CHARACTERS} characters")
    if "\x00" in description:  # of our databases, only SQLite can store it
        raise InvalidInput("a description must not contain a NUL character")


def _unique(permissions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(permissions))


def _unknown(name: str) -> UnknownName:
    return UnknownName(f"there is no scope map {name!r}: see acrux scope-map list")


def _changed(name: str) -> ChangedMeanwhile:
    return ChangedMeanwhile(f"somebody else has changed the scope map {name!r}: read it again")
