"""Who a user name and a password, or a token in its place, stand for."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from acrux.domain.access import Grant, Principal, narrow
from acrux.domain.credential import Credential
from acrux.domain.scope import Scope
from acrux.domain.token import REFRESH_TOKEN_KIND, TOKEN_USER
from acrux.errors import BadCredentials, InvalidToken
from acrux.services.authentication import Authentication
from acrux.services.guessing import Guessing
from acrux.services.tokens import Tokens


class Identity:
    """Authenticates with a password, or with a token in its place (acr-protocol.md §2.1)."""

    def __init__(self, authentication: Authentication, guessing: Guessing, tokens: Tokens) -> None:
        self._authentication = authentication
        self._guessing = guessing
        self._tokens = tokens

    async def of(self, credential: Credential | None, address: str) -> Principal:
        """Say who presents the credential from this address.

        Raises BadCredentials, and TooManyRequests after too many of them.
        """
        if credential is None or credential.is_empty:
            return await self._authentication.authenticate(None)
        if credential.name != TOKEN_USER:
            check = partial(self._authentication.authenticate, credential)
            return await self._guessing.attempt(credential.name, address, check)
        try:
            return await self._of_token(credential.secret.reveal())
        except BadCredentials:
            await self._guessing.refuse_token(address)
            raise

    async def _of_token(self, token: str) -> Principal:
        if self._tokens.is_refresh(token):
            return await self.of_refresh_token(token)
        return self._of_access_token(token)

    def _of_access_token(self, text: str) -> Principal:
        try:
            return self._tokens.holder(text)
        except InvalidToken as refused:
            raise BadCredentials.of_token(refused) from None

    async def could_get(self, name: str, scopes: Iterable[Scope]) -> Grant:
        """What the account of this name would be granted, if it asked for these scopes now."""
        return narrow(Principal(name, await self._authentication.scope_map(name)), scopes)

    async def of_refresh_token(self, text: str) -> Principal:
        """Say for whom the refresh token stands. Raises BadCredentials."""
        try:
            token = self._tokens.redeem(text)
        except InvalidToken as refused:
            raise BadCredentials.of_token(refused) from None
        principal = await self._authentication.find(token.principal)
        return replace(principal, proof=REFRESH_TOKEN_KIND, refresh_until=token.expires_at)
