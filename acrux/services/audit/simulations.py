"""Try a change of rights on what the audit log holds, before it is made."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from acrux.domain.access import built_in_scope_maps, federated
from acrux.domain.access.federated import FederatedIdentity
from acrux.domain.access.grants import ANONYMOUS
from acrux.domain.access.scope_maps import ScopeMap, check_permissions
from acrux.domain.access.trust import Trust, placeholders, scope_map_of
from acrux.domain.audit.decision import ANONYMOUS_CALLER, Decision, Search
from acrux.domain.audit.simulation import Effect, Simulation
from acrux.errors import UnknownName, UnknownScopeMap
from acrux.ports.accounts import Accounts, ScopeMaps
from acrux.ports.audit_log import AuditLog
from acrux.ports.clock import Clock, Rest
from acrux.ports.federation import Trusts
from acrux.services.recent_records import RecentRecords


class Unknown(Struct, frozen=True):
    """The record does not hold enough to say what the caller would have had."""


Maps: TypeAlias = tuple[ScopeMap, ScopeMap]
Held: TypeAlias = Callable[[Decision], Awaitable[Maps | Unknown | None]]


class Report(Struct, frozen=True):
    """What the change would have meant for the records from `since` on.

    If `last` is not empty, earlier records are left: another call goes on before it. `judged`
    counts the records of those who have the rights, and `unknown` those that cannot be judged.
    """

    since: datetime
    examined: int
    judged: int
    unknown: int
    omitted: int
    refused: tuple[Effect, ...]
    allowed: tuple[Effect, ...]
    last: str = ""


class Simulations:
    """Tries changes of scope maps and trusts; `turn` is as RecentRecords has it.

    Nothing is changed.
    """

    def __init__(
        self,
        audit_log: AuditLog,
        accounts: Accounts,
        trusts: Trusts,
        scope_maps: ScopeMaps,
        clock: Clock,
        turn: Rest,
    ) -> None:
        self._audit_log = audit_log
        self._accounts = accounts
        self._trusts = trusts
        self._scope_maps = scope_maps
        self._clock = clock
        self._turn = turn

    async def of_scope_map(
        self, name: str, permissions: tuple[str, ...], before: str = ""
    ) -> Report:
        """What it would mean if the scope map had these permissions; from the record `before` on.

        Everybody counts who has the scope map now. Raises InvalidScope, and UnknownName for a
        scope map that is built in or does not exist.
        """
        check_permissions(permissions)
        stored = await self._scope_maps.find(name)
        if stored is None:
            raise UnknownName(f"there is no scope map {name!r} that can be changed")
        maps = (
            built_in_scope_maps.read(name, frozenset(stored.permissions)),
            built_in_scope_maps.read(name, frozenset(permissions)),
        )
        named: dict[str, str] = {}  # of accounts: a run meets no more of them than records

        async def held(decision: Decision) -> Maps | Unknown | None:
            account = decision.account
            if account not in named:
                named[account] = await self._scope_map_of(account)
            if named[account] != name:
                return None
            return _anonymous(maps) if account == ANONYMOUS_CALLER else maps

        return await self._run(held, before)

    async def of_trust(
        self, name: str, change: Callable[[Trust], Trust], before: str = ""
    ) -> Report:
        """As `of_scope_map`, if the trust were changed to grant something else.

        Its rules for claims cannot be tried: the audit log holds no claims. Raises InvalidInput,
        InvalidScope, UnknownName and UnknownScopeMap.
        """
        stored = await self._trusts.find(name)
        if stored is None:
            raise UnknownName(f"there is no trust {name!r}")
        now, then = stored.trust, change(stored.trust)
        then.check()
        permissions = await self._permissions(then.scope_map)

        async def held(decision: Decision) -> Maps | Unknown | None:
            identity = federated.named(decision.account, tuple(decision.facts.items()))
            if identity is None or identity.trust != name:
                return None
            if not (_has_values(now, identity) and _has_values(then, identity)):
                return Unknown()
            return (
                scope_map_of(now, stored.permissions, identity),
                scope_map_of(then, permissions, identity),
            )

        return await self._run(held, before)

    async def _run(self, held: Held, before: str) -> Report:
        simulation = Simulation()
        recent = RecentRecords(
            self._audit_log, self._clock, self._turn, Search(before=before or None)
        )
        async for record in recent:
            maps = await held(record.decision)
            if isinstance(maps, Unknown):
                simulation.pass_over()
            elif maps is not None:
                simulation.judge(record, *maps)
        return Report(
            recent.since,
            recent.examined,
            simulation.judged,
            simulation.unknown,
            simulation.omitted,
            simulation.refused,
            simulation.allowed,
            recent.last,
        )

    async def _scope_map_of(self, account: str) -> str:
        if identity := federated.named(account, ()):
            trust = await self._trusts.find(identity.trust)
            return trust.trust.scope_map if trust else ""
        is_anonymous = account == ANONYMOUS_CALLER
        found = await self._accounts.find(ANONYMOUS.name if is_anonymous else account)
        return found.scope_map if found else ""

    async def _permissions(self, scope_map: str) -> tuple[str, ...]:
        if not scope_map or scope_map in built_in_scope_maps.SYSTEM_DEFINED:
            return ()
        found = await self._scope_maps.find(scope_map)
        if found is None:
            raise UnknownScopeMap(scope_map)
        return found.permissions


def _anonymous(maps: Maps) -> Maps:
    before, after = maps
    return before.for_anonymous, after.for_anonymous


def _has_values(trust: Trust, identity: FederatedIdentity) -> bool:
    return set(placeholders(trust.permissions)) <= dict(identity.values).keys()
