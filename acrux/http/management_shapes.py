"""The objects of /management/v1, which the commands print too."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, Protocol

from msgspec import UNSET, Struct, UnsetType

from acrux.domain.instants import BEGINNING
from acrux.http.management_bodies import Status
from acrux.services.accounts import ShownAccount, ShownPassword
from acrux.services.keys import ShownKey


class Password(Struct, rename="camel", kw_only=True):
    """A password. Its value is shown once, where it was made just now."""

    name: str
    creation_time: datetime | None
    expiry: datetime | None
    value: str | UnsetType = UNSET


class Credentials(Struct, rename="camel", kw_only=True):
    """What somebody logs in with."""

    username: str
    passwords: list[Password]


class Token(Struct, rename="camel", kw_only=True):
    """An account, which ACR calls a token (acr-protocol.md §4.2). A list leaves passwords out."""

    name: str
    status: Status
    scope_map_id: str
    creation_date: datetime
    credentials: Credentials | UnsetType = UNSET


class TokenList(Struct):
    """A page of accounts."""

    value: list[Token]


class ScopeMap(Struct, rename="camel", kw_only=True):
    """A scope map (acr-protocol.md §4.3)."""

    name: str
    description: str
    type: Literal["SystemDefined", "UserDefined"]
    creation_date: datetime
    actions: list[str]


class ScopeMapList(Struct):
    """A page of scope maps."""

    value: list[ScopeMap]


class Registry(Struct, rename="camel", kw_only=True):
    """What is switched on and off for the whole registry."""

    name: str
    login_servers: list[str]
    admin_user_enabled: bool
    anonymous_pull_enabled: bool
    anonymous_scope_map_id: str | None


class Key(Struct, rename="camel", kw_only=True):
    """A key that signs tokens; `signsFrom` is null where it has since the beginning."""

    name: str
    state: Literal["announced", "signing", "verifying"]
    algorithm: str
    signs_from: datetime | None
    key_id: str


class KeyList(Struct):
    """All keys."""

    value: list[Key]


def token(account: ShownAccount) -> Token:
    """An account with its passwords."""
    shown = listed_token(account)
    shown.credentials = credentials(account)
    return shown


def listed_token(account: ShownAccount) -> Token:
    """An account of a list."""
    return Token(
        name=account.username,
        status="enabled" if account.is_enabled else "disabled",
        scope_map_id=account.scope_map,
        creation_date=account.created_at,
    )


def credentials(account: ShownAccount, *names: str) -> Credentials:
    """An account's passwords, or those of these names."""
    return Credentials(
        username=account.username,
        passwords=[_password(one) for one in account.passwords if not names or one.name in names],
    )


class DescribedScopeMap(Protocol):
    """A scope map as the registry's services show it."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def permissions(self) -> tuple[str, ...]: ...
    @property
    def created_at(self) -> datetime: ...


def scope_map(stored: DescribedScopeMap) -> ScopeMap:
    """A scope map."""
    return ScopeMap(
        name=stored.name,
        description=stored.description,
        type="SystemDefined" if stored.name.startswith("_") else "UserDefined",
        creation_date=stored.created_at,
        actions=list(stored.permissions),
    )


def keys(shown: Iterable[ShownKey]) -> KeyList:
    """All keys."""
    return KeyList([_key(one) for one in shown])


def _password(shown: ShownPassword) -> Password:
    return Password(
        name=shown.name,
        creation_time=shown.created_at,
        expiry=shown.expires_at,
        value=shown.value.reveal() if shown.value else UNSET,
    )


def _key(shown: ShownKey) -> Key:
    record = shown.record
    return Key(
        name=record.name,
        state=shown.state.value,
        algorithm=record.algorithm,
        signs_from=None if record.signs_from == BEGINNING else record.signs_from,
        key_id=record.id,
    )
