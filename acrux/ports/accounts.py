"""What the services need to know who may do what."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from acrux.domain.access.token import AccessToken, RefreshToken
from acrux.domain.content.page import Page, Slice
from acrux.domain.instants import BEGINNING


class PasswordRecord(Struct, frozen=True):
    """One of an account's passwords as it is kept: never the password itself."""

    name: str
    hash: str
    created_at: datetime
    expires_at: datetime | None = None


class AccountKind(StrEnum):
    """Whose an account is, and with that, where its passwords come from."""

    TOKEN = "token"  # noqa: S105 -- ACR's word for an account with two generated passwords
    USER = "user"  # who chose the password
    FILE_USER = "htpasswd"  # as a file of the operator says


class FileUser(Struct, frozen=True):
    """A user as an htpasswd file names them: the hash of their password, with its scheme."""

    name: str
    hash: str


class FileContent(Struct, frozen=True):
    """What an htpasswd file holds; no `users` where it cannot be read.

    `problems` are sentences on what is wrong with it, without a password or a hash.
    """

    users: tuple[FileUser, ...] | None
    problems: tuple[str, ...] = ()


class Account(Struct, frozen=True):
    """An account, its passwords, and the permissions of its scope map.

    The anonymous principal is the account without a name. `permissions` are not kept with the
    account but read with it; a system-defined scope map has none here. `changed_at` is when it was
    last given another scope map, or switched on or off, whether that revoked anything or not.
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
    """A scope map of one's own as it is kept; `changed_at` is when it last held something else."""

    name: str
    description: str
    permissions: tuple[str, ...]
    created_at: datetime
    changed_at: datetime = BEGINNING


class Accounts(Protocol):
    """Accounts, their passwords, and the epochs below which their tokens are revoked."""

    async def find(self, name: str) -> Account | None:
        """The account of this name, None where there is none."""

    async def list(self, kinds: Collection[AccountKind]) -> tuple[Account, ...]:
        """All accounts of these kinds by name, without their permissions and passwords."""

    async def page(self, kinds: Collection[AccountKind], page: Page) -> Slice[Account]:
        """A page of what `list` gives, but for the anonymous one."""

    async def chosen_hashes(self) -> tuple[str, ...]:
        """Hashes of chosen passwords: at least one of each scheme and cost that is kept."""

    async def create(self, account: Account) -> bool:
        """Create the account unless there is one of that name; say whether it was created."""

    async def change(
        self, name: str, epoch: int, *, scope_map: str | None, is_enabled: bool | None
    ) -> bool:
        """Set what is not None, at this instant, an epoch; False where there is no account.

        Revokes as `revoke` does where the account holds less after it, or is switched off.
        """

    async def delete(self, name: str, epoch: int) -> bool:
        """Remove the account and revoke its tokens; False where there is none."""

    async def revoke(self, name: str, epoch: int) -> bool:
        """Revoke all tokens of an earlier epoch, and give the account this one, or the next.

        False where there is no account.
        """

    async def replace_password(
        self, account_name: str, password: PasswordRecord, epoch: int
    ) -> bool:
        """Put the password in the place of the one of its name; False where there is no account.

        Revokes what was got with that one, and what does not say with which it was got.
        """

    async def rehash_password(self, account_name: str, password: PasswordRecord, new: str) -> None:
        """Keep the same password as another hash; changes nothing where it is not as it was."""

    async def delete_password(self, account_name: str, password_name: str, epoch: int) -> bool:
        """Remove the password; revokes as `replace_password` does. False where there is none."""

    async def follow_file(
        self, users: Sequence[FileUser], scope_map: str, at: datetime
    ) -> tuple[str, ...]:
        """Let the accounts of kind FILE_USER be those of the file: all or nothing.

        New ones get the scope map; one whose hash changed, and one who is gone, has every token
        revoked. Returns the names that are left alone because they are accounts of another kind.
        Doing it twice changes nothing the second time.
        """


class UserFile(Protocol):
    """A file of users that the operator keeps."""

    def read_if_changed(self) -> FileContent | None:
        """What the file holds; None where it is as it was when it was last read."""


class ScopeMaps(Protocol):
    """Scope maps of one's own; a change holds at once for whoever has the map."""

    async def find(self, name: str) -> StoredScopeMap | None:
        """The scope map of this name, None where there is none."""

    async def list(self) -> tuple[StoredScopeMap, ...]:
        """All of them by name."""

    async def page(self, page: Page) -> Slice[StoredScopeMap]:
        """A page of what `list` gives."""

    async def create(self, scope_map: StoredScopeMap) -> bool:
        """Create it unless there is one of that name; say whether it was created."""

    async def change(
        self, name: str, epoch: int, *, description: str | None, permissions: tuple[str, ...] | None
    ) -> bool:
        """Set what is not None, at this instant, an epoch; False where there is none.

        Where the map holds less after it, everything is revoked of an earlier epoch than this one,
        or the next, of every account and every trust that has it.
        """

    async def delete(self, name: str) -> bool:
        """Remove it; False where there is none, or an account or a trust has it."""


class Revocations(Protocol):
    """Which epochs are revoked, known without asking anybody."""

    def least_epoch(self, holder: str, password: str) -> int:
        """Tokens of this account or trust with an epoch below this are revoked.

        `password` names the one that they were got with, "" where that is not known: then it is
        enough that any was replaced.
        """

    async def refresh(self) -> None:
        """Learn of revocations that others have made."""


class Passwords(Protocol):
    """Passwords as they are kept.

    Generated ones, made here and of at least 256 bits, as a keyed hash; those that people chose as
    a slow one.
    """

    def generate(self) -> str:
        """A new password of letters and digits."""

    def hash(self, password: str) -> str:
        """What to keep of a generated one: useless without this registry's key."""

    async def hash_chosen(self, password: str) -> str:
        """What to keep of a chosen one: slow to compute, and to guess from."""

    def is_slow(self, kept: str) -> bool:
        """Whether it takes so long to verify that the account may change meanwhile."""

    def is_outdated(self, kept: str) -> bool:
        """Whether a chosen one should be hashed anew, as it was with weaker or other parameters."""

    async def find(
        self,
        password: str,
        hashes: tuple[str, ...],
        opens: Callable[[int], bool] = lambda _: True,
    ) -> int | None:
        """Which of these it is of, by its place; None where of none.

        `opens` says of a place whether its password opens anything. Where none is found that does,
        the work is the same for everybody: one verification of each scheme and cost that any
        account's password is kept with, whatever these hashes are, and whether there are any.
        """


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
