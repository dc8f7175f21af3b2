"""What the services need to store accounts, scope maps and revocations."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from acrux.domain.access.credential import Secret
from acrux.domain.access.token import AccessToken, RefreshToken
from acrux.domain.content.page import Page, Slice
from acrux.domain.instants import BEGINNING


class PasswordRecord(Struct, frozen=True):
    """A password of an account as it is stored: never the password itself."""

    name: str
    hash: str
    created_at: datetime
    expires_at: datetime | None = None


class AccountKind(StrEnum):
    """The kind of an account, and with that, where its passwords come from."""

    TOKEN = "token"  # noqa: S105 -- ACR's word for an account with two generated passwords
    USER = "user"  # a person, who chose the password
    FILE_USER = "htpasswd"  # a user of the operator's htpasswd file


class FileUser(Struct, frozen=True):
    """A user of an htpasswd file: the name, and the password's hash with its scheme."""

    name: str
    hash: str


class FileContent(Struct, frozen=True):
    """What an htpasswd file holds. `users` is None if it cannot be read.

    `problems` says what is wrong with it, a sentence each, without a password or a hash.
    """

    users: tuple[FileUser, ...] | None
    problems: tuple[str, ...] = ()


class Account(Struct, frozen=True):
    """An account, its passwords, and the permissions of its scope map.

    The anonymous principal is the account without a name. `permissions` are not stored with the
    account, but read with it; they are empty for a built-in scope map. `changed_at` is when it last
    got another scope map, or was enabled or disabled, whether that revoked anything or not.
    """

    name: str
    passwords: tuple[PasswordRecord, ...]
    scope_map: str = ""
    is_enabled: bool = True
    epoch: int = 0
    created_at: datetime = BEGINNING
    permissions: frozenset[str] = frozenset()
    kind: AccountKind = AccountKind.TOKEN
    changed_at: datetime = BEGINNING


class StoredScopeMap(Struct, frozen=True):
    """A custom scope map as it is stored; `changed_at` is when its permissions last changed."""

    name: str
    description: str
    permissions: tuple[str, ...]
    created_at: datetime
    changed_at: datetime = BEGINNING


class Accounts(Protocol):
    """Accounts, their passwords, and the epochs below which their tokens are revoked."""

    async def find(self, name: str) -> Account | None:
        """The account with this name, None if there is none."""

    async def list(self, kinds: Collection[AccountKind]) -> tuple[Account, ...]:
        """All accounts of these kinds, sorted by name, without their permissions and passwords."""

    async def page(self, kinds: Collection[AccountKind], page: Page) -> Slice[Account]:
        """A page of what `list` returns, without the anonymous account."""

    async def chosen_hashes(self) -> tuple[str, ...]:
        """Hashes of chosen passwords: at least one of each scheme and cost in use."""

    async def create(self, account: Account) -> bool:
        """Create the account unless the name is taken; return whether it was created."""

    async def change(
        self, name: str, epoch: int, *, scope_map: str | None, is_enabled: bool | None
    ) -> bool:
        """Set what is not None; return False if there is no such account. `epoch` is now.

        Revokes as `revoke` does if the account then holds less, or is disabled.
        """

    async def delete(self, name: str, epoch: int) -> bool:
        """Remove the account and revoke its tokens; return False if there is none."""

    async def revoke(self, name: str, epoch: int) -> bool:
        """Revoke all tokens of an earlier epoch, and give the account this epoch, or its next one.

        Return False if there is no such account.
        """

    async def replace_password(
        self, account_name: str, password: PasswordRecord, epoch: int
    ) -> bool:
        """Store the password in place of the one with its name.

        Revokes the tokens that were obtained with the old one, and those that name no password.
        Return False if there is no such account.
        """

    async def rehash_password(self, account_name: str, password: PasswordRecord, new: str) -> None:
        """Store the same password with a new hash; do nothing if it was changed meanwhile."""

    async def delete_password(self, account_name: str, password_name: str, epoch: int) -> bool:
        """Remove the password and revoke as `replace_password` does. Return False if not found."""

    async def follow_file(
        self, users: Sequence[FileUser], scope_map: str, at: datetime
    ) -> tuple[str, ...]:
        """Make the accounts of kind FILE_USER those of the file: all or nothing.

        New users get the scope map. If a user's hash changed, or the user is gone, all their tokens
        are revoked. Returns the names that were skipped because they are accounts of another kind.
        Calling it twice changes nothing the second time.
        """


