"""The table that maps each RegistryError to a status and an OCI code."""

from dataclasses import dataclass
from typing import Final

import msgspec

from acrux import errors
from acrux.domain.access.scope import parse_all
from acrux.http.messages import Response

JSON: Final = "application/json; charset=utf-8"
DISALLOWED: Final = "REGISTRY_DISALLOWED_OPERATION"
FOR_NOW: Final = frozenset({503, 507})  # a client need change nothing, and try again
UNAVAILABLE_SECONDS: Final = 5  # after which it may


@dataclass(frozen=True, slots=True)
class Problem:
    """How a failure is reported: status, code, and the message if the failure has none of its own.

    `remedy` is what its reader can do about it. It is not sent; docs/reference/errors.md shows it.
    The codes are the fourteen of the OCI distribution specification, "Error codes", and for what
    only ACR has, ACR's (acr-protocol.md §6).
    """

    status: int
    code: str
    message: str
    remedy: str


TABLE: Final[dict[type[errors.RegistryError], Problem]] = {
    errors.InvalidName: Problem(
        400, "NAME_INVALID", "invalid repository name",
        "Use lower-case letters and digits, separated by `.`, `_`, `__` or `-`, in "
        "components separated by `/`.",
    ),
    errors.InvalidReference: Problem(
        400, "MANIFEST_INVALID", "invalid tag or digest",
        "Name a tag, or a digest such as `sha256:…`.",
    ),
    errors.InvalidDigest: Problem(
        400, "DIGEST_INVALID", "invalid digest",
        "Use `sha256:` or `sha512:` and the digest in lower-case hexadecimal digits.",
    ),
    errors.InvalidManifest: Problem(
        400, "MANIFEST_INVALID", "manifest invalid",
        "Send the manifest with the `Content-Type` that its `mediaType` names. The message "
        "says what is wrong.",
    ),
    # The list has no code for a bad scope, service, page or request; UNSUPPORTED is the nearest.
    errors.InvalidScope: Problem(
        400, "UNSUPPORTED", "invalid scope",
        "Correct the scope, or the permission of the scope map. The message says what is "
        "allowed.",
    ),
    errors.InvalidService: Problem(
        400, "UNSUPPORTED", "unknown service",
        "Send the `service` that the challenge names.",
    ),
    errors.InvalidPage: Problem(
        400, "UNSUPPORTED", "invalid page",
        "Send a number as `n`, and an order that the message names as `orderby`.",
    ),
    errors.InvalidRequest: Problem(
        400, "UNSUPPORTED", "the request cannot be read",
        "Correct the header, the parameter or the body that the message names.",
    ),
    errors.HeadersTooLarge: Problem(
        431, "UNSUPPORTED", "the request's header is too large",
        "Send fewer or shorter headers.",
    ),
    errors.UnknownName: Problem(
        404, "NAME_UNKNOWN", "nothing has this name",
        "List what there is, and compare the name.",
    ),
    errors.UnknownScopeMap: Problem(
        400, "UNSUPPORTED", "there is no such scope map",
        "List the scope maps, or create it first.",
    ),
    # Nor one for a conflict.
    errors.NameTaken: Problem(
        409, "NAME_INVALID", "the name is taken",
        "Choose another name, or update the one that has it.",
    ),
    errors.StillInUse: Problem(
        409, "DENIED", "it is in use",
        "Give what uses it something else, then delete it.",
    ),
    errors.ChangedMeanwhile: Problem(
        412, "DENIED", "somebody else has changed it",
        "Read it again, and make the change on what it is now.",
    ),
    errors.InvalidInput: Problem(
        400, "UNSUPPORTED", "the request cannot be read",
        "Correct what the message names.",
    ),
    errors.UnknownEndpoint: Problem(
        404, "UNSUPPORTED", "no endpoint has this path",
        "Compare the path with the list of endpoints.",
    ),
    errors.UnknownRepository: Problem(
        404, "NAME_UNKNOWN", "repository name not known to registry",
        "Compare the name with the catalog. The first push creates a repository.",
    ),
    errors.UnknownManifest: Problem(
        404, "MANIFEST_UNKNOWN", "manifest unknown",
        "List the tags or the manifests of the repository, or push the image.",
    ),
    errors.DamagedManifest: Problem(
        404, "MANIFEST_UNKNOWN", "the manifest was damaged",
        "Push the same manifest again. Look at the disk: the log has a line `damaged`.",
    ),
    errors.UnknownTag: Problem(
        404, "TAG_UNKNOWN", "the specified tag does not exist",
        "List the tags of the repository.",
    ),
    errors.UnknownBlob: Problem(
        404, "BLOB_UNKNOWN", "blob unknown to registry",
        "Push the blob to this repository, or mount it from another one.",
    ),
    errors.DamagedBlob: Problem(
        404, "BLOB_UNKNOWN", "the blob was damaged: push it again",
        "Push the same blob again. Look at the disk: the log has a line `damaged`.",
    ),
    errors.UnknownUpload: Problem(
        404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry",
        "Start the upload again.",
    ),
    errors.UnknownCase: Problem(
        404, "UNSUPPORTED", "no refusal with this id is recorded",
        "Compare the id. A record is written within a second, and is removed after "
        "`audit_days`.",
    ),
    errors.DigestMismatch: Problem(
        400, "DIGEST_INVALID", "the content does not match the given digest",
        "Send the content again. If it fails again, the client computes another digest.",
    ),
    errors.SizeMismatch: Problem(
        400, "SIZE_INVALID", "the content does not have the stated length",
        "Send the chunk again, with a `Content-Range` and a `Content-Length` that fit.",
    ),
    errors.ContentTooLarge: Problem(
        413, "MANIFEST_INVALID", "the content is too large",
        "Send less. The message names the limit.",
    ),
    # 416 has no code of its own in the list.
    errors.UploadOutOfOrder: Problem(
        416, "BLOB_UPLOAD_INVALID", "the chunk is out of order",
        "Continue after the offset that the header `Range` names.",
    ),
    errors.RangeNotSatisfiable: Problem(
        416, "SIZE_INVALID", "the range lies outside the blob",
        "Ask for a range within the size that the header `Content-Range` names.",
    ),
    errors.MissingReferences: Problem(
        400, "MANIFEST_BLOB_UNKNOWN", "the manifest refers to blobs that are not in the repository",
        "Push the blobs first, or set `allow_missing_blobs`. The detail names the digests.",
    ),
    errors.IncompleteBody: Problem(
        400, "BLOB_UPLOAD_INVALID", "the body was cut short",
        "Ask for the status of the upload, and continue from there.",
    ),
    errors.AuthenticationRequired: Problem(
        401, "UNAUTHORIZED", "authentication required",
        "Follow the challenge: get a token, and send the request again.",
    ),
    errors.InvalidToken: Problem(
        401, "UNAUTHORIZED", "invalid access token",
        "Get a new token. `acrux auth explain` says what is wrong with this one.",
    ),
    errors.InsufficientScope: Problem(
        401, "UNAUTHORIZED", "the access token does not grant what this request needs",
        "Get a token for the scope of the challenge. If the account may not have it, widen "
        "its scope map.",
    ),
    errors.BadCredentials: Problem(
        401, "UNAUTHORIZED", "the user name or the password is wrong",
        "Compare the user name and the password. `acrux auth explain` says which of them "
        "is wrong.",
    ),
    errors.Denied: Problem(
        403, "DENIED", "requested access to the resource is denied",
        "Ask the administrator: `acrux auth explain` says what would help.",
    ),
    errors.Unsupported: Problem(
        405, "UNSUPPORTED", "the operation is unsupported",
        "Use a method that the header `Allow` names.",
    ),
    # ACR's own code and message (acr-protocol.md §5.6): acr-cli skips what is locked by the status.
    errors.Disallowed: Problem(
        405, DISALLOWED,
        "The operation is disallowed on this registry, repository or image: it is locked",
        "Unlock the repository, tag or manifest as the message says: `acrux repository update`, "
        "or a `PATCH` of its attributes at `/acr/v1`.",
    ),
    errors.TagIsWriteOnce: Problem(
        405, DISALLOWED,
        "The operation is disallowed on this registry, repository or image: the tag may be "
        "written only once",
        "Push another tag, or add an exception to the policy that the message names: `acrux "
        "write-once update`.",
    ),
    errors.QuotaExceeded: Problem(
        405, DISALLOWED,
        "The operation is disallowed on this registry, repository or image: a quota is used up",
        "Delete images, or raise the quota that the message names: `acrux quota update`.",
    ),
    errors.NotYet: Problem(
        409, "DENIED", "it cannot be done yet",
        "Wait for what the message names, then try again.",
    ),
    errors.TooManyRequests: Problem(
        429, "TOOMANYREQUESTS", "too many requests",
        "Wait for the seconds that `Retry-After` names. After failed logins, `acrux "
        "lockout clear` ends the wait.",
    ),
    errors.LimitReached: Problem(
        429, "TOOMANYREQUESTS", "too many requests",
        "Wait for the seconds that `Retry-After` names. If the caller needs more, raise the "
        "setting that `acrux auth explain` names.",
    ),
    errors.Crowded: Problem(
        429, "TOOMANYREQUESTS", "too many transfers are under way",
        "Wait for the seconds that `Retry-After` names, and send the request again.",
    ),
    # The list has no code for a full disk; docker shows the message with any of them.
    errors.StorageExhausted: Problem(
        507, "DENIED", "the registry's storage is full",
        "Make room on the disk or raise the quota, and push again.",
    ),
    errors.StorageReadOnly: Problem(
        503, "DENIED", "the registry's storage is read-only",
        "Make the data directory or the database writable again. No restart is needed.",
    ),
    errors.StorageUnavailable: Problem(
        503, "UNSUPPORTED", "the registry's storage is unavailable",
        "Try again. If it lasts, look at the disk, the database's server and the limits of the "
        "process: the log has a line `storage`.",
    ),
    # Nor one for a service behind us; a 5xx is what clients retry.
    errors.IssuerUnavailable: Problem(
        503, "UNAUTHORIZED", "the token's issuer cannot be reached",
        "Try again. If it lasts, see whether the registry reaches the issuer.",
    ),
}  # fmt: skip

