"""Build the endpoints for who runs a command on the data directory."""

from acrux import edge
from acrux.bootstrap.application import build_handlers
from acrux.bootstrap.services import Services
from acrux.domain.access.grants import Grant
from acrux.domain.access.scope_maps import ADMINISTRATOR, ScopeMap
from acrux.http.access.identity import Identity
from acrux.http.routes import Row, table
from acrux.settings import Settings


class OperatorIdentity(Identity):
    """Everybody who calls these handlers can open the data directory, and may do everything."""

    async def scope_map(self, grant: Grant) -> ScopeMap:  # noqa: ARG002 -- whoever it is
        """All rights."""
        return ADMINISTRATOR


def rows_of_operator(settings: Settings, services: Services) -> tuple[Row, ...]:
    """The routing table, for calls in this process. No server has these handlers.

    The guard is not among them: whoever calls them must be allowed to do everything.
    """
    identity = OperatorIdentity(
        services.authentication, services.federation, services.lockout, services.tokens
    )
    origins = edge.origins(settings)
    return table(build_handlers(settings, services, identity, origins, lambda: ""))
