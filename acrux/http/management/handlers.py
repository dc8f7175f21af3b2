"""All handlers of /management/v1."""

from dataclasses import dataclass
from typing import Protocol, Self

from acrux.domain.webhooks.payload import Source
from acrux.http.management.accounts import AccountManagement
from acrux.http.management.audit import AuditManagement
from acrux.http.management.keys import KeyManagement
from acrux.http.management.logins.handlers import LoginHandlers
from acrux.http.management.policies.handlers import PolicyHandlers
from acrux.http.management.registry import RegistryManagement
from acrux.http.management.rights.rights import RightsManagement
from acrux.http.management.scope_maps import ScopeMapManagement
from acrux.http.management.server.handlers import ServerHandlers
from acrux.http.management.storage.handlers import StorageHandlers
from acrux.http.management.trusts import TrustManagement
from acrux.http.management.users import UserManagement
from acrux.http.management.webhooks.webhooks import WebhookManagement
from acrux.services.access.accounts import Accounts
from acrux.services.access.federation import Federation
from acrux.services.access.keys import Keys
from acrux.services.access.lockout import Lockout
from acrux.services.access.scope_maps import ScopeMaps
from acrux.services.access.trusts import Trusts
from acrux.services.access.users import Users
from acrux.services.audit.audit_log import AuditLog
from acrux.services.audit.explanations import Explanations
from acrux.services.audit.holdings import Holdings
from acrux.services.audit.least_privilege import LeastPrivilege
from acrux.services.audit.simulations import Simulations
from acrux.services.content.collection import Collection
from acrux.services.content.deleted import DeletedContent
from acrux.services.content.listings import Listings
from acrux.services.content.policies import Policies
from acrux.services.content.purges import Purges
from acrux.services.content.retention import Retention
from acrux.services.content.space import Space
from acrux.services.server.doctor import Doctor
from acrux.services.server.log_level import LogLevels
from acrux.services.webhooks.webhooks import Webhooks


class Managed(Protocol):
    """The services that can be managed over HTTP."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def scope_maps(self) -> ScopeMaps: ...
    @property
    def users(self) -> Users: ...
    @property
    def trusts(self) -> Trusts: ...
    @property
    def lockout(self) -> Lockout: ...
    @property
    def federation(self) -> Federation: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def audit_log(self) -> AuditLog: ...
    @property
    def explanations(self) -> Explanations: ...
    @property
    def holdings(self) -> Holdings: ...
    @property
    def simulations(self) -> Simulations: ...
    @property
    def least_privilege(self) -> LeastPrivilege: ...
    @property
    def listings(self) -> Listings: ...
    @property
    def policies(self) -> Policies: ...
    @property
    def retention(self) -> Retention: ...
    @property
    def purges(self) -> Purges: ...
    @property
    def collection(self) -> Collection: ...
    @property
    def space(self) -> Space: ...
    @property
    def deleted(self) -> DeletedContent: ...
    @property
    def doctor(self) -> Doctor: ...
    @property
    def log_levels(self) -> LogLevels: ...
    @property
    def webhooks(self) -> Webhooks: ...


@dataclass(frozen=True, slots=True)
class ManagementHandlers:
    """The handlers of everything that is managed."""

    accounts: AccountManagement
    scope_maps: ScopeMapManagement
    registry: RegistryManagement
    users: UserManagement
    trusts: TrustManagement
    logins: LoginHandlers
    keys: KeyManagement
    audit: AuditManagement
    rights: RightsManagement
    policies: PolicyHandlers
    storage: StorageHandlers
    server: ServerHandlers
    webhooks: WebhookManagement

    @classmethod
    def on(cls, services: Managed, name: str, login_servers: tuple[str, ...]) -> Self:
        """The handlers of these services, for the registry of this name."""
        return cls(
            accounts=AccountManagement(services.accounts),
            scope_maps=ScopeMapManagement(services.scope_maps),
            registry=RegistryManagement(services.accounts, name, login_servers),
            users=UserManagement(services.users),
            trusts=TrustManagement(services.trusts),
            logins=LoginHandlers.on(
                services.lockout, services.accounts, services.users, services.federation
            ),
            keys=KeyManagement(services.keys),
            audit=AuditManagement(services.audit_log, services.explanations),
            rights=RightsManagement(
                services.holdings, services.simulations, services.least_privilege
            ),
            policies=PolicyHandlers.on(
                services.policies, services.retention, services.purges, services.listings
            ),
            storage=StorageHandlers.on(services.collection, services.space, services.deleted),
            server=ServerHandlers.on(services.doctor, services.log_levels),
            webhooks=WebhookManagement(services.webhooks, Source(name, login_servers[0])),
        )
