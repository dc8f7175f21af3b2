"""Every error that the registry raises, independent of HTTP.

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
│   ├── UnknownScopeMap
│   ├── NameTaken
│   ├── StillInUse
│   └── ChangedMeanwhile
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
│   ├── TagIsWriteOnce
│   └── QuotaExceeded
├── NotYet
├── TooManyRequests
│   └── LimitReached
├── Crowded
├── StorageExhausted
├── StorageReadOnly
├── StorageUnavailable
├── IssuerUnavailable
├── InvalidBackup
├── InvalidMigration
└── InvalidSettings
"""

from typing import Final, Self


class RegistryError(Exception):
    """The base class: something was refused. `detail` says what, in text only.

    `message` is a sentence for the caller; if it is empty, the class's default is used. `detail`
    holds names and digests, never a secret.
    """

    def __init__(self, message: str = "", /, **detail: str) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class InvalidInput(RegistryError):
    """The caller's input is invalid."""


class InvalidName(InvalidInput):
    """The text is not a repository name."""


class InvalidReference(InvalidInput):
    """The text is neither a tag nor a digest."""


class InvalidDigest(InvalidInput):
    """The text is not a digest, or its algorithm is not supported."""


class InvalidManifest(InvalidInput):
    """The body is not a manifest of the media type that it claims."""


class InvalidScope(InvalidInput):
    """The text is not a scope (type, name and actions), or not a permission of a scope map."""


class InvalidService(InvalidInput):
    """A token was requested for a service that is not a login server of this registry."""


class HeadersTooLarge(InvalidInput):
    """The headers of a request are longer than the registry reads."""


class InvalidRequest(InvalidInput):
    """A header, a query parameter or a body cannot be read."""


class InvalidPage(InvalidInput):
    """The page of a listing cannot be read: `n` is not a count, or `orderby` is not an order."""


class UnknownName(InvalidInput):
    """No account, scope map, trust, key or lockout has this name."""


class UnknownScopeMap(InvalidInput):
    """The scope map that the input names does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no scope map {name!r}: see acrux scope-map list, or create it")


class NameTaken(InvalidInput):
    """The name of the object to create is already taken."""


class StillInUse(InvalidInput):
    """The object to delete is still in use."""


class ChangedMeanwhile(InvalidInput):
    """The object to change is no longer as the caller saw it."""


class Unknown(RegistryError):
    """The requested resource does not exist."""


class UnknownEndpoint(Unknown):
    """No endpoint has this path."""


class UnknownRepository(Unknown):
    """No repository has this name."""


class UnknownManifest(Unknown):
    """The repository holds no such manifest or tag."""


class DamagedManifest(UnknownManifest):
    """The stored bytes are not those that were pushed. `detail["digest"]` names the manifest."""


class UnknownTag(Unknown):
    """The repository holds no such tag."""


class UnknownBlob(Unknown):
    """The repository does not link the blob."""


class DamagedBlob(UnknownBlob):
    """The repository links the blob, but its bytes are missing or are not what was pushed."""


class UnknownUpload(Unknown):
    """The repository has no such upload in progress."""


class UnknownCase(Unknown):
    """The audit log holds no refusal with this id."""


class ContentRefused(RegistryError):
    """The content sent, or the range requested, does not fit."""


class DigestMismatch(ContentRefused):
    """The content does not hash to the claimed digest."""


class SizeMismatch(ContentRefused):
    """The content does not have the claimed length."""


class ContentTooLarge(ContentRefused):
    """The content is larger than its kind may be."""


class UploadOutOfOrder(ContentRefused):
    """A chunk does not start at the end of the upload; `offset` is that end, in bytes."""

    def __init__(self, message: str, /, *, offset: int, **detail: str) -> None:
        super().__init__(message, **detail)
        self.offset = offset


class RangeNotSatisfiable(ContentRefused):
    """The requested range lies outside the content; `size` is the content's length, in bytes."""

    def __init__(self, message: str, /, *, size: int, **detail: str) -> None:
        super().__init__(message, **detail)
        self.size = size