# Failures that never reach a client: they end a command.
UNTOLD: Final = (errors.InvalidSettings, errors.InvalidBackup, errors.InvalidMigration)

UNEXPECTED: Final = Problem(
    500,
    "UNSUPPORTED",
    "the registry failed; its log says why",
    "Find the line of the request in the log by its `X-Ms-Correlation-Request-Id`, and report it.",
)


def find(refused: errors.RegistryError) -> Problem:
    """The row of the failure's class, or of its nearest base class that has one."""
    for kind in type(refused).__mro__:
        if kind in TABLE:
            return TABLE[kind]
    return UNEXPECTED


def render(refused: errors.RegistryError, case: str = "") -> Response:
    """The failure as `{"errors": [...]}` and a newline (acr-protocol.md §6).

    `case` is the id under which it can be explained. It is sent in a header. It is also added to
    the message, which docker shows, and to the detail, which `az` shows, unless no credential was
    presented: then the body is exactly that of the document.
    """
    problem = find(refused)
    if problem is UNEXPECTED:  # its own message is for the log only
        return envelope(problem, problem.message)
    message, detail = refused.message or problem.message, _detail(refused)
    if case and not isinstance(refused, errors.AuthenticationRequired):
        message, detail = f"{message} (case {case})", _with_case(detail, case)
    response = envelope(problem, message, detail)
    if case:
        response.add("X-Acrux-Case", case)
    if isinstance(refused, errors.UploadOutOfOrder):
        response.add("Range", f"0-{max(refused.offset - 1, 0)}")
    if isinstance(refused, errors.RangeNotSatisfiable):
        response.add("Content-Range", f"bytes */{refused.size}")
    if isinstance(refused, errors.TooManyRequests | errors.Crowded):
        response.add("Retry-After", str(refused.retry_after))
    if problem.status in FOR_NOW:
        response.add("Retry-After", str(UNAVAILABLE_SECONDS))
    if isinstance(refused, errors.Unsupported) and refused.allow:
        response.add("Allow", refused.allow)
    return response


