"""Create, change and delete policies of every kind."""

from collections.abc import Callable

from acrux.domain.content.policies.definition import MAX_POLICIES, Policy
from acrux.errors import InvalidInput, NameTaken, UnknownName
from acrux.ports.clock import Clock
from acrux.ports.content.policies import Kind, StoredPolicy
from acrux.ports.content.policies import Policies as StoredPolicies


class Policies:
    """The registry's retention rules, write-once policies, quotas and soft-delete policies.

    A change takes effect with the next transaction that obeys it.
    """

    def __init__(self, policies: StoredPolicies, clock: Clock) -> None:
        self._policies = policies
        self._clock = clock

    async def create(self, policy: Kind) -> StoredPolicy[Kind]:
        """Create a policy.

        Raises InvalidInput if it is invalid, or there are too many of its kind, and NameTaken.
        """
        policy.check()
        if not await self._policies.create(policy, self._clock(), MAX_POLICIES):
            if await self.find(type(policy), policy.name):
                raise NameTaken(
                    f"there is a {policy.title} {policy.name!r} already: update or delete it"
                )
            raise InvalidInput(
                f"a registry has at most {MAX_POLICIES} policies of a kind: delete one first"
            )
        return await self.show(type(policy), policy.name)

    async def show(self, kind: type[Kind], name: str) -> StoredPolicy[Kind]:
        """The policy of this kind with this name. Raises UnknownName."""
        found = await self.find(kind, name)
        if found is None:
            raise _unknown(kind, name)
        return found

    async def find(self, kind: type[Kind], name: str) -> StoredPolicy[Kind] | None:
        """The policy of this kind with this name, None if there is none."""
        return await self._policies.find(kind, name)

    async def list(self, kind: type[Kind]) -> tuple[StoredPolicy[Kind], ...]:
        """All policies of this kind by name, at most MAX_POLICIES."""
        return await self._policies.list(kind)

    async def change(
        self, kind: type[Kind], name: str, change: Callable[[Kind], Kind]
    ) -> StoredPolicy[Kind]:
        """Replace the policy by what `change` returns, which must keep its name.

        Raises UnknownName, and InvalidInput as `create` does. Raises InvalidInput also if somebody
        else changes it at the same time.
        """
        old = (await self.show(kind, name)).policy
        return await self.replace(old, change(old))

    async def replace(self, old: Kind, new: Kind) -> StoredPolicy[Kind]:
        """Replace a policy by one of the same name, and fail as `change` does."""
        new.check()
        if not await self._policies.replace(new, old, self._clock()):
            raise InvalidInput(
                f"somebody else changed the {new.title} {new.name!r} meanwhile: check it, and try "
                "again"
            )
        return await self.show(type(new), new.name)

    async def put(self, policy: Kind) -> StoredPolicy[Kind]:
        """Create it, or replace the one of its name. Raises InvalidInput as `change` does."""
        if await self.find(type(policy), policy.name):
            return await self.change(type(policy), policy.name, lambda _: policy)
        return await self.create(policy)

    async def delete(self, kind: type[Policy], name: str) -> None:
        """Remove the policy. Raises UnknownName."""
        if not await self._policies.delete(kind, name):
            raise _unknown(kind, name)


def _unknown(kind: type[Policy], name: str) -> UnknownName:
    return UnknownName(f"there is no {kind.title} {name!r}: list them")
