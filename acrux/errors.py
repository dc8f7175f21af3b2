"""Every failure the registry names, free of HTTP.

RegistryError
├── InvalidInput
│   ├── InvalidName
│   ├── InvalidReference
│   ├── InvalidDigest
│   ├── InvalidManifest
│   ├── InvalidScope
│   ├── InvalidService
│   ├── HeadersTooLarge
│   ├── InvalidRequest
│   ├── InvalidPage
│   ├── UnknownName
│   ├── NameTaken
│   └── StillInUse
├── Unknown
│   ├── UnknownEndpoint
│   ├── UnknownRepository
│   ├── UnknownManifest
│   │   └── DamagedManifest
│   ├── UnknownTag
│   ├── UnknownBlob
│   │   └── DamagedBlob
│   ├── UnknownUpload
│   └── UnknownCase
├── ContentRefused
│   ├── DigestMismatch
│   ├── SizeMismatch
│   ├── ContentTooLarge
│   ├── UploadOutOfOrder
│   ├── RangeNotSatisfiable
│   ├── MissingReferences
│   └── IncompleteBody
├── AccessRefused
│   ├── AuthenticationRequired
│   ├── InvalidToken
│   ├── InsufficientScope
│   ├── BadCredentials
│   └── Denied
├── Unsupported
├── Disallowed
├── TooManyRequests
├── Crowded
├── StorageExhausted
├── StorageReadOnly
├── StorageUnavailable
├── IssuerUnavailable
└── InvalidSettings
"""

from typing import Self


class RegistryError(Exception):
    """The root: something was refused, and `detail` says what, in text only.

    `message` is a sentence for whoever asked; empty means that the class's default is enough.
    `detail` holds names and digests, never a secret.
    """

    def __init__(self, message: str = "", /, **detail: str) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class InvalidInput(RegistryError):
    """The caller wrote something outside the grammar."""


class InvalidName(InvalidInput):
    """Not a repository name."""


class InvalidReference(InvalidInput):
    """Neither a tag nor a digest."""


class InvalidDigest(InvalidInput):
    """Not a digest, or of an algorithm that is not supported."""


class InvalidManifest(InvalidInput):
    """Not a manifest of the media type it claims."""


class InvalidScope(InvalidInput):
    """Not a scope: type, name and actions."""


class InvalidService(InvalidInput):
    """A token was asked for a service that this registry is not."""


class HeadersTooLarge(InvalidInput):
    """The header of a request is longer than is read."""


class InvalidRequest(InvalidInput):
    """A header, a query parameter or a body that cannot be read."""


class InvalidPage(InvalidInput):
    """Not a page of a listing: `n` is no count."""


class UnknownName(InvalidInput):
    """Nothing that is managed has the name that was given."""


class NameTaken(InvalidInput):
    """What is to be created has the name of another."""


class StillInUse(InvalidInput):
    """What is to be deleted is needed by another."""


class Unknown(RegistryError):
    """What was asked for is not here."""


class UnknownEndpoint(Unknown):
    """No end-point has this path."""


class UnknownRepository(Unknown):
    """No repository has this name."""


class UnknownManifest(Unknown):
    """The repository holds no such manifest or tag."""


class DamagedManifest(UnknownManifest):
    """What is stored in its place is not what was pushed. `detail["digest"]` says which it is."""


class UnknownTag(Unknown):
    """The repository holds no such tag."""


class UnknownBlob(Unknown):
    """The repository links no such blob."""


class DamagedBlob(UnknownBlob):
    """The repository links it, and its bytes are missing, too few, too many or others."""


class UnknownUpload(Unknown):
    """The repository has no such upload under way."""


class UnknownCase(Unknown):
    """The audit log holds no refusal of this id."""


class ContentRefused(RegistryError):
    """The content sent, or the part asked for, does not fit."""


class DigestMismatch(ContentRefused):
    """The content does not hash to the digest that was claimed."""


class SizeMismatch(ContentRefused):
    """The content is not as long as was claimed."""


class ContentTooLarge(ContentRefused):
    """The content is longer than its kind may be."""


class UploadOutOfOrder(ContentRefused):
    """A chunk does not start where the upload ends; `offset` is where that is, in bytes."""

    def __init__(self, message: str, /, *, offset: int, **detail: str) -> None:
        super().__init__(message, **detail)
        self.offset = offset


class RangeNotSatisfiable(ContentRefused):
    """The range asked for lies outside the content; `size` is its length, in bytes."""

    def __init__(self, message: str, /, *, size: int, **detail: str) -> None:
        super().__init__(message, **detail)
        self.size = size


class MissingReferences(ContentRefused):
    """A manifest names blobs that its repository does not link; each is a detail."""


class IncompleteBody(ContentRefused):
    """The client went away, or fell silent, before its body was complete."""


class AccessRefused(RegistryError):
    """The caller may not; `scope` is the scope text that would have sufficed.

    `reason`, one of domain.access.reason, `account`, the one that was meant or proven, and `detail`
    are for the audit log: whoever asked hears no more than the message.
    """

    usual_reason = "refused"

    def __init__(
        self,
        message: str = "",
        /,
        *,
        scope: str = "",
        reason: str = "",
        account: str = "",
        **detail: str,
    ) -> None:
        super().__init__(message, **detail)
        self.scope = scope
        self.reason = reason or self.usual_reason
        self.account = account


class AuthenticationRequired(AccessRefused):
    """No credentials were presented."""

    usual_reason = "no-credential"


class InvalidToken(AccessRefused):
    """The access token is not ours, not for us, or not of this time."""

    usual_reason = "not-ours"


class InsufficientScope(AccessRefused):
    """The access token is good and does not hold what the request needs."""

    usual_reason = "missing-scope"


class BadCredentials(AccessRefused):
    """The user name or the password is wrong."""

    @classmethod
    def of_token(cls, refused: InvalidToken, before: str = "") -> Self:
        """What is wrong with a token that was shown as a credential."""
        return cls(
            before + refused.message,
            reason=refused.reason,
            account=refused.account,
            **refused.detail,
        )


class Denied(AccessRefused):
    """No credentials of any kind would help."""


class Unsupported(RegistryError):
    """The end-point has no such method; `allow` lists those it has."""

    def __init__(self, message: str = "", /, *, allow: str = "", **detail: str) -> None:
        super().__init__(message, **detail)
        self.allow = allow


class Disallowed(RegistryError):
    """A lock on the repository, the tag or the manifest forbids it."""


class TooManyRequests(RegistryError):
    """Asked too often; `retry_after` says how many seconds to wait.

    `account` is the one that was meant, where there is one, for the audit log.
    """

    reason = "too-many"

    def __init__(
        self, message: str = "", /, *, retry_after: int, account: str = "", **detail: str
    ) -> None:
        super().__init__(message, **detail)
        self.retry_after = retry_after
        self.account = account


class Crowded(RegistryError):
    """Too much is under way at once; `retry_after` says how many seconds to wait."""

    def __init__(self, message: str = "", /, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StorageExhausted(RegistryError):
    """The disk, or a quota on it, is full: nothing was stored."""


class StorageReadOnly(RegistryError):
    """The file system takes no writes: nothing was stored, and what is there can be read."""


class StorageUnavailable(RegistryError):
    """The storage fails now; that says nothing of what is there, and nothing was stored."""


class IssuerUnavailable(RegistryError):
    """The keys of an external issuer are not known and cannot be fetched now; others go on."""


class InvalidSettings(RegistryError):
    """The settings cannot be used; stops the start and never reaches HTTP."""
