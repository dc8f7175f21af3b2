"""Find the principal of a user name with a password or a token."""

from collections.abc import Iterable
from functools import partial

from msgspec.structs import replace

from acrux.domain.access.credential import Credential
from acrux.domain.access.federated import TRUSTS
from acrux.domain.access.grants import ANONYMOUS, Grant, Principal, narrow
from acrux.domain.access.reason import PROVEN
from acrux.domain.access.scope import METADATA_READ, PULL, Scope
from acrux.domain.access.scope_maps import ScopeMap
from acrux.domain.access.token import REFRESH_TOKEN_KIND, TOKEN_USER
from acrux.domain.content.patterns import RepositoryPattern
from acrux.errors import BadCredentials, InvalidToken
from acrux.http.messages import Request
from acrux.services.access.authentication import Authentication
from acrux.services.access.federation import Federation
from acrux.services.access.lockout import Lockout
from acrux.services.access.tokens import Tokens


class Identity:
    """Authenticates with a password, or with a token in its place (acr-protocol.md §2.1)."""

    def __init__(
        self,
        authentication: Authentication,
        federation: Federation,
        lockout: Lockout,
        tokens: Tokens,
    ) -> None:
        self._authentication = authentication
        self._federation = federation
        self._lockout = lockout
        self._tokens = tokens

    async def of(self, credential: Credential | None, address: str) -> Principal:
        """The principal that presents the credential from this address.

        The user name decides what the secret is, so that a password is never parsed as a token, nor
        a token tried as a password: the user of zeros presents a token of ours or of a trusted
        issuer, and `trusts/NAME` a token that this trust has to accept.

        Raises BadCredentials, and TooManyRequests after too many of them; for the token of an
        external issuer also Denied and IssuerUnavailable.
        """
        if credential is None or credential.is_empty:
            return await self._authentication.authenticate(None)
        name, secret = credential.name, credential.secret.reveal()
        if name != TOKEN_USER and not name.startswith(TRUSTS):
            check = partial(self._authentication.authenticate, credential)
            return await self._lockout.attempt(name, address, check)
        try:
            if name == TOKEN_USER:
                return await self._of_token(secret)
            return await self._federation.authenticate(secret, name.removeprefix(TRUSTS))
        except BadCredentials as refused:
            # A credential that was once valid is not a guess: a fleet may present it all day.
            if refused.reason not in PROVEN:
                await self._lockout.refuse_token(address)
            raise

    async def _of_token(self, token: str) -> Principal:
        # The issuer is checked first: tokens of external issuers may have a grant_type too.
        if principal := await self.of_subject_token(token):
            return principal
        if self._tokens.is_refresh(token):
            return await self.of_refresh_token(token)
        return await self._of_access_token(token)

    async def _of_access_token(self, text: str) -> Principal:
        await self._tokens.learn_of_key(text)
        try:
            return self._tokens.holder(text)
        except InvalidToken as refused:
            raise BadCredentials.of_token(refused) from None

    async def of_subject_token(self, text: str) -> Principal | None:
        """The principal of an external issuer's token, None if the text is not one.

        Raises BadCredentials, Denied, IssuerUnavailable.
        """
        if not self._federation.is_subject_token(text):
            return None
        return await self._federation.authenticate(text)

    async def of_refresh_token(self, text: str) -> Principal:
        """The principal of the refresh token. Raises BadCredentials."""
        await self._tokens.learn_of_key(text)
        try:
            token = self._tokens.redeem(text)
            principal = await (
                self._authentication.find(token.principal)
                if token.federated is None
                else self._federation.find(token.federated)
            )
            # Another worker may have revoked it a moment ago.
            await self._tokens.learn_of_revocations()
            self._tokens.check_refresh(token)
        except InvalidToken as refused:
            raise BadCredentials.of_token(refused) from None
        return replace(
            principal,
            authentication_method=REFRESH_TOKEN_KIND,
            password=token.password,
            refresh_until=token.expires_at,
        )

    async def standing(self, text: str) -> str:
        """The reason why a token of ours would be refused; empty if it would be accepted.

        Nobody is asked about a token of another issuer: it is not ours.
        """
        try:
            if self._tokens.is_refresh(text):
                await self.of_refresh_token(text)
            else:
                await self._of_access_token(text)
        except BadCredentials as refused:
            return refused.reason
        return ""

    async def scope_map(self, grant: Grant) -> ScopeMap:
        """The current rights of the grant's holder, whatever their token says.

        They include what anonymous callers may do, which everybody may.
        """
        if grant.federated is not None:
            own = await self._federation.scope_map(grant.federated)
        else:
            own = await self._authentication.scope_map(grant.principal)
        return own.joined(await self._authentication.scope_map(ANONYMOUS.name))

    async def visible(self, request: Request) -> tuple[RepositoryPattern, ...]:
        """The repositories that the request may list, by the current rights of whoever sent it.

        Those in its token are no measure: a list must not leak names. Who may list only because
        everybody may sees what everybody sees.
        """
        lister = request.grant if request.own_grant is None else Grant(ANONYMOUS.name)
        return (await self.scope_map(lister)).patterns(PULL, METADATA_READ)

    async def with_rights_of_everybody(self, grant: Grant, scopes: Iterable[Scope]) -> Grant:
        """The grant, and those of the scopes that an anonymous caller would be granted now."""
        everybody = await self._authentication.scope_map(ANONYMOUS.name)
        shared = narrow(Principal(grant.principal, everybody), scopes)
        return replace(grant, scopes=(*grant.scopes, *shared.scopes))

    async def could_get(self, grant: Grant, scopes: Iterable[Scope]) -> Grant:
        """What the grant's holder would be granted if they requested these scopes now."""
        return narrow(Principal(grant.principal, await self.scope_map(grant)), scopes)
