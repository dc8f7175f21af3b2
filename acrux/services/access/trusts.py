"""Create, change and delete trusts in external OpenID issuers."""

from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace

from acrux.domain.access.trust import Trust
from acrux.domain.instants import to_microseconds
from acrux.errors import InvalidInput, NameTaken, UnknownName
from acrux.ports.accounts import Revocations, ScopeMaps
from acrux.ports.clock import Clock
from acrux.ports.federation import StoredTrust
from acrux.ports.federation import Trusts as StoredTrusts
from acrux.services import known_scope_maps


class Trusts:
    """The registry's trusts. A change revokes the trust's tokens, unless it only gives more.

    This takes effect on every worker within a second. `longest` is how long refresh tokens live.
    """

    def __init__(
        self,
        trusts: StoredTrusts,
        scope_maps: ScopeMaps,
        revocations: Revocations,
        clock: Clock,
        longest: timedelta,
    ) -> None:
        self._trusts = trusts
        self._scope_maps = scope_maps
        self._revocations = revocations
        self._clock = clock
        self._longest = longest

    @property
    def longest(self) -> timedelta:
        """The longest lifetime that a trust may have."""
        return self._longest

    async def create(self, trust: Trust) -> StoredTrust:
        """Create a trust; it takes effect at once.

        Raises InvalidInput if the trust is invalid or would accept anybody, InvalidScope for
        invalid permissions, and NameTaken.
        """
        await self._check(trust)
        created = StoredTrust(trust, self._epoch(), self._clock())
        if not await self._trusts.create(created):
            raise NameTaken(f"there is a trust {trust.name!r} already: update or delete it")
        return await self.show(trust.name)

    async def show(self, name: str) -> StoredTrust:
        """The trust with this name. Raises UnknownName."""
        found = await self._trusts.find(name)
        if found is None:
            raise _unknown(name)
        return found

    async def list(self) -> tuple[StoredTrust, ...]:
        """All trusts by name."""
        return await self._trusts.list()

    async def change(self, name: str, change: Callable[[Trust], Trust]) -> StoredTrust:
        """Replace the trust by what `change` returns; its name stays.

        Raises UnknownName, InvalidInput and InvalidScope as `create` does. Raises InvalidInput also
        if somebody else changes it at the same time: their change, such as disabling it, must not
        be undone unnoticed.
        """
        old = await self.show(name)
        changed = replace(change(old.trust), name=name)
        await self._check(changed)
        if not await self._trusts.replace(changed, self._epoch(), old.epoch):
            raise InvalidInput(
                f"somebody else changed the trust {name!r} meanwhile: check it, and try again"
            )
        await self._revocations.refresh()  # this worker knows at once, the others soon
        return await self.show(name)

    async def delete(self, name: str) -> None:
        """Remove the trust. Raises UnknownName."""
        if not await self._trusts.delete(name, self._epoch()):
            raise _unknown(name)
        await self._revocations.refresh()

    async def _check(self, trust: Trust) -> None:
        trust.check()
        if trust.lifetime > self._longest:
            raise InvalidInput(
                f"a trust's lifetime must not exceed that of refresh tokens, {self._longest}: see "
                "the setting refresh_token_seconds"
            )
        if trust.scope_map:
            await known_scope_maps.check(self._scope_maps, trust.scope_map)

    def _epoch(self) -> int:
        return to_microseconds(self._clock())


def _unknown(name: str) -> UnknownName:
    return UnknownName(f"there is no trust {name!r}: see acrux trust list")
