"""Handlers of /management/v1/registry, and of the admin user."""

from msgspec import UNSET

from acrux.errors import InvalidRequest
from acrux.http import responses
from acrux.http.management import bodies, shapes
from acrux.http.messages import Request, Response
from acrux.services.access.accounts import EVERYTHING_PULLED, Accounts


class RegistryManagement:
    """What `acrux update` and `acrux credential` do, over HTTP.

    `name` is the name of the registry and of its admin user.
    """

    def __init__(self, accounts: Accounts, name: str, login_servers: tuple[str, ...]) -> None:
        self._accounts = accounts
        self._name = name
        self._login_servers = login_servers

    async def show(self, _: Request) -> Response:
        """GET: what is enabled."""
        return await self._shown()

    async def change(self, request: Request) -> Response:
        """PATCH: enable or disable the admin user, and what anonymous callers may do."""
        change = await bodies.read(request, bodies.ChangeRegistry)
        pull, scope_map = change.anonymous_pull_enabled, change.anonymous_scope_map_id
        if pull is not UNSET and scope_map is not UNSET:
            raise InvalidRequest("give either anonymousPullEnabled or anonymousScopeMapId")
        if pull is not UNSET:
            scope_map = EVERYTHING_PULLED if pull else None
        if scope_map is not UNSET:
            await self._accounts.let_anonymous(scope_map)
        if change.admin_user_enabled is not UNSET:
            await self._accounts.change(self._name, is_enabled=change.admin_user_enabled)
        return await self._shown()

    async def list_credentials(self, _: Request) -> Response:
        """POST: the admin user and the names of its passwords, whose values are not stored."""
        return responses.json(shapes.credentials(await self._accounts.show(self._name)))

    async def regenerate_credential(self, request: Request) -> Response:
        """POST: regenerate a password of the admin user; tokens from the old one are revoked."""
        wanted = await bodies.read(request, bodies.RegenerateCredential)
        renewed = await self._accounts.renew_password(self._name, wanted.name)
        return responses.secret(shapes.credentials(renewed))

    async def _shown(self) -> Response:
        anonymous = await self._accounts.anonymous_scope_map()
        administrator = await self._accounts.show(self._name)
        return responses.json(shapes.registry(administrator, self._login_servers, anonymous))
