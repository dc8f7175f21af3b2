"""The table that maps each RegistryError to a status and an OCI code."""

from dataclasses import dataclass
from typing import Final

import msgspec

from acrux import errors
from acrux.domain.access.scope import parse_all
from acrux.http.messages import Response

JSON: Final = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Problem:
    """How a failure is reported: status, code, and a message if the failure has none of its own.

    The codes are the fourteen of the OCI distribution specification, "Error codes", and ACR's own
    for what only ACR has (acr-protocol.md §6).
    """

    status: int
    code: str
    message: str


TABLE: Final[dict[type[errors.RegistryError], Problem]] = {
    errors.InvalidName: Problem(400, "NAME_INVALID", "invalid repository name"),
    errors.InvalidReference: Problem(400, "MANIFEST_INVALID", "invalid tag or digest"),
    errors.InvalidDigest: Problem(400, "DIGEST_INVALID", "invalid digest"),
    errors.InvalidManifest: Problem(400, "MANIFEST_INVALID", "manifest invalid"),
    # The list has no code for a bad scope, service, page or request; UNSUPPORTED is the nearest.
    errors.InvalidScope: Problem(400, "UNSUPPORTED", "invalid scope"),
    errors.InvalidService: Problem(400, "UNSUPPORTED", "unknown service"),
    errors.InvalidPage: Problem(400, "UNSUPPORTED", "invalid page"),
    errors.InvalidRequest: Problem(400, "UNSUPPORTED", "the request cannot be read"),
    errors.HeadersTooLarge: Problem(431, "UNSUPPORTED", "the request's header is too large"),
    errors.UnknownName: Problem(404, "NAME_UNKNOWN", "nothing has this name"),
    # Nor one for a conflict.
    errors.NameTaken: Problem(409, "NAME_INVALID", "the name is taken"),
    errors.StillInUse: Problem(409, "DENIED", "it is in use"),
    errors.InvalidInput: Problem(400, "UNSUPPORTED", "the request cannot be read"),
    errors.UnknownEndpoint: Problem(404, "UNSUPPORTED", "no end-point has this path"),
    errors.UnknownRepository: Problem(404, "NAME_UNKNOWN", "repository name not known to registry"),
    errors.UnknownManifest: Problem(404, "MANIFEST_UNKNOWN", "manifest unknown"),
    errors.DamagedManifest: Problem(404, "MANIFEST_UNKNOWN", "the manifest was damaged"),
    errors.UnknownTag: Problem(404, "TAG_UNKNOWN", "the specified tag does not exist"),
    errors.UnknownBlob: Problem(404, "BLOB_UNKNOWN", "blob unknown to registry"),
    errors.DamagedBlob: Problem(404, "BLOB_UNKNOWN", "the blob was damaged: push it again"),
    errors.UnknownUpload: Problem(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"),
    errors.UnknownCase: Problem(404, "UNSUPPORTED", "no refusal with this id is recorded"),
    errors.DigestMismatch: Problem(
        400, "DIGEST_INVALID", "the content does not match the given digest"
    ),
    errors.SizeMismatch: Problem(
        400, "SIZE_INVALID", "the content does not have the stated length"
    ),
    errors.ContentTooLarge: Problem(413, "MANIFEST_INVALID", "the content is too large"),
    # 416 has no code of its own in the list.
    errors.UploadOutOfOrder: Problem(416, "BLOB_UPLOAD_INVALID", "the chunk is out of order"),
    errors.RangeNotSatisfiable: Problem(416, "SIZE_INVALID", "the range lies outside the blob"),
    errors.MissingReferences: Problem(
        400, "MANIFEST_BLOB_UNKNOWN", "the manifest refers to blobs that are not in the repository"
    ),
    errors.IncompleteBody: Problem(400, "BLOB_UPLOAD_INVALID", "the body was cut short"),
    errors.AuthenticationRequired: Problem(401, "UNAUTHORIZED", "authentication required"),
    errors.InvalidToken: Problem(401, "UNAUTHORIZED", "invalid access token"),
    errors.InsufficientScope: Problem(
        401, "UNAUTHORIZED", "the access token does not grant what this request needs"
    ),
    errors.BadCredentials: Problem(401, "UNAUTHORIZED", "the user name or the password is wrong"),
    errors.Denied: Problem(403, "DENIED", "requested access to the resource is denied"),
    errors.Unsupported: Problem(405, "UNSUPPORTED", "the operation is unsupported"),
    # ACR's own code and message (acr-protocol.md §5.6). By the status acr-cli knows what is locked,
    # and skips it.
    errors.Disallowed: Problem(
        405,
        "REGISTRY_DISALLOWED_OPERATION",
        "The operation is disallowed on this registry, repository or image: it is locked. "
        "Its attributes at /acr/v1 say which of read, write, delete is off",
    ),
    errors.TooManyRequests: Problem(429, "TOOMANYREQUESTS", "too many requests"),
    errors.Crowded: Problem(429, "TOOMANYREQUESTS", "too many transfers are under way"),
    # The list has no code for a full disk; docker shows the message with any of them.
    errors.StorageExhausted: Problem(507, "DENIED", "the registry's storage is full"),
    errors.StorageReadOnly: Problem(503, "DENIED", "the registry's storage is read-only"),
    errors.StorageUnavailable: Problem(503, "UNSUPPORTED", "the registry's storage is unavailable"),
    # Nor one for a service that we depend on. Clients retry a 5xx.
    errors.IssuerUnavailable: Problem(503, "UNAUTHORIZED", "the token's issuer cannot be reached"),
}

# Failures that never reach a client: they prevent the start.
UNTOLD: Final = frozenset({errors.InvalidSettings})

UNEXPECTED: Final = Problem(500, "UNSUPPORTED", "the registry failed; its log says why")


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
        return {}  # clients print it; ACR's is empty too
    return refused.detail or msgspec.UNSET
