"""Handlers of /management/v1/tokens: accounts and their passwords."""

from acrux.http import paging, parsing, responses
from acrux.http.management import bodies, shapes
from acrux.http.messages import Request, Response
from acrux.services.access.accounts import TOKEN_PASSWORDS, Accounts

TOKENS = "/management/v1/tokens"


class AccountManagement:
    """What `acrux token` does, over HTTP."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def list(self, request: Request) -> Response:
        """GET: a page of the accounts."""
        page = paging.page(request)
        found = await self._accounts.page(page)
        names = [account.username for account in found.items]
        content = shapes.TokenList([shapes.listed_token(account) for account in found.items])
        following = responses.last_item(names, more=found.more)
        return responses.collection(TOKENS, content, page, following, paging.filters(request))

    async def create(self, request: Request) -> Response:
        """POST: create an account; its passwords are shown only in this answer."""
        wanted = await bodies.read(request, bodies.CreateToken)
        created = await self._accounts.create(
            wanted.name,
            wanted.scope_map_id,
            password_names=TOKEN_PASSWORDS if wanted.generate_passwords else (),
            expires_at=wanted.expiry,
        )
        shown = shapes.token(created)
        if wanted.status == "disabled":
            await self._accounts.change(wanted.name, is_enabled=False)
            shown.status = wanted.status
        return responses.created(f"{TOKENS}/{shown.name}", shown)

    async def show(self, request: Request) -> Response:
        """GET: an account."""
        return responses.json(shapes.token(await self._accounts.show(parsing.name(request))))

    async def change(self, request: Request) -> Response:
        """PATCH: change its scope map or status; reducing its rights revokes its tokens."""
        name, change = parsing.name(request), await bodies.read(request, bodies.ChangeToken)
        if change == bodies.ChangeToken():
            return await self.show(request)
        status = bodies.given(change.status)
        changed = await self._accounts.change(
            name,
            scope_map=bodies.given(change.scope_map_id),
            is_enabled=None if status is None else status == "enabled",
        )
        return responses.json(shapes.token(changed))

    async def delete(self, request: Request) -> Response:
        """DELETE: the account; its tokens are revoked."""
        await self._accounts.delete(parsing.name(request))
        return responses.empty(204)

    async def generate_credentials(self, request: Request) -> Response:
        """POST: regenerate one password or both; tokens from the old ones are revoked."""
        name, wanted = parsing.name(request), await bodies.read(request, bodies.GenerateCredentials)
        names = (wanted.name,) if wanted.name else await self._accounts.password_names(name)
        made = [
            shapes.credentials(await self._accounts.renew_password(name, one, wanted.expiry), one)
            for one in names
        ]
        passwords = [password for each in made for password in each.passwords]
        return responses.secret(shapes.Credentials(username=name, passwords=passwords))

    async def delete_password(self, request: Request) -> Response:
        """DELETE: a password; the tokens obtained with it are revoked."""
        await self._accounts.delete_password(parsing.name(request), parsing.password_name(request))
        return responses.empty(204)

    async def revoke(self, request: Request) -> Response:
        """POST: revoke all tokens of the account; its passwords keep working."""
        await self._accounts.revoke(parsing.name(request))
        return responses.empty(204)
