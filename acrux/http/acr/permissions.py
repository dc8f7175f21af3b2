"""Handler of /acr/v1/_permissions: what the caller may do."""

from typing import Final

from acrux.domain.access.grants import ANONYMOUS, Grant
from acrux.domain.access.scope import DELETED_READ, DELETED_RESTORE, EVERYTHING
from acrux.domain.content.names import RepositoryName
from acrux.http import parsing, responses
from acrux.http.access.identity import Identity
from acrux.http.messages import Request, Response

_ALL: Final = frozenset({EVERYTHING, DELETED_READ, DELETED_RESTORE})


class PermissionHandlers:
    """What a caller may do, as it may know it: nobody is asked about somebody else."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    async def show(self, request: Request) -> Response:
        """GET: what the caller's credential allows, with what everybody may do.

        On a repository, that is the `actions` of a token for it. On all of them, it is the
        `permissions` of a scope map.

        Query: repository.
        """
        principal, grant = request.principal, request.grant
        own = grant.scope_map if principal is None else principal.scope_map
        held = own.joined(await self._identity.scope_map(Grant(ANONYMOUS.name)))
        named = parsing.first(request, "repository")
        if named is None:
            return responses.json(
                {"catalog": held.catalog, "permissions": held.ordered_permissions}
            )
        name = RepositoryName.parse(named).value
        return responses.json({"actions": sorted(held.allowed_actions(name, _ALL))})