class UserFile(Protocol):
    """The operator's file of users."""

    def read_if_changed(self) -> FileContent | None:
        """What the file holds; None if it has not changed since it was last read."""


class ScopeMaps(Protocol):
    """Custom scope maps; a change takes effect at once for all accounts and trusts that use it."""

    async def find(self, name: str) -> StoredScopeMap | None:
        """The scope map with this name, None if there is none."""

    async def page(self, page: Page) -> Slice[StoredScopeMap]:
        """A page of them, sorted by name."""

    async def create(self, scope_map: StoredScopeMap) -> bool:
        """Create it unless the name is taken; return whether it was created."""

    async def change(
        self,
        name: str,
        epoch: int,
        *,
        description: str | None,
        permissions: tuple[str, ...] | None,
        was: StoredScopeMap | None = None,
    ) -> bool:
        """Set what is not None; return False if there is no such scope map. `epoch` is now.

        If `was` is given, return False also if the description and the permissions are no longer
        what they were then: somebody else has changed them.

        If the scope map then holds less, tokens of an earlier epoch than this one, or the next, are
        revoked for every account and every trust that has it.
        """

    async def delete(self, name: str) -> bool:
        """Remove it; return False if there is none, or an account or a trust has it."""


class Revocations(Protocol):
    """Which epochs are revoked, known without a query."""

    def least_epoch(self, holder: str, password: str) -> int:
        """Tokens of this account or trust with an epoch below this are revoked.

        `password` names the password that they were obtained with. If it is "", unknown, they are
        revoked as soon as any password was replaced.
        """

    async def refresh(self) -> None:
        """Learn of revocations by other processes."""


class Passwords(Protocol):
    """Hashes and verifies passwords.

    Generated passwords, of at least 256 bits, are stored as a keyed hash; those that people chose,
    as a slow hash.
    """

    def generate(self) -> str:
        """A new password of letters and digits."""

    def hash(self, password: str) -> str:
        """The hash to store of a generated password: useless without this registry's key."""

    async def hash_chosen(self, password: str) -> str:
        """The hash to store of a chosen password: slow to compute, and so to guess from."""

    def is_slow(self, kept: str) -> bool:
        """Whether this hash takes so long to verify that the account may change meanwhile."""

    def is_outdated(self, kept: str) -> bool:
        """Whether a chosen password should be rehashed, as its parameters are not today's."""

    async def find(
        self,
        password: str,
        hashes: tuple[str, ...],
        opens: Callable[[int], bool] = lambda _: True,
    ) -> int | None:
        """The index of the hash that is of this password, None if there is none.

        `opens` says whether the password at an index would be accepted. If none is found that is,
        the work is always the same: one verification for each scheme and cost in use in any
        account, whatever these hashes are, and even without any.
        """


class InitialPassword(Protocol):
    """Where the administrator's first password comes from, or goes to."""

    @property
    def place(self) -> str:
        """The setting that says so, and the place, for messages."""

    def read(self) -> Secret | None:
        """The password to use; None if one must be generated. Raises InvalidSettings."""

    def keep(self, password: Secret) -> None:
        """Keep the generated password for the administrator. Raises InvalidSettings."""


class TokenSigner(Protocol):
    """Signs access and refresh tokens, and reads those it signed; never one as the other."""

    @property
    def generation(self) -> int:
        """A number that changes if a key may be gone: tokens read before must be read again."""

    def sign(self, token: AccessToken) -> str:
        """The token as a JWT (RFC 7519), signed with the current key."""

    def sign_for_others(self, token: AccessToken) -> str:
        """As `sign`, for another registry: if the operator wants it, with the key's certificate."""

    def read(self, text: str) -> AccessToken:
        """The claims of a token from our issuer, with a valid signature by one of our keys.

        Raises InvalidToken for anything else. The caller must check time and audience.
        """

    async def learn(self, text: str) -> None:
        """Learn of the key that the text names, if another process has just made it.

        A token must not be refused because of a key that its signer knows already.
        """

    def sign_refresh(self, token: RefreshToken) -> str:
        """The refresh token as a JWT that every client can read (acr-protocol.md §3.6)."""

    def read_refresh(self, text: str) -> RefreshToken:
        """As `read`, for a refresh token."""

    def is_refresh(self, text: str) -> bool:
        """Whether the text claims to be a refresh token; nothing is verified."""

    def public_keys(self) -> dict[str, object]:
        """The public keys that verify tokens, as a JSON Web Key Set (RFC 7517)."""
