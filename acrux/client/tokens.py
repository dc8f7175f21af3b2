"""A token request, the token it brings, and how long that may be used."""

import base64
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self, cast

import httpx2

from acrux.client.challenge import Challenge
from acrux.client.errors import RealmRefused, TokenRefused, TokenUnreadable
from acrux.client.forms import Fields, Form
from acrux.client.login import Login, RefreshToken, SubjectToken, describe
from acrux.domain.access.credential import Credential, Secret
from acrux.domain.access.scope import Scope, merge, parse_all

# distribution, spec/auth/token.md: a token that does not say otherwise lives 60 s, and none less.
SHORTEST_LIFE: Final = timedelta(seconds=60)
LONGEST_LIFE: Final = timedelta(days=1)
# A token this near to its end may end on its way to the registry.
MARGIN: Final = timedelta(seconds=10)
MAX_RESPONSE_BYTES: Final = 1024 * 1024
TIMEOUT: Final = httpx2.Timeout(15.0)

# RFC 6750 §2.1: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
_B64TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
# RFC 6749 §A.17: refresh-token = 1*VSCHAR
_VSCHARS = re.compile(r"[\x20-\x7e]+")
MAX_MESSAGE_CHARACTERS: Final = 200

# Who asks, as distribution, spec/auth/oauth.md, wants to know.
CLIENT_ID: Final = "acrux"
EXCHANGE_PATH: Final = "/oauth2/exchange"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a token is asked for: where, for which service, with which scopes.

    Equal requests are answered with the same token, so this is also the key of a cache.
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
        """The realm with the query; a scope each, for servers that split them differently."""
        query = [("service", self.service)] if self.service else []
        query += [("scope", scope) for scope in sorted(map(str, self.scopes))]
        return self.realm.copy_with(
            params=httpx2.QueryParams([*self.realm.params.multi_items(), *query])
        )

    def message(self, credential: Credential | None, *, offline: bool = False) -> httpx2.Request:
        """The HTTP request: GET with Basic, or without it where there is no credential.

        `offline` asks for a refresh token too. Source: distribution, spec/auth/token.md;
        acr-protocol.md §2.1.
        """
        headers = {"Authorization": basic(credential)} if credential is not None else {}
        url = self.url
        if offline:
            url = url.copy_merge_params({"offline_token": "true", "client_id": CLIENT_ID})
        return _request("GET", url, headers)

    def form(self, fields: Fields) -> httpx2.Request:
        """The request for the same token as a form; `fields` say who asks (RFC 6749 §4.3, §6).

        The scopes are one list, as distribution, spec/auth/oauth.md, has them.
        """
        scope = " ".join(sorted(map(str, self.scopes)))
        known = {"client_id": CLIENT_ID, "service": self.service, "scope": scope}
        return self._post(self.realm, {**fields, **known})

    def exchange(self, login: SubjectToken) -> httpx2.Request:
        """The request that exchanges a subject token, on the realm's host: acr-protocol.md §3.2.

        Where the realm may receive credentials, and nowhere else.
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
    """A token as it was issued, until when to use it, and the refresh token that came with it."""

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

    Raises TokenRefused where the answer is no 200, TokenUnreadable where it holds no token, and
    RealmRefused where it came from elsewhere.
    """
    content = _content(asked, response, login)
    token = content.get("access_token") or content.get("token")
    if not isinstance(token, str) or _B64TOKEN.fullmatch(token) is None:
        raise TokenUnreadable(
            f"the answer of {asked.realm.host} holds no token: "
            "expected access_token or token, of the characters that a Bearer header may hold"
        )
    # Counted from now and not from `issued_at`: the two clocks need not agree.
    usable_until = now + _life(content.get("expires_in")) - MARGIN
    return IssuedToken(Secret(token), usable_until, content, _refresh_token(content))


def read_refresh_token(
    asked: TokenRequest, response: httpx2.Response, login: SubjectToken
) -> RefreshToken:
    """The refresh token in the answer to an exchange; raises as `read_token`."""
    token = _refresh_token(_content(asked, response, login))
    if token is None:
        raise TokenUnreadable(f"the answer of {asked.realm.host} holds no refresh_token")
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
        """Close the stream beneath."""
        cast("httpx2.SyncByteStream", self._stream).close()

    async def aclose(self) -> None:
        """Close the stream beneath."""
        await cast("httpx2.AsyncByteStream", self._stream).aclose()

    def _counted(self, chunk: bytes) -> bytes:
        self._left -= len(chunk)
        if self._left < 0:
            raise TokenUnreadable(f"the token's answer is longer than {MAX_RESPONSE_BYTES} bytes")
        return chunk


def limit(response: httpx2.Response) -> None:
    """Let no more than MAX_RESPONSE_BYTES of the response be read.

    Raises TokenUnreadable where it is compressed, which nobody asked for.
    """
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise TokenUnreadable("the token's answer is compressed, and was asked for plain")
    response.stream = Limited(response.stream)


def _merged(scopes: tuple[Scope, ...]) -> frozenset[Scope]:
    return frozenset(merge(scopes))


def _life(expires_in: object) -> timedelta:
    """How long a token lives: `expires_in` in seconds, within what is sensible."""
    if not isinstance(expires_in, int | float):
        return SHORTEST_LIFE
    # In this order NaN becomes 0, and no integer is too long for a float.
    seconds = min(LONGEST_LIFE.total_seconds(), max(0, expires_in))
    return max(SHORTEST_LIFE, timedelta(seconds=seconds))


def _object(response: httpx2.Response) -> dict[str, Any]:
    try:
        content = json.loads(response.content)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise TokenUnreadable(f"the answer of {response.url.host} is no JSON object")
    return content


def _request(method: str, url: httpx2.URL, headers: Mapping[str, str]) -> httpx2.Request:
    # Not compressed, so that the limit on its bytes is a limit on its size.
    plain = {"Accept": "application/json", "Accept-Encoding": "identity"}
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
    """The text with stars for the secret, where that stands for itself and within no word.

    Whoever chose `x` is told what the server said, and not a text without its letters x.
    """
    if not secret:
        return text
    before = r"(?<!\w)" if _is_of_a_word(secret[0]) else ""
    after = r"(?!\w)" if _is_of_a_word(secret[-1]) else ""
    return re.sub(before + re.escape(secret) + after, "***", text)


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _reason(response: httpx2.Response) -> str:
    """What the server says, in one printable line; empty where it says nothing we know to read."""
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
