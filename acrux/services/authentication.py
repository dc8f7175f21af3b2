"""Turn a credential into a principal, in the same time when refused."""

from acrux.domain.access import ADMINISTRATOR, ANONYMOUS, NOTHING, Principal, ScopeMap
from acrux.domain.credential import Credential
from acrux.errors import BadCredentials
from acrux.ports import Accounts, Passwords


class Authentication:
    """Knows who is who; `administrator` is the account that may do everything."""

    def __init__(self, accounts: Accounts, passwords: Passwords, administrator: str) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._administrator = administrator

    async def authenticate(self, credential: Credential | None) -> Principal:
        """Say who presents the credential; none, or an empty one, is anonymous.

        Raises BadCredentials for an unknown name and for a wrong password alike, after the same
        work, so that neither answer nor time tells which accounts exist.
        """
        if credential is None or credential.is_empty:
            return ANONYMOUS
        account = await self._accounts.find(credential.name)
        hashes = tuple(password.hash for password in account.passwords) if account else ()
        if not self._passwords.matches(credential.secret.reveal(), hashes) or account is None:
            raise BadCredentials("the user name or the password is wrong")
        return Principal(account.name, self.scope_map(account.name))

    async def find(self, name: str) -> Principal:
        """The principal of an account that was authenticated before.

        Raises BadCredentials where the account is gone.
        """
        if await self._accounts.find(name) is None:
            raise BadCredentials("the account of this token is gone")
        return Principal(name, self.scope_map(name))

    def scope_map(self, name: str) -> ScopeMap:
        """What the principal of this name holds now, whatever an older token says."""
        return ADMINISTRATOR if name == self._administrator else NOTHING
