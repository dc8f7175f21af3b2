"""What recorded requests would have met, had a scope map been another one."""

from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from acrux.domain.access.reason import Reason
from acrux.domain.access.scope import Scope
from acrux.domain.access.scope_maps import ScopeMap
from acrux.domain.audit.decision import Outcome, Record
from acrux.domain.audit.needs import lacking, needed, tells_needs

MAX_EFFECTS: Final = 200  # of each kind: an account may have asked for very many repositories


class Effect(Struct, frozen=True):
    """Requests of one account that would end otherwise, because of the same scopes.

    `request` and `case` are those of the newest, at `last_at`.
    """

    account: str
    scopes: tuple[Scope, ...]
    requests: int
    last_at: datetime
    request: str
    case: str


class Simulation:
    """Counts the requests that would end otherwise. Records come in any order.

    `refused` succeeded and would be refused, or for a token get less; `allowed` the other way
    round. Of each kind MAX_EFFECTS are kept; `omitted` counts the requests of the others.
    """

    def __init__(self) -> None:
        self._refused: dict[tuple[str, tuple[Scope, ...]], Effect] = {}
        self._allowed: dict[tuple[str, tuple[Scope, ...]], Effect] = {}
        self.judged = 0
        self.unknown = 0
        self.omitted = 0

    @property
    def refused(self) -> tuple[Effect, ...]:
        """What succeeded and would be refused, those with most requests first."""
        return _sorted(self._refused)

    @property
    def allowed(self) -> tuple[Effect, ...]:
        """What was refused and would succeed, those with most requests first."""
        return _sorted(self._allowed)

    def pass_over(self) -> None:
        """Count a record of which the audit log does not hold enough to judge it."""
        self.unknown += 1

    def judge(self, record: Record, before: ScopeMap, after: ScopeMap) -> None:
        """Compare what the record's request would have met with either scope map."""
        decision, scopes = record.decision, needed(record.decision)
        is_refusal = decision.reason == Reason.MISSING_SCOPE
        if decision.outcome is Outcome.GRANTED and not tells_needs(decision):
            self.pass_over()
        if not scopes or not (is_refusal or decision.outcome is Outcome.GRANTED):
            return
        self.judged += 1
        was, would = lacking(before, scopes), lacking(after, scopes)
        if is_refusal and was and not would:
            self._count(self._allowed, record, was)
        elif not is_refusal and (lost := tuple(scope for scope in would if scope not in was)):
            self._count(self._refused, record, lost)

    def _count(
        self,
        effects: dict[tuple[str, tuple[Scope, ...]], Effect],
        record: Record,
        scopes: tuple[Scope, ...],
    ) -> None:
        decision = record.decision
        key = (decision.account, scopes)
        found = effects.get(key)
        if found is None and len(effects) >= MAX_EFFECTS:
            self.omitted += 1
            return
        if found is None or found.last_at < record.at:
            requests = found.requests if found else 0
            found = Effect(
                decision.account, scopes, requests, record.at, decision.request, decision.case
            )
        effects[key] = replace(found, requests=found.requests + 1)


def _sorted(effects: dict[tuple[str, tuple[Scope, ...]], Effect]) -> tuple[Effect, ...]:
    return tuple(sorted(effects.values(), key=lambda one: (-one.requests, one.account)))
