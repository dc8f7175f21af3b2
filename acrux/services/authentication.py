"""Turn a credential into a principal, in the same time when refused."""

from datetime import datetime

from acrux.domain import scope_maps
from acrux.domain.access import ANONYMOUS, NOTHING, Principal, ScopeMap
from acrux.domain.credential import Credential
from acrux.domain.reason import Reason
from acrux.errors import BadCredentials
from acrux.ports.accounts import Account, Accounts, Passwords
from acrux.ports.clock import Clock

# Reading a scope map of five hundred permissions takes longer than all else in a token request.
REMEMBERED_SCOPE_MAPS = 10_000


class Authentication:
    """Knows who is who, and what they hold now. The anonymous principal has an account too."""

    def __init__(
        self,
        accounts: Accounts,
        passwords: Passwords,
        clock: Clock,
        remembered: int = REMEMBERED_SCOPE_MAPS,
    ) -> None:
        self._remembered = remembered
        self._accounts = accounts
        self._passwords = passwords
        self._clock = clock
        self._read: dict[tuple[str, tuple[str, ...]], ScopeMap] = {}

    async def authenticate(self, credential: Credential | None) -> Principal:
        """Say who presents the credential; none, or an empty one, is anonymous.

        Raises BadCredentials for an unknown name, a disabled account, an expired and a wrong
        password alike, after the same work, so that neither answer nor time tells which accounts
        exist.
        """
        if credential is None or credential.is_empty:
            return await self._anonymous()
        account = await self._accounts.find(credential.name)
        secret, now = credential.secret.reveal(), self._clock()
        is_right = self._passwords.matches(secret, _hashes(account, now, expired=False))
        was_right = self._passwords.matches(secret, _hashes(account, now, expired=True))
        if not is_right or account is None or not account.is_enabled:
            raise BadCredentials(
                "the user name or the password is wrong",
                reason=_reason(account, is_right=is_right, was_right=was_right),
                account=account.name if account else "",
            )
        return self._principal(account)

    async def find(self, name: str) -> Principal:
        """The principal of an account that was authenticated before.

        Raises BadCredentials where the account is gone or disabled.
        """
        account = await self._accounts.find(name)
        if account is None or not account.is_enabled:
            raise BadCredentials(
                "the account of this token is gone or disabled",
                reason=Reason.DISABLED_ACCOUNT if account else Reason.GONE_ACCOUNT,
                account=name,
            )
        return self._principal(account)

    async def scope_map(self, name: str) -> ScopeMap:
        """What the principal of this name holds now, whatever an older token says."""
        account = await self._accounts.find(name)
        return NOTHING if account is None or not account.is_enabled else self._scope_map(account)

    async def _anonymous(self) -> Principal:
        account = await self._accounts.find(ANONYMOUS.name)
        return ANONYMOUS if account is None or not account.is_enabled else self._principal(account)

    def _principal(self, account: Account) -> Principal:
        return Principal(account.name, self._scope_map(account), account.epoch)

    def _scope_map(self, account: Account) -> ScopeMap:
        # By its whole text: what was read of another text can never answer for this one.
        key = (account.scope_map, account.permissions)
        if key not in self._read:
            if len(self._read) >= self._remembered:
                self._read.clear()
            self._read[key] = scope_maps.read(*key)
        return self._read[key]


def _hashes(account: Account | None, now: datetime, *, expired: bool) -> tuple[str, ...]:
    return tuple(
        password.hash
        for password in (account.passwords if account else ())
        if (password.expires_at is not None and password.expires_at <= now) == expired
    )


def _reason(account: Account | None, *, is_right: bool, was_right: bool) -> Reason:
    if account is None:
        return Reason.UNKNOWN_NAME
    if is_right:
        return Reason.DISABLED_ACCOUNT
    return Reason.EXPIRED_PASSWORD if was_right else Reason.WRONG_PASSWORD