class MissingReferences(ContentRefused):
    """A manifest names blobs that its repository does not link. `detail["digest"]` names them."""


class IncompleteBody(ContentRefused):
    """The client disconnected, or was too slow, before its body was complete."""


class AccessRefused(RegistryError):
    """The caller is not allowed; `scope` is the text of a scope that would have sufficed.

    `challenge` is the scope that a challenge asks for. It may name other rights too, each of which
    would have sufficed, since not every account can get the first.
    `reason` (one of domain.access.reason), `account` (the one that was named or proven) and
    `detail` are for the audit log: the caller sees the message only.
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
        self.challenge = ""
        self.reason = reason or self.usual_reason
        self.account = account


class AuthenticationRequired(AccessRefused):
    """No credentials were presented."""

    usual_reason = "no-credential"


class InvalidToken(AccessRefused):
    """The access token is not from this registry, not for it, expired, not yet valid or revoked."""

    usual_reason = "not-ours"


class InsufficientScope(AccessRefused):
    """The access token is valid, but does not hold what the request needs."""

    usual_reason = "missing-scope"


class BadCredentials(AccessRefused):
    """The user name or the password is wrong."""

    @classmethod
    def of_token(cls, refused: InvalidToken, before: str = "") -> Self:
        """What is wrong with a token that was presented as a credential."""
        return cls(
            before + refused.message,
            reason=refused.reason,
            account=refused.account,
            **refused.detail,
        )


class Denied(AccessRefused):
    """The request is refused, and no other credentials would help."""


class Unsupported(RegistryError):
    """The endpoint does not support the method; `allow` lists those that it supports."""

    def __init__(self, message: str = "", /, *, allow: str = "", **detail: str) -> None:
        super().__init__(message, **detail)
        self.allow = allow


class Disallowed(RegistryError):
    """A lock on the repository, the tag or the manifest forbids the request."""


class TagIsWriteOnce(Disallowed):
    """A write-once policy forbids moving or deleting the tag. `detail["policy"]` names it."""


class QuotaExceeded(Disallowed):
    """The content would exceed a quota. `detail` names it, with its bytes and those in use."""


class NotYet(RegistryError):
    """It cannot be done or said yet: somebody else is at it, or something else comes first."""


class TooManyRequests(RegistryError):
    """Too many failed logins, or a busy database. `retry_after` is the wait, in seconds.

    `account` is the one that was named, if any, for the audit log.
    """

    reason = "too-many"

    def __init__(
        self, message: str = "", /, *, retry_after: int, account: str = "", **detail: str
    ) -> None:
        super().__init__(message, **detail)
        self.retry_after = retry_after
        self.account = account


class LimitReached(TooManyRequests):
    """The caller reached a limit of the settings. `detail` says which, and until when."""

    reason = "limit-reached"


class Crowded(RegistryError):
    """Too many requests are in progress at once. `retry_after` is the wait, in seconds."""

    def __init__(self, message: str = "", /, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StorageExhausted(RegistryError):
    """The disk, or a quota on it, is full. Nothing was stored."""


class StorageReadOnly(RegistryError):
    """The data directory or the database is read-only. Nothing was stored; reading still works."""


class StorageUnavailable(RegistryError):
    """The storage is failing: nothing was stored, and whether content exists is unknown."""


# Nothing can be written now, which need not keep anybody from reading.
UNWRITABLE: Final = (StorageExhausted, StorageReadOnly, StorageUnavailable, TooManyRequests)


class IssuerUnavailable(RegistryError):
    """The keys of an external issuer cannot be fetched at the moment. Other issuers still work."""


class InvalidSettings(RegistryError):
    """The settings cannot be used. This prevents the start, and never reaches HTTP."""


class InvalidBackup(RegistryError):
    """A backup was cut short, is damaged, or was made by a newer acrux. It never reaches HTTP."""


class InvalidMigration(RegistryError):
    """The target of a migration is not as its source. It never reaches HTTP."""
