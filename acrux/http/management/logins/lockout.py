"""Handlers of /management/v1/lockout."""

from acrux.errors import InvalidRequest
from acrux.http import responses
from acrux.http.management.bodies import read
from acrux.http.management.logins import bodies, shapes
from acrux.http.messages import Request, Response
from acrux.services.access.accounts import Accounts
from acrux.services.access.lockout import Lockout
from acrux.services.access.users import Users


class LockoutManagement:
    """What `acrux lockout` does, over HTTP."""

    def __init__(self, lockout: Lockout, accounts: Accounts, users: Users) -> None:
        self._lockout = lockout
        self._accounts = accounts
        self._users = users

    async def list(self, _: Request) -> Response:
        """GET: the failed logins that still count; only names of accounts are shown."""
        accounts = [account.username for account in await self._accounts.list()]
        users = [user.username for user in await self._users.list()]
        shown = await self._lockout.show(accounts + users)
        return responses.json(shapes.FailedLoginsList(list(map(shapes.failed_logins, shown))))

    async def clear(self, request: Request) -> Response:
        """POST: forgive failed logins and lift their waits, on every worker within a second."""
        wanted = await read(request, bodies.ClearLockout)
        if wanted.all == (wanted.account is not None or wanted.address is not None):
            raise InvalidRequest("give account or address or both, or all")
        await self._lockout.forgive(account=wanted.account, address=wanted.address)
        return responses.empty(204)
