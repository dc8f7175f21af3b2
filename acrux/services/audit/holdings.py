"""Who may do what on a repository."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from acrux.domain.access import built_in_scope_maps, federated
from acrux.domain.access.federated import FederatedIdentity
from acrux.domain.access.grants import ANONYMOUS
from acrux.domain.access.scope import ACTIONS, REPOSITORY, Scope
from acrux.domain.access.scope_maps import NOTHING, ScopeMap
from acrux.domain.access.trust import placeholders, scope_map_of
from acrux.domain.audit.decision import ANONYMOUS_CALLER
from acrux.domain.audit.rights import Right, rights
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Page, Slice
from acrux.ports.accounts import AccountKind, Accounts, ScopeMaps
from acrux.ports.federation import StoredTrust, Trusts

_KINDS: Final = tuple(AccountKind)
_KIND: Final[Mapping[AccountKind, "Kind"]] = {
    AccountKind.TOKEN: "token",
    AccountKind.USER: "user",
    AccountKind.FILE_USER: "htpasswd",
}

Kind: TypeAlias = Literal["token", "user", "htpasswd", "trust", "anonymous"]


class Holding(Struct, frozen=True):
    """An account, a trust or the anonymous caller, and each action with what grants it, if any.

    `depends_on_claims` says that a trust grants more to identities whose claims name the
    repository.
    """

    name: str
    kind: Kind
    is_enabled: bool
    scope_map: str
    rights: tuple[Right, ...]
    depends_on_claims: bool = False


class Holdings:
    """Looks up what each holder of rights may do on a repository."""

    def __init__(self, accounts: Accounts, trusts: Trusts, scope_maps: ScopeMaps) -> None:
        self._accounts = accounts
        self._trusts = trusts
        self._scope_maps = scope_maps

    async def page(self, repository: RepositoryName, page: Page) -> Slice[Holding]:
        """A page of all holders by name: the anonymous caller, accounts, and `trusts/NAME`.

        Disabled ones are shown with what they would hold.
        """
        scope = Scope(REPOSITORY, repository.value, frozenset(ACTIONS))
        found = await self._accounts.page(_KINDS, page)
        last = found.items[-1].name if found.more else None
        trusts = [one for one in await self._trusts.list() if _is_within(_name(one), page, last)]
        maps = await self._maps({one.scope_map for one in found.items})
        shown = [
            Holding(
                one.name,
                _KIND[one.kind],
                one.is_enabled,
                one.scope_map,
                rights(maps[one.scope_map], (scope,)),
            )
            for one in found.items
        ]
        shown += [await self._of_trust(one, scope) for one in trusts[: page.items + 1]]
        if _is_within(ANONYMOUS_CALLER, page, last):
            shown.append(await self._of_anonymous(scope))
        shown.sort(key=lambda one: one.name)
        return Slice(tuple(shown[: page.items]), found.more or len(shown) > page.items > 0)

    async def _maps(self, names: set[str]) -> dict[str, ScopeMap]:
        return {name: await self._map(name) for name in names}

    async def _map(self, name: str) -> ScopeMap:
        stored = await self._scope_maps.find(name)
        return built_in_scope_maps.read(name, frozenset(stored.permissions if stored else ()))

    async def _of_anonymous(self, scope: Scope) -> Holding:
        account = await self._accounts.find(ANONYMOUS.name)
        name = account.scope_map if account else ""
        scope_map = (await self._map(name)).for_anonymous if account else NOTHING
        is_enabled = account is not None and account.is_enabled
        return Holding(ANONYMOUS_CALLER, "anonymous", is_enabled, name, rights(scope_map, (scope,)))

    async def _of_trust(self, stored: StoredTrust, scope: Scope) -> Holding:
        trust, permissions = stored.trust, (await self._map(stored.trust.scope_map)).permissions
        identity = FederatedIdentity(trust.name, "")
        return Holding(
            _name(stored),
            "trust",
            trust.is_enabled,
            trust.scope_map,
            rights(scope_map_of(trust, tuple(permissions), identity), (scope,)),
            depends_on_claims=bool(placeholders(trust.permissions)),
        )


def _name(stored: StoredTrust) -> str:
    return federated.holder(stored.trust.name)


def _is_within(name: str, page: Page, last: str | None) -> bool:
    return name > page.last and (last is None or name < last)