def envelope(problem: Problem, message: str, detail: object = msgspec.UNSET) -> Response:
    """One error in the specification's format; `detail` is left out if there is none."""
    error = {"code": problem.code, "message": message}
    body = {"errors": [error if detail is msgspec.UNSET else {**error, "detail": detail}]}
    return Response(
        problem.status,
        [(b"content-type", JSON.encode())],
        msgspec.json.encode(body) + b"\n",
    )


def _with_case(detail: object, case: str) -> object:
    # In a list of scopes it is an extra member of each, which every client ignores. Otherwise the
    # detail becomes text, because `az` shows a detail that is text (acr-protocol.md §6).
    if isinstance(detail, list):
        return [{**scope, "Case": case} for scope in detail]
    return f"case {case}: acrux auth explain {case}"


def _detail(refused: errors.RegistryError) -> object:
    if isinstance(refused, errors.AccessRefused):
        # acr-protocol.md §1.3: one object for each action, keys capitalised; §1.2: null if none.
        return [
            {"Type": scope.type, "Name": scope.name, "Action": action}
            for scope in parse_all([refused.scope])
            for action in scope.ordered_actions
        ] or None
    if isinstance(refused, errors.Disallowed):
        return refused.detail  # empty for a lock, as ACR's is; clients print it
    return refused.detail or msgspec.UNSET
