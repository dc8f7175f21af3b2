"""Handlers of /management/v1/users."""

from urllib.parse import quote

from acrux.domain.access.credential import Secret
from acrux.http import paging, parsing, responses
from acrux.http.management import bodies, shapes
from acrux.http.messages import Request, Response
from acrux.services.access.users import Users

USERS = "/management/v1/users"


class UserManagement:
    """What `acrux user` does, over HTTP."""

    def __init__(self, users: Users) -> None:
        self._users = users

    async def list(self, request: Request) -> Response:
        """GET: a page of the users."""
        page = paging.page(request)
        found = await self._users.page(page)
        names = [one.username for one in found.items]
        content = shapes.UserList(list(map(shapes.user, found.items)))
        following = responses.last_item(names, more=found.more)
        return responses.collection(USERS, content, page, following, paging.filters(request))

    async def create(self, request: Request) -> Response:
        """POST: an account for a user."""
        wanted = await bodies.read(request, bodies.CreateUser)
        password = Secret(wanted.password)
        created = await self._users.create(wanted.name, wanted.scope_map_id, password)
        return responses.created(f"{USERS}/{quote(wanted.name)}", shapes.user(created))

    async def show(self, request: Request) -> Response:
        """GET: a user's account."""
        return responses.json(shapes.user(await self._users.show(parsing.name(request))))

    async def change(self, request: Request) -> Response:
        """PATCH: change the scope map or status; reducing the rights revokes the tokens."""
        name, change = parsing.name(request), await bodies.read(request, bodies.ChangeUser)
        if change == bodies.ChangeUser():
            return await self.show(request)
        status = bodies.given(change.status)
        changed = await self._users.change(
            name,
            scope_map=bodies.given(change.scope_map_id),
            is_enabled=None if status is None else status == "enabled",
        )
        return responses.json(shapes.user(changed))

    async def delete(self, request: Request) -> Response:
        """DELETE: the user's account; its tokens are revoked."""
        await self._users.delete(parsing.name(request))
        return responses.empty(204)

    async def set_password(self, request: Request) -> Response:
        """POST: set the password; the user's tokens are revoked."""
        name, wanted = parsing.name(request), await bodies.read(request, bodies.SetPassword)
        changed = await self._users.set_password(name, Secret(wanted.password))
        return responses.json(shapes.user(changed))

    async def revoke(self, request: Request) -> Response:
        """POST: revoke all tokens of the user; the password keeps working."""
        await self._users.revoke(parsing.name(request))
        return responses.empty(204)
