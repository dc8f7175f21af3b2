"""Say why a request was refused, and what would let it pass."""

from datetime import datetime

from acrux.domain.access import built_in_scope_maps, federated
from acrux.domain.access.federated import FederatedIdentity
from acrux.domain.access.grants import ANONYMOUS
from acrux.domain.access.trust import scope_map_of
from acrux.domain.audit import explain as explaining
from acrux.domain.audit.case_id import CaseId
from acrux.domain.audit.decision import ANONYMOUS_CALLER, Decision
from acrux.domain.audit.refusal import HeldPassword, Holder, Refusal
from acrux.domain.audit.rights import Explanation
from acrux.domain.instants import BEGINNING, from_microseconds
from acrux.errors import UnknownCase
from acrux.ports.accounts import AccountKind, Accounts, ScopeMaps
from acrux.ports.audit_log import AuditLog
from acrux.ports.federation import Trusts


class Explanations:
    """Explains refusals from the audit log, with the accounts and scope maps as they are now."""

    def __init__(
        self, audit_log: AuditLog, accounts: Accounts, trusts: Trusts, scope_maps: ScopeMaps
    ) -> None:
        self._audit_log = audit_log
        self._accounts = accounts
        self._trusts = trusts
        self._scope_maps = scope_maps

    async def explain(self, text: str) -> Explanation:
        """Why the case with this id was refused.

        Raises InvalidInput if the text is not an id, and UnknownCase if there is no record of it.
        """
        case = CaseId.parse(text)
        if case.is_unrecorded:
            return explaining.explain_unrecorded(case, await self._account(ANONYMOUS.name))
        record = await self._audit_log.find(case.text)
        if record is None:
            raise UnknownCase(
                "there is no record of this case: check the id. The case may be too old, less than "
                "a second old, or dropped as one of too many",
                case=case.text,
            )
        holder = await self._holder(record.decision)
        return explaining.explain(Refusal(case.text, record.at, record.decision, holder))

    async def _holder(self, decision: Decision) -> Holder | None:
        if identity := federated.named(decision.account, tuple(decision.facts.items())):
            return await self._trust(identity)
        is_anonymous = decision.account == ANONYMOUS_CALLER
        return await self._account(ANONYMOUS.name if is_anonymous else decision.account)

    async def _account(self, name: str) -> Holder | None:
        account = await self._accounts.find(name)
        if account is None:
            return None
        return Holder(
            account.is_enabled,
            max(account.changed_at, await self._changed_at(account.epoch, account.scope_map)),
            account.scope_map,
            built_in_scope_maps.read(account.scope_map, account.permissions),
            tuple(
                HeldPassword(password.name, password.created_at, password.expires_at)
                for password in account.passwords
            ),
            "token" if account.kind is AccountKind.TOKEN else "user",
            account.kind is AccountKind.FILE_USER,
        )

    async def _trust(self, identity: FederatedIdentity) -> Holder | None:
        stored = await self._trusts.find(identity.trust)
        if stored is None:
            return None
        return Holder(
            stored.trust.is_enabled,
            await self._changed_at(stored.epoch, stored.trust.scope_map),
            stored.trust.scope_map,
            scope_map_of(stored.trust, stored.permissions, identity),
        )

    async def _changed_at(self, epoch: int, scope_map: str) -> datetime:
        # The epoch is when something was last taken away. A scope map may grow without a new one.
        found = await self._scope_maps.find(scope_map)
        return max(from_microseconds(epoch), found.changed_at if found else BEGINNING)
