"""A token request, the token in its answer, and how long to use that."""

import base64
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self, cast

import httpx2

from acrux import __version__
from acrux.client.challenge import Challenge
from acrux.client.errors import RealmRefused, TokenRefused, TokenUnreadable
from acrux.client.forms import Fields, Form
from acrux.client.login import Login, RefreshToken, SubjectToken, describe
from acrux.domain.access.credential import Credential, Secret
from acrux.domain.access.scope import Scope, merge, parse_all

# distribution, spec/auth/token.md: a token lives 60 s by default, and never less.
SHORTEST_LIFE: Final = timedelta(seconds=60)
LONGEST_LIFE: Final = timedelta(days=1)
# A token this close to its expiry may expire on its way to the registry.
MARGIN: Final = timedelta(seconds=10)
MAX_RESPONSE_BYTES: Final = 1024 * 1024
TIMEOUT: Final = httpx2.Timeout(15.0)

# RFC 6750 §2.1: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
_B64TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
# RFC 6749 §A.17: refresh-token = 1*VSCHAR
_VSCHARS = re.compile(r"[\x20-\x7e]+")
MAX_MESSAGE_CHARACTERS: Final = 200

# The words of which registries make their refusals, whatever the password is.
_SAID_ANYWAY: Final = frozenset(
    {
        "a", "access", "account", "again", "allowed", "and", "are", "authentication",
        "authorization", "bad", "basic", "case", "client", "credential", "credentials", "denied",
        "disabled", "does", "error", "expired", "failed", "for", "forbidden", "from", "has",
        "have", "in", "incorrect", "invalid", "is", "locked", "login", "many", "match", "missing",
        "name", "no", "not", "of", "on", "or", "password", "permission", "please", "refresh",
        "registry", "request", "requested", "requests", "required", "requires", "resource",
        "scope", "second", "seconds", "server", "service", "the", "this", "to", "token", "too",
        "try", "unauthorized", "unknown", "user", "username", "valid", "was", "with", "wrong",
        "you", "your",
    }
)  # fmt: skip

# The name of the client, which distribution, spec/auth/oauth.md, requires.
CLIENT_ID: Final = "acrux"
USER_AGENT: Final = f"{CLIENT_ID}/{__version__}"
EXCHANGE_PATH: Final = "/oauth2/exchange"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request for a token: to which realm, for which service, with which scopes.

    Equal requests can share a token, so this is also the key of a cache.
    """

    realm: httpx2.URL
    service: str
    scopes: frozenset[Scope]

    @classmethod
    def answering(cls, challenge: Challenge, realm: httpx2.URL) -> Self:
        """The request that a Bearer challenge asks for, at its realm as resolved and checked."""
        return cls(realm, challenge.get("service"), _merged(parse_all([challenge.get("scope")])))

    def widened(self, scopes: frozenset[Scope]) -> Self:
        """The same request, asking for the union of its scopes and these."""
        return type(self)(self.realm, self.service, _merged((*self.scopes, *scopes)))

    @property
    def url(self) -> httpx2.URL:
        """The realm with the query. Each scope is a parameter: servers split them differently."""
        query = [("service", self.service)] if self.service else []
        query += [("scope", scope) for scope in sorted(map(str, self.scopes))]
        return self.realm.copy_with(
            params=httpx2.QueryParams([*self.realm.params.multi_items(), *query])
        )

    def message(self, credential: Credential | None, *, offline: bool = False) -> httpx2.Request:
        """The HTTP request: GET with Basic, or without it if there is no credential.

        `offline` also requests a refresh token. Source: distribution, spec/auth/token.md;
        acr-protocol.md §2.1.
        """
        headers = {"Authorization": basic(credential)} if credential is not None else {}
        url = self.url
        if offline:
            url = url.copy_merge_params({"offline_token": "true", "client_id": CLIENT_ID})
        return _request("GET", url, headers)

    def form(self, fields: Fields) -> httpx2.Request:
        """The request for the same token as a form; `fields` say who asks (RFC 6749 §4.3, §6).

        The scopes are one list, as in distribution, spec/auth/oauth.md.
        """
        scope = " ".join(sorted(map(str, self.scopes)))
        known = {"client_id": CLIENT_ID, "service": self.service, "scope": scope}
        return self._post(self.realm, {**fields, **known})

    def exchange(self, login: SubjectToken) -> httpx2.Request:
        """The request that exchanges a subject token (acr-protocol.md §3.2).

        It goes to the realm's host, which may receive credentials, and to no other.
        """
        url = self.realm.join(EXCHANGE_PATH)
        fields = {"grant_type": "access_token", "service": self.service}
        return self._post(url, {**fields, "access_token": login.secret})

    @staticmethod
    def _post(url: httpx2.URL, fields: Fields) -> httpx2.Request:
        form = Form({name: value for name, value in fields.items() if value != ""})
        request = _request("POST", url, form.headers)
        request.stream = form
        return request


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An issued token, until when to use it, and the refresh token that came with it."""

    text: Secret
    usable_until: datetime
    response: dict[str, Any] = field(repr=False)
    refresh_token: RefreshToken | None = None

    @property
    def header(self) -> str:
        """The Authorization header that presents it (RFC 6750 §2.1)."""
        return f"Bearer {self.text.reveal()}"


