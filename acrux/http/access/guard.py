"""What a route requires, and whether the bearer token grants it."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from acrux.domain.access.credential import Credential
from acrux.domain.access.grants import Grant, narrow
from acrux.domain.access.scope import (
    DELETE,
    DELETED_READ,
    DELETED_RESTORE,
    METADATA_READ,
    METADATA_WRITE,
    PULL,
    PUSH,
    READ,
    WRITE,
    on_catalog,
    on_deleted_catalog,
    on_management,
    on_metrics,
    on_repository,
)
from acrux.domain.access.token import ACCESS_TOKEN_KIND
from acrux.domain.content.upload import Session
from acrux.errors import (
    AccessRefused,
    AuthenticationRequired,
    InsufficientScope,
    InvalidName,
    InvalidToken,
    UnknownRepository,
)
from acrux.http import parsing
from acrux.http.access import authorization
from acrux.http.access.identity import Identity
from acrux.http.access.required import Required
from acrux.http.messages import Request
from acrux.services.access.tokens import Tokens
from acrux.services.content.uploads import Uploads

Requirement = Callable[[Request], Required]

NO_SCOPE: Final = Required(())

READING: Final = frozenset({"GET", "HEAD"})


def public(_: Request) -> Required:
    """Nothing: open to everyone. A row must say so."""
    return NO_SCOPE


def any_token(_: Request) -> Required:
    """A valid token, whatever it holds. docker logs in with it (acr-protocol.md §1.2)."""
    return NO_SCOPE


def pull(request: Request) -> Required:
    """Read manifests and blobs."""
    return _on(request.params["repository"], PULL)


def push(request: Request) -> Required:
    """Write manifests and blobs. As in ACR, pull is needed too (acr-protocol.md §1.4)."""
    return _on(request.params["repository"], PULL, PUSH)


def go_on(request: Request) -> Required:
    """Continue an upload: as push, but the upload may outlive the token that started it."""
    return Required(push(request).asked, upload=request.params["upload"])


def mount(request: Request) -> Required:
    """Start an upload: as push, and pull on the repository that a blob is mounted from.

    A token without that pull is refused if its account could get it, so that the client requests
    it. If the account could not, the token is enough, and the mount falls back to an upload
    (token-auth-and-oci.md §0, §3.7).
    """
    pushed = push(request)
    source = parsing.mount_source(request)
    if source is None:
        return pushed
    return Required((*pushed.asked, on_repository(source, PULL)), enough_without_right=pushed.asked)


def pusher(request: Request) -> str | None:
    """The caller, if its token lets it push to the repository that it reads here.

    Basic credentials never count: they are granted what the route requires, and that is to pull.
    """
    grant = request.grant
    return grant.principal if _on(request.params["repository"], PUSH).is_met_by(grant) else None


def delete(request: Request) -> Required:
    """Delete manifests, tags and blobs."""
    return _on(request.params["repository"], DELETE)


def list_tags(request: Request) -> Required:
    """List tags. ACR needs metadata_read; here pull is enough, as most clients hold only that."""
    # At ACR `_repositories_pull` is not enough to list tags, and helm fails (Azure/acr#600).
    name = parsing.repository(request)
    return Required(
        (on_repository(name, METADATA_READ),), also_enough=((on_repository(name, PULL),),)
    )


def read_metadata(request: Request) -> Required:
    """Read the properties of a repository, its tags and manifests."""
    return _on(request.params["repository"], METADATA_READ)


def write_metadata(request: Request) -> Required:
    """Change attributes: lock and unlock."""
    return _on(request.params["repository"], METADATA_WRITE)


def untag(request: Request) -> Required:
    """Remove a tag. ACR needs delete, its documentation says metadata_write; either is enough.

    Source: acr-protocol.md §1.4.
    """
    name = parsing.repository(request)
    return Required((on_repository(name, DELETE),), ((on_repository(name, METADATA_WRITE),),))


# The scopes that a name requires never change; whether a caller holds them is checked each time.
# A name that is too long raises an exception, and exceptions are not cached.
@lru_cache(maxsize=1024)
def _on(repository: str, *actions: str) -> Required:
    return Required((on_repository(parsing.parse_repository(repository), *actions),))


def catalog(_: Request) -> Required:
    """List repositories."""
    return Required((on_catalog(),))


def deleted_catalog(_: Request) -> Required:
    """List repositories of which something can be restored."""
    return Required((on_deleted_catalog(),))


def read_deleted(request: Request) -> Required:
    """See what was deleted of a repository and can be restored."""
    return _on(request.params["repository"], DELETED_READ)


def restore(request: Request) -> Required:
    """Restore what was deleted of a repository."""
    return _on(request.params["repository"], DELETED_READ, DELETED_RESTORE)


def read_management(_: Request) -> Required:
    """See accounts and everything that belongs to them."""
    return Required((on_management(READ),))


def write_management(_: Request) -> Required:
    """Change accounts and everything that belongs to them."""
    return Required((on_management(WRITE),))


def read_metrics(_: Request) -> Required:
    """Read the metrics."""
    return Required((on_metrics(),))


def _required(requirement: Requirement, request: Request) -> Required:
    try:
        return requirement(request)
    except InvalidName as refused:
        if request.method not in READING:
            raise
        # No repository can have this name, so there is none. `az` retries a 400 for 16 seconds.
        raise UnknownRepository(refused.message, **refused.detail) from None


# A body that arrives this fast is treated as a request without one: what this process already knows
# of revocations is fresh enough, and the database is not asked.
AT_ONCE_SECONDS: Final = 0.01


class Guard:
    """Decides on every request, from what it presents and what its route requires.

    If it `challenges`, nobody is granted anything without credentials, so that clients learn that
    there is a login. Otherwise anonymous callers are granted what they may do.
    """

    def __init__(
        self, identity: Identity, tokens: Tokens, uploads: Uploads, *, challenges: bool = True
    ) -> None:
        self._identity = identity
        self._tokens = tokens
        self._uploads = uploads
        self._challenges = challenges

    async def check(self, requirement: Requirement, request: Request) -> Grant:
        """The grant under which the request is carried out.

        What an anonymous caller may do, everybody may. It is in no token but theirs, so that it
        ends for everybody as soon as it ends for them.

        Raises AccessRefused with the scope that would have sufficed, so that the challenge
        always asks for exactly what the check requires.
        """
        required = _required(requirement, request)
        if requirement is public:
            return Grant("")
        try:
            grant = request.grant = await self._grant(required, request)
        except AccessRefused as refused:
            required.complete(refused)
            raise
        request.needed = required.met_by(grant)
        if requirement is any_token or request.needed:
            return grant
        shared = await self._identity.with_rights_of_everybody(grant, required.useful)
        request.needed = required.met_by(shared)
        if request.needed:
            request.own_grant, request.grant = grant, shared
            return shared
        if required.is_met_without_right_by(shared):
            could = await self._identity.could_get(grant, required.asked)
            if not required.is_met_by(could):
                request.own_grant, request.grant = grant, shared
                request.needed = required.enough_without_right
                return shared
        insufficient = InsufficientScope()
        required.complete(insufficient)
        raise insufficient

    async def check_again(self, requirement: Requirement, request: Request) -> None:
        """Check again, after the last byte of the body, what was granted before it.

        This notices whatever has ended the caller's rights in the meantime, in any process: an
        account or a trust that was disabled or deleted, rights that were reduced, a password that
        was renewed, tokens that were revoked, a key that was removed. A token that has only expired
        is accepted: a push may take longer than its token lives, and was allowed when it began.

        Raises AccessRefused as `check` does.
        """
        if requirement is public:  # the credential is in the body, and is checked after it
            return
        required = requirement(request)
        try:
            if request.body.waited >= AT_ONCE_SECONDS:
                await self._tokens.learn_of_revocations()
            if request.principal is not None:
                self._tokens.check_not_revoked(request.principal)
            elif request.access_token is not None:
                self._tokens.read_ended(request.access_token.reveal())
            if request.own_grant is not None:
                shared = await self._identity.with_rights_of_everybody(
                    request.own_grant, required.useful
                )
                if not (required.is_met_by(shared) or required.is_met_without_right_by(shared)):
                    raise InsufficientScope
        except AccessRefused as refused:
            required.complete(refused)
            raise

    async def _grant(self, required: Required, request: Request) -> Grant:
        presented = authorization.presented(request)
        if presented is None or (isinstance(presented, Credential) and presented.is_empty):
            # Even if anonymous callers may pull: clients conclude from a 200 of /v2/ that there is
            # no login at all, and would never request a token.
            if self._challenges:
                raise AuthenticationRequired
            return narrow(await self._identity.of(None, request.peer), required.useful)
        if isinstance(presented, Credential):
            # Basic directly on the API (acr-protocol.md §0.3, rule 30).
            principal = await self._identity.of(presented, request.peer)
            request.principal = principal
            request.authentication_method = principal.authentication_method
            return narrow(principal, required.useful)
        request.access_token = presented.secret
        token = presented.secret.reveal()
        try:
            grant = self._tokens.verify(token)
        except InvalidToken:
            return await self._second_look(token, required, request)
        request.authentication_method = ACCESS_TOKEN_KIND
        return grant

    async def _second_look(self, token: str, required: Required, request: Request) -> Grant:
        await self._tokens.learn_of_key(token)
        try:
            grant = self._tokens.verify(token)
        except InvalidToken:
            if required.upload and (outlived := await self._outlived(token, required, request)):
                return outlived
            raise
        request.authentication_method = ACCESS_TOKEN_KIND
        return grant

    async def _outlived(self, token: str, required: Required, request: Request) -> Grant | None:
        # A push may take longer than its token lives, and must not fail for that reason.
        try:
            ended = self._tokens.read_ended(token)
        except InvalidToken:
            return None
        session = Session(parsing.repository(request), ended.principal)
        capability = parsing.capability(request)
        if not required.is_met_by(
            await self._identity.with_rights_of_everybody(ended, required.useful)
        ):
            return None
        if not self._uploads.is_capability(capability, session, required.upload):
            return None
        request.has_outlived_its_token = True
        return ended
