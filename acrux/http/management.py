"""The handlers of /management/v1 together."""

from dataclasses import dataclass
from typing import Protocol, Self

from acrux.http.management_accounts import AccountManagement
from acrux.http.management_audit import AuditManagement
from acrux.http.management_keys import KeyManagement
from acrux.http.management_registry import RegistryManagement
from acrux.http.management_scope_maps import ScopeMapManagement
from acrux.http.management_trusts import TrustManagement
from acrux.http.management_users import UserManagement
from acrux.services.accounts import Accounts
from acrux.services.explanations import Explanations
from acrux.services.journal import Journal
from acrux.services.keys import Keys
from acrux.services.scope_maps import ScopeMaps
from acrux.services.trusts import Trusts
from acrux.services.users import Users


class Managed(Protocol):
    """The use cases that are managed over HTTP."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def scope_maps(self) -> ScopeMaps: ...
    @property
    def users(self) -> Users: ...
    @property
    def trusts(self) -> Trusts: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def explanations(self) -> Explanations: ...


@dataclass(frozen=True, slots=True)
class ManagementHandlers:
    """The handlers of what is managed."""

    accounts: AccountManagement
    scope_maps: ScopeMapManagement
    registry: RegistryManagement
    users: UserManagement
    trusts: TrustManagement
    keys: KeyManagement
    audit: AuditManagement

    @classmethod
    def on(cls, to: Managed, name: str, login_servers: tuple[str, ...]) -> Self:
        """The handlers on these use cases, of the registry of this name."""
        return cls(
            accounts=AccountManagement(to.accounts),
            scope_maps=ScopeMapManagement(to.scope_maps),
            registry=RegistryManagement(to.accounts, name, login_servers),
            users=UserManagement(to.users),
            trusts=TrustManagement(to.trusts),
            keys=KeyManagement(to.keys),
            audit=AuditManagement(to.journal, to.explanations),
        )
