"""The objects of the operations about rights."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from acrux.domain.audit import simulation
from acrux.services.audit import holdings, least_privilege, simulations
from acrux.services.audit.holdings import Kind


class HeldAction(Struct, rename="camel", kw_only=True):
    """An action, and the permission of the scope map that grants it; empty if none does."""

    action: str
    held: bool
    permission: str


class Holder(Struct, rename="camel", kw_only=True):
    """Who may do what on the repository.

    With `dependsOnClaims`, identities of this trust may hold more, by their claims.
    """

    name: str
    kind: Kind
    status: Literal["enabled", "disabled"]
    scope_map_id: str
    depends_on_claims: bool
    actions: list[HeldAction]


class HolderList(Struct):
    """A page of them, by name."""

    value: list[Holder]


class Effect(Struct, rename="camel", kw_only=True):
    """Requests of an account that would end otherwise; `request` and `case` are the newest's."""

    account: str
    scopes: list[str]
    requests: int
    last_time: datetime
    request: str
    case: str


class Simulation(Struct, rename="camel", kw_only=True):
    """What a change would mean for the records of the audit log from `since` on.

    `last` is empty if that is all of the last 30 days; otherwise, a call with it goes on with
    earlier records. `unknown` counts records that cannot be judged, and `omitted` requests that
    belong to neither list for lack of room.
    """

    since: datetime
    examined: int
    judged: int
    unknown: int
    omitted: int
    last: str
    would_be_refused: list[Effect]
    would_be_allowed: list[Effect]


class Use(Struct, rename="camel", kw_only=True):
    """A permission that was needed. With `onlyTokens`, tokens hold it, but no use is recorded."""

    permission: str
    requests: int
    last_time: datetime
    only_tokens: bool


class LeastPrivilege(Struct, rename="camel", kw_only=True):
    """The `actions` of a scope map that covers what the account did, and no more.

    `unknown` counts records that do not say what was needed.
    """

    account: str
    since: datetime
    examined: int
    complete: bool
    omitted: int
    unknown: int
    actions: list[str]
    uses: list[Use]


def holder(one: holdings.Holding) -> Holder:
    """Who may do what."""
    return Holder(
        name=one.name,
        kind=one.kind,
        status="enabled" if one.is_enabled else "disabled",
        scope_map_id=one.scope_map,
        depends_on_claims=one.depends_on_claims,
        actions=[
            HeldAction(action=right.action, held=right.is_held, permission=right.permission)
            for right in one.rights
        ],
    )


def report(found: simulations.Report) -> Simulation:
    """What a change would mean."""
    return Simulation(
        since=found.since,
        examined=found.examined,
        judged=found.judged,
        unknown=found.unknown,
        omitted=found.omitted,
        last=found.last,
        would_be_refused=list(map(_effect, found.refused)),
        would_be_allowed=list(map(_effect, found.allowed)),
    )


def used(account: str, found: least_privilege.Used) -> LeastPrivilege:
    """What an account needed."""
    return LeastPrivilege(
        account=account,
        since=found.since,
        examined=found.examined,
        complete=found.is_complete,
        omitted=found.omitted,
        unknown=found.unknown,
        actions=[use.permission for use in found.uses],
        uses=[
            Use(
                permission=use.permission,
                requests=use.requests,
                last_time=use.last_at,
                only_tokens=use.only_tokens,
            )
            for use in found.uses
        ],
    )


def _effect(one: simulation.Effect) -> Effect:
    return Effect(
        account=one.account,
        scopes=list(map(str, one.scopes)),
        requests=one.requests,
        last_time=one.last_at,
        request=one.request,
        case=one.case,
    )
