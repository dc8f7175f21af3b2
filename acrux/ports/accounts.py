"""What the services need to know who may do what."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from acrux.domain.instants import BEGINNING
from acrux.domain.token import AccessToken, RefreshToken


@dataclass(frozen=True, slots=True)
class PasswordRecord:
    """One of an account's passwords as it is kept: never the password itself."""

    name: str
    hash: str
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """An account, its passwords, and the permissions of its scope map.

    The anonymous principal is the account without a name. `permissions` are not kept with the
    account but read with it; a system-defined scope map has none here.
    """

    name: str
    passwords: tuple[PasswordRecord, ...]
    scope_map: str = ""
    is_enabled: bool = True
    epoch: int = 0
    created_at: datetime = BEGINNING
    permissions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredScopeMap:
    """A scope map of one's own as it is kept."""

    name: str
    description: str
    permissions: tuple[str, ...]
    created_at: datetime


class Accounts(Protocol):
    """Accounts, their passwords, and the epochs below which their tokens are revoked."""

    async def find(self, name: str) -> Account | None:
        """The account of this name, None where there is none."""

    async def list(self) -> tuple[Account, ...]:
        """All accounts by name, without their permissions and passwords."""

    async def create(self, account: Account) -> bool:
        """Create the account unless there is one of that name; say whether it was created."""

    async def change(
        self, name: str, epoch: int, *, scope_map: str | None, is_enabled: bool | None
    ) -> bool:
        """Set what is not None, and revoke as `revoke` does; False where there is no account."""

    async def delete(self, name: str, epoch: int) -> bool:
        """Remove the account and revoke its tokens; False where there is none."""

    async def revoke(self, name: str, epoch: int) -> bool:
        """Revoke all tokens of an earlier epoch, and give the account this one, or the next.

        False where there is no account.
        """

    async def revoke_holders(self, scope_map: str, epoch: int) -> None:
        """As `revoke`, of every account and every trust that has the scope map."""

    async def replace_password(
        self, account_name: str, password: PasswordRecord, epoch: int
    ) -> bool:
        """Put the password in the place of the one of its name, and revoke as `revoke` does.

        False where there is no account.
        """

    async def delete_password(self, account_name: str, password_name: str, epoch: int) -> bool:
        """Remove the password and revoke as `revoke` does; False where there is none."""


class ScopeMaps(Protocol):
    """Scope maps of one's own; a change holds at once for whoever has the map."""

    async def find(self, name: str) -> StoredScopeMap | None:
        """The scope map of this name, None where there is none."""

    async def list(self) -> tuple[StoredScopeMap, ...]:
        """All of them by name."""

    async def create(self, scope_map: StoredScopeMap) -> bool:
        """Create it unless there is one of that name; say whether it was created."""

    async def change(
        self, name: str, *, description: str | None, permissions: tuple[str, ...] | None
    ) -> bool:
        """Set what is not None; False where there is none."""

    async def delete(self, name: str) -> bool:
        """Remove it; False where there is none, or an account or a trust has it."""


class Revocations(Protocol):
    """Which epochs are revoked, known without asking anybody."""

    def least_epoch(self, account: str) -> int:
        """Tokens of the account with an epoch below this are revoked."""

    async def refresh(self) -> None:
        """Learn of revocations that others have made."""


class Passwords(Protocol):
    """Generated passwords: made here, at least 256 bits, and kept as a keyed hash."""

    def generate(self) -> str:
        """A new password of letters and digits."""

    def hash(self, password: str) -> str:
        """What to keep of it: useless without this registry's key."""

    def matches(self, password: str, hashes: tuple[str, ...]) -> bool:
        """Whether it is one of these; as long for none as for one, and for no hashes at all."""


class TokenSigner(Protocol):
    """Signs access and refresh tokens, and reads those it signed; never one as the other."""

    @property
    def generation(self) -> int:
        """Another number than before where a key may be gone: what was read is to be read again."""

    def sign(self, token: AccessToken) -> str:
        """The token as a JWT (RFC 7519), signed with the current key."""

    def read(self, text: str) -> AccessToken:
        """The claims of a token with a good signature of one of our keys and of our issuer.

        Raises InvalidToken for anything else. Time and audience are the caller's to check.
        """

    def sign_refresh(self, token: RefreshToken) -> str:
        """The refresh token as a JWT that every client can read (acr-protocol.md §3.6)."""

    def read_refresh(self, text: str) -> RefreshToken:
        """As `read`, for a refresh token."""

    def is_refresh(self, text: str) -> bool:
        """Whether the text says that it is a refresh token; nothing of it is verified."""

    def public_keys(self) -> dict[str, object]:
        """The keys to verify with, as a JSON Web Key Set (RFC 7517)."""
