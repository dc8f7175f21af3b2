"""Failures of an object store, as errors that people can act on."""

import re
from typing import Final

from acrux.errors import RegistryError, StorageExhausted, StorageUnavailable

# What the client library says of an answer, and what the answer says of itself: S3 and Azure in
# XML, Google in JSON. Nothing else of either is passed on: an address may hold a signature.
_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>(\w{1,64})</Code>")

_CREDENTIALS: Final = "the credentials are wrong or have expired"
_RIGHTS: Final = "the credentials do not give the right to read, write, list and delete there"
SILENT: Final = "the object store cannot be reached, or does not answer in time"
_BUCKET: Final = "there is no such bucket or container"
_CLOCK: Final = "this machine's clock is wrong: set it by NTP"
NO_CREDENTIALS: Final = (
    "there are no credentials for the object store, neither in variables nor by identity"
)

_MEANINGS: Final = {
    "AccessDenied": _RIGHTS,
    "AllAccessDisabled": _RIGHTS,
    "AuthenticationFailed": _CREDENTIALS,
    "AuthorizationFailure": _RIGHTS,
    "AuthorizationPermissionMismatch": _RIGHTS,
    "ContainerNotFound": _BUCKET,
    "ExpiredToken": _CREDENTIALS,
    "InvalidAccessKeyId": _CREDENTIALS,
    "InvalidToken": _CREDENTIALS,
    "NoSuchBucket": _BUCKET,
    "RequestTimeTooSkewed": _CLOCK,
    "SignatureDoesNotMatch": _CREDENTIALS,
}
_OF_STATUS: Final = {"401": _CREDENTIALS, "403": _RIGHTS, "404": _BUCKET}

# Where the library asks for credentials if no variable gives any: the metadata of a machine.
_METADATA: Final = re.compile(r"169\.254\.169\.254|169\.254\.170\.2|metadata\.google|oauth2/token")

FULL: Final = frozenset({"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"})
INSUFFICIENT_STORAGE: Final = "507"

# The object is shorter than the range: in the words of a server, or of the library itself.
_BEYOND: Final = re.compile(r"status code: 416|StartTooLarge")


class Missing(Exception):
    """There is no object of this key; the bucket is there."""


def refusal(failed: Exception) -> RegistryError:
    """The error that reports a failed call. It names no address, key or credential."""
    text = str(failed)
    status, code = _found(_STATUS, text), _found(_CODE, text)
    if code in FULL or status == INSUFFICIENT_STORAGE:
        return StorageExhausted("the object store is full, or a quota on it: free some space")
    return StorageUnavailable(f"{explain(failed)}: try again in a moment")


def explain(failed: Exception) -> str:
    """What is wrong, in words: for an operator, and without a secret."""
    text = str(failed)
    if _METADATA.search(text):
        return NO_CREDENTIALS
    if status := _found(_STATUS, text):
        return explain_answer(status, _found(_CODE, text))
    if "BadScheme" in text:
        return "the object store's address is http:// and AWS_ALLOW_HTTP or its like is not set"
    return SILENT


def explain_answer(status: str, code: str) -> str:
    """What is wrong if the store answers with this status, and with this code of its own or ""."""
    meaning = _MEANINGS.get(code) or _OF_STATUS.get(status, "")
    answer = f"the object store answered {status}" + (f" {code}" if code else "")
    return f"{answer}: {meaning}" if meaning else answer


def is_beyond(failed: Exception) -> bool:
    """Whether a range was refused because the object is shorter."""
    return _BEYOND.search(str(failed)) is not None


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
