"""Turn a credential into a principal; every refusal takes the same time."""

from contextlib import suppress
from datetime import timedelta

from acrux.domain.access import built_in_scope_maps
from acrux.domain.access.credential import Credential
from acrux.domain.access.grants import ANONYMOUS, Principal
from acrux.domain.access.reason import Reason
from acrux.domain.access.scope_maps import NOTHING, ScopeMap
from acrux.errors import BadCredentials, RegistryError
from acrux.ports.accounts import Account, Accounts, PasswordRecord, Passwords
from acrux.ports.clock import Clock, Pause

# No refusal comes earlier. This is longer than any check of a password takes, so that the time does
# not reveal what was checked.
REFUSAL_TIME = timedelta(milliseconds=300)


class Authentication:
    """Finds out who a caller is, and what they hold now. Anonymous callers have an account too."""

    def __init__(
        self,
        accounts: Accounts,
        passwords: Passwords,
        clock: Clock,
        pause: Pause,
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._clock = clock
        self._pause = pause

    async def authenticate(self, credential: Credential | None) -> Principal:
        """The principal of the credential; without one, or with an empty one, the anonymous one.

        Raises BadCredentials for an unknown name, a disabled account, an expired or a wrong
        password. All four take the same work and time, so that neither the answer nor its time
        reveals which accounts exist.
        """
        if credential is None or credential.is_empty:
            return await self._anonymous()
        began = self._clock()
        account = await self._accounts.find(credential.name)
        password = await self._password(account, credential.secret.reveal())
        if password is not None and self._passwords.is_slow(password.hash):
            # That may have taken seconds, during which the account may have changed.
            found, account = account, await self._accounts.find(credential.name)
            if found and account and account.epoch != found.epoch:
                password = password if password in account.passwords else None
        if account is None or password is None or not self._opens(account, password):
            await self._pause(began + REFUSAL_TIME)
            raise BadCredentials(
                "the user name or the password is wrong",
                reason=_reason(account, password),
                account=account.name if account else "",
            )
        if self._passwords.is_outdated(password.hash):
            await self._rehash(account, password, credential)
        return self._principal(account, password.name)

    async def _rehash(
        self, account: Account, password: PasswordRecord, credential: Credential
    ) -> None:
        new = await self._passwords.hash_chosen(credential.secret.reveal())
        with suppress(RegistryError):  # the password is right all the same; the next login retries
            await self._accounts.rehash_password(account.name, password, new)

    async def _password(self, account: Account | None, secret: str) -> PasswordRecord | None:
        passwords = account.passwords if account else ()
        hashes = tuple(password.hash for password in passwords)

        def opens(place: int) -> bool:
            return account is not None and self._opens(account, passwords[place])

        # A right password that is refused takes the same work as a wrong one.
        place = await self._passwords.find(secret, hashes, opens)
        return None if place is None else passwords[place]

    def _opens(self, account: Account, password: PasswordRecord) -> bool:
        is_over = password.expires_at is not None and password.expires_at <= self._clock()
        return account.is_enabled and not is_over

    async def find(self, name: str) -> Principal:
        """The principal of an account that was authenticated before.

        Raises BadCredentials if the account is deleted or disabled.
        """
        account = await self._accounts.find(name)
        if account is None or not account.is_enabled:
            raise BadCredentials(
                "the account of this token is deleted or disabled",
                reason=Reason.DISABLED_ACCOUNT if account else Reason.GONE_ACCOUNT,
                account=name,
            )
        return self._principal(account)

    async def scope_map(self, name: str) -> ScopeMap:
        """What the principal with this name holds now, whatever an older token says."""
        account = await self._accounts.find(name)
        return NOTHING if account is None or not account.is_enabled else _scope_map(account)

    async def _anonymous(self) -> Principal:
        account = await self._accounts.find(ANONYMOUS.name)
        return ANONYMOUS if account is None or not account.is_enabled else self._principal(account)

    def _principal(self, account: Account, password: str = "") -> Principal:
        return Principal(account.name, _scope_map(account), account.epoch, password, password)


def _reason(account: Account | None, password: PasswordRecord | None) -> Reason:
    if account is None:
        return Reason.UNKNOWN_NAME
    if password is None:
        return Reason.WRONG_PASSWORD
    return Reason.EXPIRED_PASSWORD if account.is_enabled else Reason.DISABLED_ACCOUNT


def _scope_map(account: Account) -> ScopeMap:
    held = built_in_scope_maps.read(account.scope_map, account.permissions)
    if account.name:
        return held
    # They can never manage the registry, even if their scope map says so by mistake.
    return held.for_anonymous
