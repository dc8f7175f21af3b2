"""The handlers of /management/v1 together."""

from dataclasses import dataclass
from typing import Protocol, Self

from acrux.http.management_accounts import AccountManagement
from acrux.http.management_keys import KeyManagement
from acrux.http.management_registry import RegistryManagement
from acrux.http.management_scope_maps import ScopeMapManagement
from acrux.services.accounts import Accounts
from acrux.services.keys import Keys
from acrux.services.scope_maps import ScopeMaps


class Managed(Protocol):
    """The use cases that are managed over HTTP."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def scope_maps(self) -> ScopeMaps: ...
    @property
    def keys(self) -> Keys: ...


@dataclass(frozen=True, slots=True)
class ManagementHandlers:
    """The handlers of what is managed."""

    accounts: AccountManagement
    scope_maps: ScopeMapManagement
    registry: RegistryManagement
    keys: KeyManagement

    @classmethod
    def on(cls, to: Managed, name: str, login_servers: tuple[str, ...]) -> Self:
        """The handlers on these use cases, of the registry of this name."""
        return cls(
            accounts=AccountManagement(to.accounts),
            scope_maps=ScopeMapManagement(to.scope_maps),
            registry=RegistryManagement(to.accounts, name, login_servers),
            keys=KeyManagement(to.keys),
        )
