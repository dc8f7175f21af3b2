"""Handlers of /oauth2/token, and of the keys behind its tokens."""

from acrux.domain.access import ANONYMOUS, NOTHING
from acrux.domain.credential import Credential
from acrux.errors import AuthenticationRequired, BadCredentials
from acrux.http import parsing, responses
from acrux.http.messages import Request, Response
from acrux.http.origin import Origins
from acrux.services.authentication import Authentication
from acrux.services.tokens import Tokens


class TokenHandlers:
    """Where a user name and a password become an access token (acr-protocol.md §2)."""

    def __init__(self, authentication: Authentication, tokens: Tokens, origins: Origins) -> None:
        self._authentication = authentication
        self._tokens = tokens
        self._origins = origins

    async def issue(self, request: Request) -> Response:
        """GET: a token that holds what is asked and allowed."""
        credential = parsing.authorization(request)
        if credential is not None and not isinstance(credential, Credential):
            raise BadCredentials("the token end-point takes Basic authentication, not Bearer")
        principal = await self._authentication.authenticate(credential)
        if principal == ANONYMOUS and principal.scope_map == NOTHING:
            raise AuthenticationRequired("authentication required: send a user name and a password")
        service = parsing.service(request) or self._origins.of(request).login_server
        return responses.issued(self._tokens.issue(principal, service, parsing.scopes(request)))

    async def public_keys(self, _: Request) -> Response:
        """GET: the keys that verify our tokens."""
        return responses.json(self._tokens.public_keys())
