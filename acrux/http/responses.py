"""From domain values to a response; the only writer of registry headers."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final, TypeVar
from urllib.parse import quote, urlencode
from uuid import uuid4

import msgspec

from acrux.cache import memoize
from acrux.domain.access.signing import KEY_SET_KEPT
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Referrer
from acrux.domain.content.media_types import OCI_INDEX, OCTET_STREAM
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import Page, cut
from acrux.domain.content.upload import Upload
from acrux.http import paging
from acrux.http.messages import Content, Headers, Part, Request, Response
from acrux.http.multipart import ByteRangesContent
from acrux.http.paging import Filters
from acrux.http.problems import JSON
from acrux.services.access.tokens import IssuedToken

Stored = TypeVar("Stored")

# Sent with every response (acr-protocol.md §1.5).
COMMON_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"access-control-expose-headers", b"Docker-Content-Digest"),
    (b"access-control-expose-headers", b"WWW-Authenticate"),
    (b"access-control-expose-headers", b"Link"),
    (b"access-control-expose-headers", b"X-Ms-Correlation-Request-Id"),
)
REGISTRY_VERSION: Final = (b"docker-distribution-api-version", b"registry/2.0")
_V2_HEADERS: Final = (*COMMON_HEADERS, REGISTRY_VERSION)
_JSON: Final = (b"content-type", JSON.encode())
_SECRET: Final = (_JSON, (b"cache-control", b"no-store"))
MAX_CACHED_TYPE: Final = 255  # characters
_SECOND: Final = timedelta(seconds=1)
CORRELATION_ID: Final = b"x-ms-correlation-request-id"


def complete(request: Request, response: Response) -> None:
    """Add the headers that every answer carries (acr-protocol.md §1.5)."""
    is_registry = request.path.startswith(("/v2", "/acr/"))
    response.headers += _V2_HEADERS if is_registry else COMMON_HEADERS
    response.headers.append((CORRELATION_ID, request.id.encode()))


def empty(status: int) -> Response:
    """An answer without a body."""
    return Response(status)


def json(content: object, status: int = 200) -> Response:
    """An object as compact JSON."""
    return Response(status, [_JSON], msgspec.json.encode(content))


def text(content: bytes, content_type: str) -> Response:
    """A text in memory; `content_type` is one of our own."""
    return Response(200, [(b"content-type", content_type.encode())], content)


def created(location: str, content: object) -> Response:
    """What was created, with its location. It may hold passwords, so it must not be cached."""
    response = secret(content, 201)
    response.add("Location", location)
    return response


def secret(content: object, status: int = 200) -> Response:
    """An object that may hold a password or a token, so it must not be cached."""
    return Response(status, [*_SECRET], msgspec.json.encode(content))


def collection(
    path: str, content: object, page: Page, following: str | None, filters: Filters
) -> Response:
    """A page of what is managed, with a link to the next page if there is one."""
    response = json(content)
    if following is not None:
        _link(response, path, page, following, filters)
    return response


def listed(
    request: Request,
    path: str,
    stored: Sequence[Stored],
    name: Callable[[Stored], str],
    content: Callable[[Sequence[Stored]], msgspec.Struct],
) -> Response:
    """A page of all that is `stored`, with a link to the next one. Raises InvalidPage."""
    page = paging.page(request)
    found = cut(stored, page, name)
    following = last_item([name(one) for one in found.items], more=found.more)
    return collection(path, content(found.items), page, following, paging.filters(request))


def etag(digest: Digest) -> str:
    """The entity tag of content with this digest, which never changes (RFC 9110 §8.8.3)."""
    return f'"{digest}"'


def issued(token: IssuedToken, refresh_token: str | None = None) -> Response:
    """A token response: ACR's `access_token`, and the fields that other clients look for.

    Source: acr-protocol.md §2.2; distribution, spec/auth/token.md.
    """
    content = {
        "access_token": token.text,
        "token": token.text,
        "expires_in": (token.token.expires_at - token.token.issued_at) // _SECOND,
        "issued_at": token.token.issued_at,
    }
    if refresh_token:
        content["refresh_token"] = refresh_token
    return secret(content)


def refresh(token: str) -> Response:
    """The answer to an exchange (acr-protocol.md §3.2)."""
    return secret({"refresh_token": token})


def key_set(keys: object) -> Response:
    """The keys that verify our tokens (RFC 7517 §5), and how long they may be cached."""
    response = json(keys)
    response.add("Cache-Control", f"public, max-age={int(KEY_SET_KEPT.total_seconds())}")
    return response


def manifest(digest: Digest, media_type: str, content: bytes) -> Response:
    """A manifest exactly as it was pushed (end-3)."""
    return Response(200, [*_described(media_type, str(digest))], content)


def _describe(media_type: str, digest: str) -> Headers:
    response = Response(200)
    response.add("Content-Type", media_type)
    _identify(response, Digest.parse(digest))
    return response.headers


_describe_once = lru_cache(maxsize=1024)(_describe)  # for a digest they never change


def _described(media_type: str, digest: str) -> Headers:
    is_short = len(media_type) <= MAX_CACHED_TYPE
    return _describe_once(media_type, digest) if is_short else _describe(media_type, digest)


def unchanged(digest: Digest) -> Response:
    """304: the client already has it (RFC 9110 §15.4.5)."""
    response = Response(304)
    _identify(response, digest)
    return response


def blob(digest: Digest, content: Content, parts: Sequence[tuple[int, int]]) -> Response:
    """A blob, or parts of it (end-2); `content` is closed once it is sent."""
    if len(parts) > 1:
        return _byte_ranges(digest, content, parts)
    start, stop = parts[0] if parts else (0, content.size)
    headers = [*_described_blob(str(digest))]
    response = Response(206 if parts else 200, headers, Part(content, start, stop))
    if parts:
        response.add("Content-Range", f"bytes {start}-{stop - 1}/{content.size}")
    return response


def elsewhere(digest: Digest, address: str) -> Response:
    """307: the blob, or parts of it, can be read at this address, which is a secret for a while."""
    response = Response(307)
    _identify(response, digest)
    response.add("Location", address)
    response.add("Cache-Control", "no-store")
    return response


def _byte_ranges(digest: Digest, content: Content, parts: Sequence[tuple[int, int]]) -> Response:
    boundary = uuid4().hex  # which no blob holds that was stored before
    whole = ByteRangesContent(content, parts, OCTET_STREAM, boundary)
    response = Response(206, [(b"accept-ranges", b"bytes")], Part(whole, 0, whole.size))
    response.add("Content-Type", f"multipart/byteranges; boundary={boundary}")
    _identify(response, digest)
    return response


def blob_description(digest: Digest, size: int) -> Response:
    """The headers that a GET of the blob would have."""
    return Response(200, [*_described_blob(str(digest))], stated_length=size)


def upload(status: int, upload: Upload, offset: int, capability: str) -> Response:
    """How far an upload has come, and where it continues (end-4, end-5, end-13).

    The location is a path without a host, because Azure's Python SDK puts its endpoint in front.
    Its `_state` lets the upload outlive the token that began it. Its `offset` distinguishes a
    chunk that is sent again from the next one.
    """
    response = empty(status)
    path = f"/v2/{upload.session.repository}/blobs/uploads/{upload}"
    response.add("Location", f"{path}?offset={offset}&_state={capability}")
    response.add("Docker-Upload-UUID", str(upload))
    response.add("Range", f"0-{max(offset - 1, 0)}")
    return response


def created_blob(repository: RepositoryName, digest: Digest) -> Response:
    """The blob can now be pulled from this repository (end-6)."""
    response = empty(201)
    response.add("Location", f"/v2/{repository}/blobs/{digest}")
    response.add("Docker-Content-Digest", str(digest))
    return response


def created_manifest(
    repository: RepositoryName, digest: Digest, subject: Digest | None, tags: Sequence[Tag]
) -> Response:
    """The manifest can now be pulled by its digest and by the requested tags (end-7)."""
    response = empty(201)
    response.add("Location", f"/v2/{repository}/manifests/{digest}")
    response.add("Docker-Content-Digest", str(digest))
    if subject is not None:
        response.add("OCI-Subject", str(subject))
    for tag in tags:
        response.add("OCI-Tag", str(tag))
    return response


def listing(
    path: str,
    content: Mapping[str, object],
    page: Page,
    following: str | None,
    filters: Filters,
    order: str = "",
) -> Response:
    """A page of a listing, with a link to the next page if there is one (end-8b).

    `path` is percent-encoded already.
    """
    response = json(content)
    if following is not None:
        _link(response, path, page, following, [("orderby", order), *filters])
    return response


def referrers(
    path: str,
    listed: Sequence[Referrer],
    page: Page,
    artifact_type: str | None,
    filters: Filters,
    *,
    more: bool,
) -> Response:
    """The referrers of a manifest, as an index (end-12)."""
    descriptors = [
        {
            "mediaType": referrer.media_type,
            "digest": str(referrer.digest),
            "size": referrer.size,
            **({"artifactType": referrer.artifact_type} if referrer.artifact_type else {}),
            **({"annotations": referrer.annotations} if referrer.annotations else {}),
        }
        for referrer in listed
    ]
    content = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": descriptors}
    response = Response(200, [(b"content-type", OCI_INDEX.encode())], msgspec.json.encode(content))
    if artifact_type:
        response.add("OCI-Filters-Applied", "artifactType")
    if more:
        _link(response, path, page, str(listed[-1].digest), filters)
    return response


def _link(response: Response, path: str, page: Page, following: str, kept: Filters) -> None:
    # Every parameter has an equals sign, because `az` splits there (acr-protocol.md §7.5).
    query = urlencode([("last", following), ("n", page.items), *kept], quote_via=quote, safe="")
    response.add("Link", f'<{path}?{query}>; rel="next"')


def _describe_blob(digest: str) -> Headers:
    return [*_describe(OCTET_STREAM, digest), (b"accept-ranges", b"bytes")]


_described_blob = memoize(_describe_blob, 1024)  # for a digest they never change


def _identify(response: Response, digest: Digest) -> None:
    response.add("Docker-Content-Digest", str(digest))
    response.add("ETag", etag(digest))


def last_item(items: Sequence[str], *, more: bool) -> str | None:
    """The item after which the next page begins, None if this is the last page."""
    return items[-1] if more else None