def basic(credential: Credential) -> str:
    """The Authorization header that presents a credential (RFC 7617, in UTF-8)."""
    pair = f"{credential.name}:{credential.secret.reveal()}".encode()
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def read_token(
    asked: TokenRequest, response: httpx2.Response, login: Login | None, now: datetime
) -> IssuedToken:
    """The token in the answer to a token request. Its body must have been read.

    Raises TokenRefused if the answer is not a 200, TokenUnreadable if it has no token, and
    RealmRefused if it came from another origin.
    """
    content = _content(asked, response, login)
    token = content.get("access_token") or content.get("token")
    if not isinstance(token, str) or _B64TOKEN.fullmatch(token) is None:
        raise TokenUnreadable(
            f"the answer of {asked.realm.host} has no token: expected access_token or token, "
            "with the characters that a Bearer header may contain"
        )
    # Counted from now, not from `issued_at`: the two clocks need not agree.
    usable_until = now + _life(content.get("expires_in")) - MARGIN
    return IssuedToken(Secret(token), usable_until, content, _refresh_token(content))


def read_refresh_token(
    asked: TokenRequest, response: httpx2.Response, login: SubjectToken
) -> RefreshToken:
    """The refresh token in the answer to an exchange; raises as `read_token`."""
    token = _refresh_token(_content(asked, response, login))
    if token is None:
        raise TokenUnreadable(f"the answer of {asked.realm.host} has no refresh_token")
    return token


def _content(asked: TokenRequest, response: httpx2.Response, login: Login | None) -> dict[str, Any]:
    if response.url.origin != asked.realm.origin:
        raise RealmRefused(
            f"the realm {asked.realm.host} redirected to {response.url.host}: "
            "a token from there is not used"
        )
    if response.status_code != 200:
        raise TokenRefused(_refusal(response, login), status=response.status_code)
    return _object(response)


def _refresh_token(content: dict[str, Any]) -> RefreshToken | None:
    token = content.get("refresh_token")
    if not isinstance(token, str) or _VSCHARS.fullmatch(token) is None:
        return None
    return RefreshToken(Secret(token))


class Limited(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A response's stream that raises TokenUnreadable after MAX_RESPONSE_BYTES."""

    def __init__(self, stream: httpx2.SyncByteStream | httpx2.AsyncByteStream) -> None:
        self._stream = stream
        self._left = MAX_RESPONSE_BYTES

    def __iter__(self) -> Iterator[bytes]:
        for chunk in cast("httpx2.SyncByteStream", self._stream):
            yield self._counted(chunk)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in cast("httpx2.AsyncByteStream", self._stream):
            yield self._counted(chunk)

    def close(self) -> None:
        """Close the underlying stream."""
        cast("httpx2.SyncByteStream", self._stream).close()

    async def aclose(self) -> None:
        """Close the underlying stream."""
        await cast("httpx2.AsyncByteStream", self._stream).aclose()

    def _counted(self, chunk: bytes) -> bytes:
        self._left -= len(chunk)
        if self._left < 0:
            raise TokenUnreadable(f"the token's answer is longer than {MAX_RESPONSE_BYTES} bytes")
        return chunk


def limit(response: httpx2.Response) -> None:
    """Limit the response to MAX_RESPONSE_BYTES.

    Raises TokenUnreadable if it is compressed, which was not requested.
    """
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise TokenUnreadable("the token's answer is compressed, although that was not requested")
    response.stream = Limited(response.stream)


def _merged(scopes: tuple[Scope, ...]) -> frozenset[Scope]:
    return frozenset(merge(scopes))


def _life(expires_in: object) -> timedelta:
    """How long a token lives: `expires_in` in seconds, within sensible limits."""
    if not isinstance(expires_in, int | float):
        return SHORTEST_LIFE
    # In this order NaN becomes 0, and no integer is too large for a float.
    seconds = min(LONGEST_LIFE.total_seconds(), max(0, expires_in))
    return max(SHORTEST_LIFE, timedelta(seconds=seconds))


def _object(response: httpx2.Response) -> dict[str, Any]:
    try:
        content = json.loads(response.content)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise TokenUnreadable(f"the answer of {response.url.host} is not a JSON object")
    return content


def _request(method: str, url: httpx2.URL, headers: Mapping[str, str]) -> httpx2.Request:
    # Uncompressed, so that the limit on the bytes received is a limit on the size.
    plain = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": USER_AGENT,
    }
    timeout = {"timeout": TIMEOUT.as_dict()}
    return httpx2.Request(method, url, headers={**plain, **headers}, extensions=timeout)


def _refusal(response: httpx2.Response, login: Login | None) -> str:
    status = f"{response.status_code} {response.reason_phrase}".strip()
    said = _reason(response)
    if login:
        said = without(login.secret.reveal(), said)
    answer = f"{response.url.host} answered {describe(login)} with {status}"
    return answer + (f": {said}" if said else "")


def without(secret: str, text: str) -> str:
    """The text with stars for the secret, unless the secret is only a part of a word.

    With the password `x`, the server's message would otherwise lose every letter x. A secret that
    is made of words of such messages anyway stays: "the password is ***" would tell that it is
    "wrong".
    """
    if _SAID_ANYWAY.issuperset(secret.lower().split()):
        return text
    before = r"(?<!\w)" if _is_of_a_word(secret[0]) else ""
    after = r"(?!\w)" if _is_of_a_word(secret[-1]) else ""
    return re.sub(before + re.escape(secret) + after, "***", text)


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _reason(response: httpx2.Response) -> str:
    """What the server says, in one printable line; empty if it says nothing that we can read."""
    try:
        content = _object(response)
    except TokenUnreadable:
        return ""
    errors = content.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    said = first.get("message") if isinstance(first, dict) else None
    said = said or content.get("error_description") or content.get("details") or ""
    text = said if isinstance(said, str) else ""
    return "".join(c if c.isprintable() else " " for c in text)[:MAX_MESSAGE_CHARACTERS]
