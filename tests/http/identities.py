"""Every kind of caller: its credential, and its rights."""

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import bcrypt
from joserfc import jwt
from joserfc.jwk import ECKey

from acrux.adapters.sql.access.accounts import SqlAccounts
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.bootstrap.application import Registry
from acrux.domain.access.credential import Secret
from acrux.domain.access.grants import Grant
from acrux.domain.access.scope import Scope
from acrux.domain.access.shown_accounts import ShownAccount
from acrux.domain.access.token import TOKEN_USER, AccessToken, RefreshToken
from acrux.domain.access.trust import ClaimRule, Trust
from acrux.ports.accounts import FileUser
from acrux.settings import Settings
from tests.domain.grammar import REPOSITORY_ACTIONS, covers
from tests.http.caller import HOST, Caller, basic
from tests.http.conftest import HandClock
from tests.http.oauth2.token_requests import post
from tests.openid_provider import Provider

FOREIGN_KEY = ECKey.generate_key("P-256")
ALL_ACTIONS = ",".join(REPOSITORY_ACTIONS)

CHOSEN = "a few words do"
HASHED = bcrypt.hashpw(CHOSEN.encode(), bcrypt.gensalt(4)).decode()

# What the trust grants: pull for all of the owner's team, push for what the token names.
OF_THE_TRUST = (
    "repositories/team/*/content/read",
    "repositories/{repository}/content/write",
    "repositories/{repository}/content/read",
)

Holds = Callable[[str], bool]
"""Whether a right such as `repository:team/app:pull` is held, read naively."""


def everything(_: str) -> bool:
    """The administrator's rights."""
    return True


def nothing(_: str) -> bool:
    """No rights."""
    return False


def only(*rights: str) -> Holds:
    """These rights: a type, a name or pattern, and one action each."""

    def holds(right: str) -> bool:
        kind, name, action = right.split(":")
        for held in rights:
            held_kind, pattern, held_action = held.split(":")
            if kind == held_kind == "repository":
                if covers(pattern, name) and action == held_action:
                    return True
            elif held == right:
                return True
        return False

    return holds


def on_all(*actions: str, catalog: bool = False) -> Holds:
    """These actions on every repository."""
    rights = [f"repository:*:{action}" for action in actions]
    return only(*rights, *(["registry:catalog:*"] if catalog else []))


class World:
    """A registry with an administrator, and every kind of identity in it."""

    def __init__(
        self,
        admin: Caller,
        settings: Settings,
        clock: HandClock,
        scopes: tuple[str, ...],
        issuer: Provider | None = None,
    ) -> None:
        self._issuer = issuer
        self._settings = settings
        self.admin = admin
        self.registry: Registry = admin.registry
        self.clock = clock
        self.scopes = scopes
        self.signer = admin.registry.adapters.keys.signer

    async def account(self, scope_map: str, name: str = "somebody") -> ShownAccount:
        """A new account with two passwords."""
        return await self.registry.services.accounts.create(name, scope_map)

    async def holder(self, *permissions: str) -> ShownAccount:
        """A new account with a scope map of its own."""
        await self.registry.services.scope_maps.create("its-own", permissions)
        return await self.account("its-own")

    async def person(self, scope_map: str) -> str:
        """The Basic authorization of a user whose password is CHOSEN."""
        await self.registry.services.users.create("alice@example.test", scope_map, Secret(CHOSEN))
        return basic("alice@example.test", CHOSEN)

    async def follow(self, hashed: str) -> None:
        """Write an htpasswd file that names only bob, with this hash; another worker reads it."""
        users = [FileUser("bob", f"bcrypt:{hashed}")] if hashed else []
        database = SqliteDatabase(self._settings.data_dir / "registry.sqlite")
        database.open()
        await SqlAccounts(database).follow_file(users, "_repositories_pull", self.clock())
        database.close()
        # Any change makes this worker read at once what others have revoked.
        await self.registry.services.accounts.let_anonymous(None)

    async def access(self, username: str, password: str, *scopes: str, service: str = HOST) -> str:
        """An access token for these scopes, by default for all that the endpoints require."""
        caller = Caller(self.registry, username, password)
        answer = await caller.token(*(scopes or self.scopes), service=service)
        assert answer.status == 200, answer.body
        token: str = answer.json["access_token"]
        return token

    async def admin_access(self, *scopes: str) -> str:
        """An access token of the administrator."""
        return await self.access(self.admin.username, self.admin.password, *scopes)

    async def refresh(self, username: str, password: str) -> str:
        """A refresh token."""
        return await Caller(self.registry, username, password).refresh_token()

    async def admin_refresh(self) -> str:
        """A refresh token of the administrator."""
        return await self.refresh(self.admin.username, self.admin.password)

    @property
    def issuer(self) -> Provider:
        """An OpenID provider outside."""
        assert self._issuer is not None
        return self._issuer

    async def trust(self, **changed: Any) -> None:
        """Trust the workflows of the owner `org` on `main`, for repositories of their own."""
        given: dict[str, Any] = {
            "name": "ci-main",
            "issuer": self.issuer.issuer,
            "audience": HOST,
            "rules": (ClaimRule("repository", "org/*"), ClaimRule("ref", "refs/heads/main")),
            "permissions": OF_THE_TRUST,
        }
        await self.registry.services.trusts.create(Trust(**{**given, **changed}))

    def federated(self, **claims: Any) -> str:
        """A token that the external issuer signed for a workflow of `org`."""
        return self.issuer.token(self.clock(), **claims)

    async def exchanged(self) -> str:
        """The refresh token that a subject token is exchanged for."""
        answer = await post(
            Caller(self.registry, "", ""),
            "/oauth2/exchange",
            grant_type="access_token",
            access_token=self.federated(),
        )
        token: str = answer.json["refresh_token"]
        return token

    async def anonymous(self) -> str:
        """An access token for a caller without credentials."""
        answer = await Caller(self.registry, "", "").call(
            "GET", "/oauth2/token", query={"service": HOST, "scope": list(self.scopes)}
        )
        token: str = answer.json["access_token"]
        return token

    def minted(
        self,
        *scopes: Scope,
        audience: str = HOST,
        age: timedelta = timedelta(),
        epoch: int = 2**62,
    ) -> str:
        """An access token of the administrator with our own signature, whatever its claims."""
        issued_at = self.clock() - age
        asked = scopes or tuple(Scope.parse(text) for text in self.scopes)
        return self.signer.sign(
            AccessToken(
                id="a-token",
                grant=Grant(self.admin.username, asked),
                audience=audience,
                issued_at=issued_at,
                expires_at=issued_at + timedelta(minutes=75),
                epoch=epoch,
            )
        )

    def minted_refresh(
        self, *, audience: str = HOST, age: timedelta = timedelta(), epoch: int = 2**62
    ) -> str:
        """As `minted`, but a refresh token."""
        issued_at = self.clock() - age
        return self.signer.sign_refresh(
            RefreshToken(
                id="a-token",
                principal=self.admin.username,
                audience=audience,
                issued_at=issued_at,
                expires_at=issued_at + timedelta(hours=3),
                epoch=epoch,
            )
        )


