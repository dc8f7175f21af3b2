"""From a request to domain values; the only reader of its parameters."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

import msgspec

from acrux.cache import memoize
from acrux.domain.access.scope import Scope, parse_text
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.byte_range import ByteRanges
from acrux.domain.content.digest import Digest, new_hasher
from acrux.domain.content.media_types import ANYTHING, Accept
from acrux.domain.content.names import Reference, RepositoryName, Tag, parse_reference
from acrux.domain.content.upload import ContentRange, Place, UploadId
from acrux.errors import (
    InvalidDigest,
    InvalidName,
    InvalidReference,
    InvalidRequest,
    UnknownManifest,
    UnknownName,
    UnknownTag,
)
from acrux.http.messages import Request

MAX_QUERY_FIELDS = 500
MAX_ADDED_TAGS = 100
MAX_NAME_CHARACTERS = 255


def header(request: Request, name: bytes) -> str | None:
    """The first value of a header, None without one. `name` is in lower case."""
    value = request.headers.get(name)
    return None if value is None else value.decode("latin-1")


def every_header(request: Request, name: bytes) -> list[str]:
    """All values of a header, in the order received. `name` is in lower case."""
    return [value.decode("latin-1") for value in request.values(name)]


def query(request: Request, name: str) -> tuple[str, ...]:
    """All values of a query parameter, in order. Raises InvalidRequest."""
    return fields(request).get(name, ())


def fields(request: Request) -> Mapping[str, tuple[str, ...]]:
    """All values of every query parameter, in order. Raises InvalidRequest."""
    if request.fields is None:
        request.fields = _fields(request.query)
    return request.fields


def _parse_fields(text: bytes) -> Mapping[str, tuple[str, ...]]:
    # Invalid UTF-8 becomes U+FFFD, which none of our grammars allows: a value that contains it is
    # refused as malformed, and a scope that contains it requests nothing.
    try:
        pairs = _pairs(text.decode("ascii"))
    except ValueError:
        raise InvalidRequest(
            f"the query is not percent-encoded, or has more than {MAX_QUERY_FIELDS} fields"
        ) from None
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        fields[name] = (*fields.get(name, ()), value)
    return fields


def _pairs(text: str) -> Sequence[tuple[str, str]]:
    # No cache helps for the location of an upload, because each is different. If nothing in it is
    # encoded, this takes a quarter of parse_qsl's time.
    if "%" in text or "+" in text or text.count("&") >= MAX_QUERY_FIELDS:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    parts = (field.partition("=") for field in text.split("&") if field)
    return [(name, value) for name, _, value in parts]


_fields = memoize(_parse_fields, 128, longest=512)  # clients ask again and again for the same


def first(request: Request, name: str) -> str | None:
    """The first value of a query parameter. Raises InvalidRequest."""
    values = query(request, name)
    return values[0] if values else None


# The path -----------------------------------------------------------------------------------------


def repository(request: Request) -> RepositoryName:
    """The repository in the path. Raises InvalidName."""
    return parse_repository(request.params["repository"])


# The guard and the handler both parse it, and most requests are for few repositories.
parse_repository = memoize(RepositoryName.parse, 1024)


_reference = memoize(parse_reference, 1024)


def reference_to_read(request: Request) -> Reference:
    """The tag or digest in the path. Raises UnknownManifest if it is malformed."""
    try:
        return _reference(request.params["reference"])
    except InvalidReference as refused:
        raise UnknownManifest(refused.message, **refused.detail) from None


def reference_to_write(request: Request) -> Reference:
    """The tag or digest in the path. Raises InvalidReference."""
    return parse_reference(request.params["reference"])


def tag(request: Request) -> Tag:
    """The tag in the path. Raises UnknownTag if it is malformed."""
    try:
        return Tag.parse(request.params["tag"])
    except InvalidReference as refused:
        raise UnknownTag(**refused.detail) from None


_digest = memoize(Digest.parse, 1024)


def digest(request: Request) -> Digest:
    """The digest in the path. Raises InvalidDigest."""
    return _digest(request.params["digest"])


def digest_to_read(request: Request) -> Digest:
    """The digest of a manifest in the path. Raises UnknownManifest if it is malformed."""
    try:
        return digest(request)
    except InvalidDigest as refused:
        raise UnknownManifest(refused.message, **refused.detail) from None


def upload(request: Request) -> UploadId:
    """The upload in the path. Raises UnknownUpload."""
    return UploadId.parse(request.params["upload"])


def name(request: Request) -> str:
    """The name in the path of what is managed. Raises UnknownName if none can have it."""
    text = request.params["name"]
    if not (text.isascii() and text.isprintable() and len(text) <= MAX_NAME_CHARACTERS):
        raise UnknownName("nothing has this name: it is too long, or not printable ASCII")
    return text


def password_name(request: Request) -> str:
    """The name of a password in the path."""
    return request.params["password"]


# The query ----------------------------------------------------------------------------------------


def scopes(request: Request) -> tuple[Scope, ...]:
    """The scopes of a token request: repeated, space-separated, or both."""
    return _scopes(" ".join(query(request, "scope")))


_scopes = memoize(parse_text, 128, longest=512)  # clients repeat the same few


def service(request: Request) -> str | None:
    """The service of a token request, in lower case as login servers are stored."""
    named = first(request, "service")
    return named.lower() if named else None


def wants_refresh_token(request: Request) -> bool:
    """Whether a token request asks for a refresh token too, as docker login does."""
    return first(request, "offline_token") == "true"


def claimed_digest(request: Request) -> Digest | None:
    """The digest that the client claims for pushed content. Raises InvalidDigest."""
    text = first(request, "digest")
    return None if text is None else Digest.parse(text)


def required_digest(request: Request) -> Digest:
    """As `claimed_digest`, but it must be given. Raises InvalidDigest."""
    claimed = claimed_digest(request)
    if claimed is None:
        raise InvalidDigest(
            "the query parameter digest is missing: give the digest of the whole blob"
        )
    return claimed


def mount_source(request: Request) -> RepositoryName | None:
    """The repository to mount a blob from, None unless valid and with `mount`."""
    text = first(request, "from")
    if not text or first(request, "mount") is None:
        return None
    try:
        return RepositoryName.parse(text)
    except InvalidName:
        return None


def names_mount_source(request: Request) -> bool:
    """Whether the request names a repository to mount from, valid or not."""
    return first(request, "from") is not None


def mounted_digest(request: Request) -> Digest | None:
    """The blob to mount, None unless it is a digest: what cannot be mounted is uploaded."""
    try:
        return Digest.parse(first(request, "mount") or "")
    except InvalidDigest:
        return None


def added_tags(request: Request) -> tuple[Tag, ...]:
    """The tags to give a manifest in addition to the one in its path (end-7b).

    Raises InvalidReference, and InvalidRequest if there are too many.
    """
    names = query(request, "tag")
    if len(names) > MAX_ADDED_TAGS:
        raise InvalidRequest(f"a manifest can be given at most {MAX_ADDED_TAGS} tags at once")
    return tuple(dict.fromkeys(map(Tag.parse, names)))


def check_digest_algorithm(request: Request) -> None:
    """Raise InvalidDigest if an upload announces an unsupported algorithm (end-4c)."""
    algorithm = first(request, "digest-algorithm")
    if algorithm is not None:
        new_hasher(algorithm)


def capability(request: Request) -> str:
    """The capability in the location of an upload, empty if it is missing."""
    return first(request, "_state") or ""


def place(request: Request) -> Place:
    """Where the chunk begins. Raises InvalidRequest."""
    text = first(request, "offset")
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidRequest("the offset in the location of an upload must be a number of bytes")
    return Place(content_range(request), None if text is None else int(text))


def attributes_change(body: bytes) -> AttributesChange:
    """The attributes that the body of a PATCH sets. Raises InvalidRequest."""
    try:
        change = msgspec.json.decode(body, type=_WireChange)
    except (msgspec.DecodeError, RecursionError) as refused:
        raise InvalidRequest(
            "the body must be a JSON object of deleteEnabled, writeEnabled, listEnabled and "
            f"readEnabled, each true or false: {refused}"
        ) from None
    return AttributesChange(
        change.delete_enabled, change.write_enabled, change.list_enabled, change.read_enabled
    )


class _WireChange(msgspec.Struct, rename="camel"):
    delete_enabled: bool | None = None
    write_enabled: bool | None = None
    list_enabled: bool | None = None
    read_enabled: bool | None = None


# The headers --------------------------------------------------------------------------------------


def accept(request: Request) -> Accept:
    """The media ranges of all Accept headers (RFC 9110 §12.5.1). Malformed ones match nothing."""
    values = request.values(b"accept")
    return _accept(b",".join(values)) if values else ANYTHING


def parse_accept(text: bytes) -> Accept:
    """The media ranges of the text of an Accept header."""
    wanted: set[str] = set()
    excluded: set[str] = set()
    for media_range in text.decode("latin-1").split(","):
        media_type, *parameters = (part.strip().lower() for part in media_range.split(";"))
        refused = any(re.fullmatch(r"q=0(?:\.0{0,3})?", part) for part in parameters)
        (excluded if refused else wanted).add(media_type)
    return Accept(frozenset(wanted - {""}), frozenset(excluded - {""}))


_accept = memoize(parse_accept, 32)  # each client sends the same one each time


def content_type(request: Request) -> str:
    """The media type of the body without its parameters, empty if it is missing."""
    return (header(request, b"content-type") or "").partition(";")[0].strip().lower()


def content_range(request: Request) -> ContentRange | None:
    """The position that the chunk states. Raises InvalidRequest."""
    text = header(request, b"content-range")
    return None if text is None else ContentRange.parse(text.strip())


def content_length(request: Request) -> int | None:
    """The announced length of the body in bytes, None without one. Raises InvalidRequest."""
    text = header(request, b"content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidRequest("Content-Length is not a number of bytes")
    return int(text)


def has_body(request: Request) -> bool:
    """Whether the request may have a body: with HTTP/2 it need not announce a length."""
    return content_length(request) != 0


def may_have_body(request: Request) -> bool:
    """Whether a body can follow the headers. Most reads have none and announce none."""
    if request.method not in {"GET", "HEAD"}:
        return True
    return b"content-length" in request.headers or b"transfer-encoding" in request.headers


def expects_continue(request: Request) -> bool:
    """Whether the client waits for 100 Continue before the body (RFC 9110 §10.1.1)."""
    return (header(request, b"expect") or "").lower() == "100-continue"


def byte_ranges(request: Request, etag: str) -> ByteRanges | None:
    """The requested ranges. None for the whole, also if If-Range names another representation."""
    text = header(request, b"range")
    condition = header(request, b"if-range")
    if text is None or (condition is not None and condition.strip() != etag):
        return None
    return ByteRanges.parse(text.strip())


def knows(request: Request, etag: str) -> bool:
    """Whether the client already has this representation (If-None-Match, RFC 9110 §13.1.2)."""
    if b"if-none-match" not in request.headers:
        return False
    known = ",".join(every_header(request, b"if-none-match"))
    return any(tag.strip().removeprefix("W/") in (etag, "*") for tag in known.split(","))
