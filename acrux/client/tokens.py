"""A token request, the token it brings, and how long that may be used."""

import base64
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self, cast

import httpx2

from acrux.client.challenge import Challenge
from acrux.client.errors import RealmRefused, TokenRefused, TokenUnreadable
from acrux.domain.credential import Credential, Secret
from acrux.domain.scope import Scope, merge, parse_all

# distribution, spec/auth/token.md: a token that does not say otherwise lives 60 s, and none less.
SHORTEST_LIFE: Final = timedelta(seconds=60)
LONGEST_LIFE: Final = timedelta(days=1)
# A token this near to its end may end on its way to the registry.
MARGIN: Final = timedelta(seconds=10)
MAX_RESPONSE_BYTES: Final = 1024 * 1024
TIMEOUT: Final = httpx2.Timeout(15.0)

# RFC 6750 §2.1: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
_B64TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
MAX_MESSAGE_CHARACTERS: Final = 200


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

    def message(self, credential: Credential | None) -> httpx2.Request:
        """The HTTP request: GET with Basic, or without it where there is no credential.

        Source: distribution, spec/auth/token.md; acr-protocol.md §2.1.
        """
        # Not compressed, so that the limit on its bytes is a limit on its size.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if credential is not None:
            headers["Authorization"] = basic(credential)
        timeout = {"timeout": TIMEOUT.as_dict()}
        return httpx2.Request("GET", self.url, headers=headers, extensions=timeout)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token as it was issued, and until when to use it."""

    text: Secret
    usable_until: datetime
    response: dict[str, Any]

    @property
    def header(self) -> str:
        """The Authorization header that presents it (RFC 6750 §2.1)."""
        return f"Bearer {self.text.reveal()}"


def basic(credential: Credential) -> str:
    """The Authorization header that presents a credential (RFC 7617, in UTF-8)."""
    pair = f"{credential.name}:{credential.secret.reveal()}".encode()
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def read_token(
    asked: TokenRequest, response: httpx2.Response, credential: Credential | None, now: datetime
) -> IssuedToken:
    """The token in the answer to a token request. Its body must have been read.

    Raises TokenRefused where the answer is no 200, TokenUnreadable where it holds no token, and
    RealmRefused where it came from elsewhere.
    """
    if response.url.origin != asked.realm.origin:
        raise RealmRefused(
            f"the realm {asked.realm.host} redirected to {response.url.host}: "
            "a token from there is not used"
        )
    if response.status_code != 200:
        raise TokenRefused(_refusal(response, credential), status=response.status_code)
    content = _object(response)
    token = content.get("access_token") or content.get("token")
    if not isinstance(token, str) or _B64TOKEN.fullmatch(token) is None:
        raise TokenUnreadable(
            f"the answer of {asked.realm.host} holds no token: "
            "expected access_token or token, of the characters that a Bearer header may hold"
        )
    # Counted from now and not from `issued_at`: the two clocks need not agree.
    return IssuedToken(Secret(token), now + _life(content.get("expires_in")) - MARGIN, content)


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


def _refusal(response: httpx2.Response, credential: Credential | None) -> str:
    status = f"{response.status_code} {response.reason_phrase}".strip()
    who = (
        f"the credentials of {credential.name!r}" if credential else "a request without credentials"
    )
    said = _reason(response)
    if credential and credential.secret.reveal():
        said = said.replace(credential.secret.reveal(), "***")
    return f"{response.url.host} answered {who} with {status}" + (f": {said}" if said else "")


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
