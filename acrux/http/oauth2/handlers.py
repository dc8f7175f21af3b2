"""Handlers of /oauth2/token and /oauth2/exchange, and of the keys."""

from typing import Final

from acrux.domain.access.credential import Credential
from acrux.domain.access.grants import ANONYMOUS, Grant, Principal
from acrux.domain.access.token import REFRESH_TOKEN_KIND
from acrux.errors import AuthenticationRequired, BadCredentials, InvalidRequest, InvalidToken
from acrux.http import parsing, responses
from acrux.http.access import authorization
from acrux.http.access.identity import Identity
from acrux.http.access.origin import Origins
from acrux.http.messages import Request, Response
from acrux.http.oauth2 import forms
from acrux.http.oauth2.forms import Form
from acrux.services.access.limits import Limit
from acrux.services.access.tokens import Tokens

# By which tokens are counted. A GET names no grant type: it is the login of docker and others.
LOGIN: Final = "login"
EXCHANGED: Final = ("access_token", "access_token_refresh_token", "refresh_token")
GRANT_TYPES: Final = (LOGIN, "password", *EXCHANGED)


class TokenHandlers:
    """Tokens for credentials (acr-protocol.md §2, §3). `issued` counts them by grant type."""

    def __init__(self, identity: Identity, tokens: Tokens, origins: Origins, limit: Limit) -> None:
        self._identity = identity
        self._tokens = tokens
        self._origins = origins
        self.issued = dict.fromkeys(GRANT_TYPES, 0)
        self._limit = limit

    async def issue(self, request: Request) -> Response:
        """GET: with Basic, an access token for the scopes that are both requested and allowed.

        Operation: Authentication_GetAcrAccessTokenFromLogin.
        Query: service, scope, which may be repeated, and offline_token, which adds a refresh token
        if the password was a token.
        """
        credential = authorization.presented(request)
        if credential is not None and not isinstance(credential, Credential):
            raise BadCredentials("the token endpoint takes Basic authentication, not Bearer")
        request.asked = parsing.scopes(request)
        principal = self._known(await self._identity.of(credential, request.peer), request)
        service = parsing.service(request) or self._login_server(request)
        issued = self._tokens.issue(principal, service, request.asked)
        request.grant = issued.token.grant
        self.issued[LOGIN] += 1
        # docker keeps a refresh token in place of the password, and then its login ends with it.
        wants_refresh_token = parsing.wants_refresh_token(request)
        may_refresh = principal.presented_token and self._tokens.may_refresh(principal, service)
        if wants_refresh_token and may_refresh:
            return responses.issued(issued, self._tokens.issue_refresh(principal, service))
        return responses.issued(issued)

    async def grant(self, request: Request) -> Response:
        """POST: with a form, an access token for a password or a refresh token.

        Operation: Authentication_ExchangeAcrRefreshTokenForAcrAccessToken.
        Form: grant_type, service, scope, username, password, refresh_token, access_type
        (RFC 6749 §4.3, §6).
        """
        form = await forms.read(request)
        request.asked = form.scopes
        principal = self._known(await self._grant(form, request.peer), request)
        service = form.service or self._login_server(request)
        issued = self._tokens.issue(principal, service, request.asked)
        request.grant = issued.token.grant
        self.issued[form.grant_type] += 1
        if form.grant_type == REFRESH_TOKEN_KIND:
            return responses.issued(issued, form.refresh_token)
        if form.wants_refresh_token and self._tokens.may_refresh(principal, service):
            return responses.issued(issued, self._tokens.issue_refresh(principal, service))
        return responses.issued(issued)

    async def _grant(self, form: Form, address: str) -> Principal:
        # containerd and BuildKit log in like this (Azure/acr#104).
        if form.grant_type == "password":
            return await self._identity.of(form.credential, address)
        if form.grant_type == "refresh_token":
            return await self._identity.of_refresh_token(form.refresh_token)
        raise InvalidRequest("grant_type must be password or refresh_token")

    async def exchange(self, request: Request) -> Response:
        """POST: a refresh token for a token of an external issuer, or for an earlier refresh token.

        Operation: Authentication_ExchangeAadAccessTokenForAcrRefreshToken.
        Form: grant_type, service, access_token, refresh_token (acr-protocol.md §3.2).
        """
        form = await forms.read(request)
        if form.grant_type not in EXCHANGED:
            raise InvalidRequest(
                f"grant_type must be {', '.join(EXCHANGED[:-1])} or {EXCHANGED[-1]}"
            )
        presented = form.access_token or form.refresh_token
        service = form.service or self._login_server(request)
        if principal := await self._identity.of_subject_token(presented):
            self._count(request, principal.name, principal.authentication_method)
            refresh_token = self._tokens.issue_refresh(principal, service)
            self.issued[form.grant_type] += 1
            return responses.refresh(refresh_token)
        await self._tokens.learn_of_key(presented)
        try:
            old = self._tokens.redeem(presented)
        except InvalidToken as refused:
            raise BadCredentials.of_token(refused, "retrieving permissions failed: ") from None
        self._count(request, old.principal, REFRESH_TOKEN_KIND)
        refresh_token = self._tokens.exchange(old, service)
        self.issued[form.grant_type] += 1
        return responses.refresh(refresh_token)

    async def public_keys(self, _: Request) -> Response:
        """GET: the keys that verify the access tokens of this registry (RFC 7517)."""
        return responses.key_set(self._tokens.public_keys())

    def _known(self, principal: Principal, request: Request) -> Principal:
        # If anonymous callers have no rights, a token without any would only postpone the refusal.
        if principal == ANONYMOUS:
            raise AuthenticationRequired("authentication required: send a user name and a password")
        self._count(request, principal.name, principal.authentication_method)
        return principal

    def _count(self, request: Request, account: str, authentication_method: str) -> None:
        # Only now: whoever names an account must not use up what it may do.
        request.grant = Grant(account)  # for the log and the audit log
        request.authentication_method = authentication_method
        self._limit.count(account, request.peer)

    def _login_server(self, request: Request) -> str:
        return self._origins.of(request).login_server
