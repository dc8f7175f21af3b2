"""Log a person in with an OpenID issuer: the authorization code flow."""

import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from acrux.adapters.keys.compact_jws import base64url
from acrux.adapters.openid.discovery import checked, conversation, discover, read, unavailable
from acrux.errors import TooManyRequests

if TYPE_CHECKING:
    import httpx2

SCOPE: Final = "openid profile email"
AT_ONCE: Final = 8  # conversations with the issuer: nobody has to log in to begin one


class AuthorizationCode:
    """Sends people to an issuer, and gets a token for the code that they come back with.

    With PKCE and its method S256 (RFC 7636), whether or not the client has a `secret`, which is
    sent as `client_secret_basic` (RFC 6749 §2.3.1). `headers` are added to each request. Methods
    raise IssuerUnavailable, and TooManyRequests if AT_ONCE of them are under way.
    """

    def __init__(
        self, secret: str, headers: Callable[[], Mapping[str, str]] = dict[str, str]
    ) -> None:
        self._secret = secret
        self._headers = headers
        self._conversations = 0

    async def address(
        self, issuer: str, client: str, back: str, state: str, nonce: str, verifier: str
    ) -> str:
        """Where the browser is sent (OpenID Connect Core 1.0 §3.1.2.1).

        The person comes back to the address `back`.
        """
        async with self._conversation(issuer) as calling:
            document = await discover(calling, issuer)
        endpoint = checked(document.get("authorization_endpoint"), issuer)
        query = {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": back,
            "scope": SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def token(self, issuer: str, client: str, back: str, code: str, verifier: str) -> str:
        """The ID token for a code (OpenID Connect Core 1.0 §3.1.3), which is not verified here."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": client,
            "code_verifier": verifier,
        }
        async with self._conversation(issuer) as calling:
            document = await discover(calling, issuer)
            if self._secret:
                named = f"{quote(client, safe='')}:{quote(self._secret, safe='')}".encode()
                calling.headers["Authorization"] = f"Basic {base64.b64encode(named).decode()}"
            endpoint = checked(document.get("token_endpoint"), issuer)
            answer = await read(calling, endpoint, issuer, form)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise unavailable(issuer, "it answered a code without an ID token")
        return token

    @asynccontextmanager
    async def _conversation(self, issuer: str) -> "AsyncIterator[httpx2.AsyncClient]":
        if self._conversations >= AT_ONCE:
            raise TooManyRequests(
                "many people are logging in with this issuer: try again in a moment", retry_after=1
            )
        self._conversations += 1
        try:
            async with conversation(issuer, self._headers) as calling:
                yield calling
        finally:
            self._conversations -= 1


def _challenge(verifier: str) -> str:
    return base64url(hashlib.sha256(verifier.encode()).digest())
