"""Who a user name and a password, or a token in its place, stand for."""

from collections.abc import Iterable

from acrux.domain.access import Grant, Principal, narrow
from acrux.domain.credential import Credential
from acrux.domain.scope import Scope
from acrux.domain.token import TOKEN_USER
from acrux.errors import BadCredentials, InvalidToken
from acrux.services.authentication import Authentication
from acrux.services.tokens import Tokens


class Identity:
    """Authenticates with a password, or with a token in its place (acr-protocol.md §2.1)."""

    def __init__(self, authentication: Authentication, tokens: Tokens) -> None:
        self._authentication = authentication
        self._tokens = tokens

    async def of(self, credential: Credential | None) -> Principal:
        """Say who presents the credential. Raises BadCredentials."""
        if credential is None or credential.name != TOKEN_USER:
            return await self._authentication.authenticate(credential)
        return await self.of_refresh_token(credential.secret.reveal())

    async def could_get(self, name: str, scopes: Iterable[Scope]) -> Grant:
        """What the account of this name would be granted, if it asked for these scopes now."""
        return narrow(Principal(name, await self._authentication.scope_map(name)), scopes)

    async def of_refresh_token(self, text: str) -> Principal:
        """Say for whom the refresh token stands. Raises BadCredentials."""
        try:
            name = self._tokens.redeem(text)
        except InvalidToken as refused:
            raise BadCredentials(refused.message) from None
        return await self._authentication.find(name)