def password(account: ShownAccount, number: int = 1) -> str:
    """The first or the second password of a new account."""
    value = account.passwords[number - 1].value
    assert value is not None
    return value.reveal()


def by_basic(account: ShownAccount, number: int = 1) -> str:
    """The Basic authorization of a new account."""
    return basic(account.username, password(account, number))


def bearer(token: str) -> str:
    """The Bearer authorization with a token."""
    return f"Bearer {token}"


def in_place_of_a_password(token: str) -> str:
    """The Basic authorization with a token as the password."""
    return basic(TOKEN_USER, token)


def decode(part: str) -> dict[str, object]:
    """A part of a token, decoded as JSON."""
    content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) or b"{}"
    decoded: dict[str, object] = json.loads(content)
    return decoded


def encode(part: Mapping[str, object]) -> str:
    """JSON, encoded as a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def forged(token: str) -> str:
    """The same claims and header, with the signature of a key that is not ours."""
    header, payload = map(decode, token.split(".")[:2])
    return jwt.encode(header, payload, FOREIGN_KEY, algorithms=["ES256"])


def granted(token: str) -> Holds:
    """The rights that a token names."""
    entries = decode(token.split(".")[1])["access"]
    assert isinstance(entries, list)
    return only(
        *(
            f"{entry['type']}:{entry['name']}:{action}"
            for entry in entries
            for action in entry["actions"]
        )
    )


def unsigned(token: str) -> str:
    """The same claims without a signature."""
    header, payload, _ = token.split(".")
    return f"{encode({**decode(header), 'alg': 'none'})}.{payload}."


def tampered(token: str) -> str:
    """The same signature over more rights."""
    header, payload, signature = token.split(".")
    every = {"type": "repository", "name": "*", "actions": list(REPOSITORY_ACTIONS)}
    return f"{header}.{encode({**decode(payload), 'access': [every]})}.{signature}"


@dataclass(frozen=True)
class Kind:
    """A kind of caller. `holds` is None if it must be refused, with the status `refused_with`.

    `is_known_by` says which part of the product the row covers: a kind of credential, a
    password's name, a scope map. Each of those must be in some row.
    """

    presents: Callable[[World], Awaitable[str | None]]
    holds: Holds | None
    is_known_by: frozenset[str] = frozenset()
    refused_with: int = 401


KINDS: dict[str, Kind] = {}

_Presents = Callable[[World], Awaitable[str | None]]


def kind(
    holds: Holds | None, *is_known_by: str, refused_with: int = 401
) -> Callable[[_Presents], _Presents]:
    """Add a row to the table, named after the function that makes it."""

    def add(presents: _Presents) -> _Presents:
        name = presents.__name__.strip("_").replace("_", " ")
        assert name not in KINDS, name
        KINDS[name] = Kind(presents, holds, frozenset(is_known_by), refused_with)
        return presents

    return add
