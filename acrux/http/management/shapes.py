"""The objects of /management/v1, which the commands also print."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, Protocol

from msgspec import UNSET, Struct, UnsetType

from acrux.domain.access import scope_maps
from acrux.domain.access import trust as trusts
from acrux.domain.access.shown_accounts import ShownAccount, ShownPassword
from acrux.domain.audit import decision, rights
from acrux.domain.instants import BEGINNING
from acrux.http.management.bodies import Status
from acrux.services.access.keys import ShownKey
from acrux.services.access.users import ShownUser


class Password(Struct, rename="camel", kw_only=True):
    """A password. Its value is shown only once, when it is generated."""

    name: str
    creation_time: datetime | None
    expiry: datetime | None
    value: str | UnsetType = UNSET


class Credentials(Struct, rename="camel", kw_only=True):
    """A user name and its passwords."""

    username: str
    passwords: list[Password]


class Token(Struct, rename="camel", kw_only=True):
    """An account, which ACR calls a token. A list omits passwords."""

    name: str
    status: Status
    scope_map_id: str
    creation_date: datetime
    credentials: Credentials | UnsetType = UNSET


class TokenList(Struct):
    """A page of accounts."""

    value: list[Token]


class ScopeMap(Struct, rename="camel", kw_only=True):
    """A scope map: a named set of permissions."""

    name: str
    description: str
    type: Literal["SystemDefined", "UserDefined"]
    creation_date: datetime
    actions: list[str]
    etag: str


class ScopeMapList(Struct):
    """A page of scope maps."""

    value: list[ScopeMap]


class Registry(Struct, rename="camel", kw_only=True):
    """What is enabled for the whole registry."""

    name: str
    login_servers: list[str]
    admin_user_enabled: bool
    anonymous_pull_enabled: bool
    anonymous_scope_map_id: str | None


class Key(Struct, rename="camel", kw_only=True):
    """A key that signs tokens; `signsFrom` is null if it has signed from the beginning."""

    name: str
    state: Literal["announced", "signing", "verifying"]
    algorithm: str
    signs_from: datetime | None
    key_id: str


class KeyList(Struct):
    """All keys."""

    value: list[Key]


class User(Struct, rename="camel", kw_only=True):
    """A user's account. One with the source `htpasswd` follows that file."""

    name: str
    status: Status
    scope_map_id: str
    source: Literal["user", "htpasswd"]
    creation_date: datetime


class UserList(Struct):
    """A page of users."""

    value: list[User]


class Trust(Struct, rename="camel", kw_only=True):
    """A trust in an external issuer, and what it grants: a scope map, or `actions`."""

    name: str
    status: Status
    issuer: str
    audience: str
    claims: list[str]
    scope_map_id: str | None
    actions: list[str]
    lifetime_in_minutes: int
    creation_date: datetime


class TrustList(Struct):
    """A page of trusts."""

    value: list[Trust]


class Record(Struct, rename="camel", kw_only=True):
    """One request to the registry, and the decision on it."""

    id: str
    time: datetime
    outcome: Literal["granted", "refused", "lost"]
    account: str
    proof: str
    peer: str
    request: str
    status: int
    repository: str
    asked: list[str]
    granted: list[str]
    reason: str
    message: str
    facts: dict[str, str]
    case: str
    correlation_request_id: str


class RecordList(Struct):
    """The records that were found, the oldest first."""

    value: list[Record]


class Right(Struct, rename="camel", kw_only=True):
    """An action on a resource, and the permission that grants it, if there is one."""

    resource: str
    action: str
    held: bool
    permission: str


class Case(Struct, rename="camel", kw_only=True):
    """Why a request was refused, and what would allow it."""

    case: str
    time: datetime
    reason: str
    request: str
    status: int
    account: str
    proof: str
    peer: str
    message: str
    facts: dict[str, str]
    needed: list[str]
    held: list[str]
    scope_map: str
    rights: list[Right]
    explanation: str
    changed_since: str
    fixes: list[str]


def registry(admin: ShownAccount, login_servers: Iterable[str], anonymous: str | None) -> Registry:
    """What is enabled. `anonymous` names a scope map."""
    return Registry(
        name=admin.username,
        login_servers=list(login_servers),
        admin_user_enabled=admin.is_enabled,
        anonymous_pull_enabled=anonymous is not None,
        anonymous_scope_map_id=anonymous,
    )


def token(account: ShownAccount) -> Token:
    """An account with its passwords."""
    shown = listed_token(account)
    shown.credentials = credentials(account)
    return shown


def listed_token(account: ShownAccount) -> Token:
    """An account as a list shows it, without passwords."""
    return Token(
        name=account.username,
        status="enabled" if account.is_enabled else "disabled",
        scope_map_id=account.scope_map,
        creation_date=account.created_at,
    )


def credentials(account: ShownAccount, *names: str) -> Credentials:
    """An account's passwords, or only those with these names."""
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
        etag=scope_maps.entity_tag(stored.description, stored.permissions),
    )


def user(shown: ShownUser) -> User:
    """A user's account."""
    return User(
        name=shown.username,
        status="enabled" if shown.is_enabled else "disabled",
        scope_map_id=shown.scope_map,
        source="htpasswd" if shown.source == "htpasswd" else "user",
        creation_date=shown.created_at,
    )


def trust(given: trusts.Trust, created_at: datetime) -> Trust:
    """A trust."""
    return Trust(
        name=given.name,
        status="enabled" if given.is_enabled else "disabled",
        issuer=given.issuer,
        audience=given.audience,
        claims=[f"{rule.claim}={rule.pattern}" for rule in given.rules],
        scope_map_id=given.scope_map or None,
        actions=list(given.permissions),
        lifetime_in_minutes=given.lifetime // timedelta(minutes=1),
        creation_date=created_at,
    )


def record(found: decision.Record) -> Record:
    """A record of the audit log."""
    decided = found.decision
    return Record(
        id=found.id,
        time=found.at,
        outcome=decided.outcome.value,
        account=decided.account,
        proof=decided.authentication_method,
        peer=decided.peer,
        request=decided.request,
        status=decided.status,
        repository=decided.repository,
        asked=list(map(str, decided.asked)),
        granted=list(map(str, decided.granted)),
        reason=decided.reason,
        message=decided.message,
        facts=dict(decided.facts),
        case=decided.case,
        correlation_request_id=decided.correlation,
    )


def case(explanation: rights.Explanation) -> Case:
    """Why a request was refused."""
    return Case(
        case=explanation.case,
        time=explanation.at,
        reason=explanation.reason,
        request=explanation.request,
        status=explanation.status,
        account=explanation.account,
        proof=explanation.authentication_method,
        peer=explanation.peer,
        message=explanation.message,
        facts=dict(explanation.facts),
        needed=list(map(str, explanation.needed)),
        held=list(map(str, explanation.held)),
        scope_map=explanation.scope_map,
        rights=list(map(_right, explanation.rights)),
        explanation=explanation.why,
        changed_since=explanation.changes,
        fixes=list(explanation.fixes),
    )


def _right(one: rights.Right) -> Right:
    return Right(
        resource=one.resource, action=one.action, held=one.is_held, permission=one.permission
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
    one = shown.record
    return Key(
        name=one.name,
        state=shown.state.value,
        algorithm=one.algorithm,
        signs_from=None if one.signs_from == BEGINNING else one.signs_from,
        key_id=one.id,
    )
