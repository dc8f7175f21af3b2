"""Fetch the keys of an OpenID issuer: discovery, then its key set."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from acrux.adapters.openid.subject_tokens import PublicKey, read_keys
from acrux.errors import IssuerUnavailable

if TYPE_CHECKING:
    import httpx2

DISCOVERY: Final = "/.well-known/openid-configuration"
TIMEOUT: Final = timedelta(seconds=5)  # for both documents together
MAX_DOCUMENT_BYTES: Final = 256 * 1024

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


async def fetch_keys(
    issuer: str, headers: Callable[[], Mapping[str, str]] = dict[str, str]
) -> tuple[PublicKey, ...]:
    """The keys that the issuer publishes (OpenID Connect Discovery 1.0 §4).

    Addresses must be https, or http on this machine if the issuer is there too. No redirect is
    followed, no document longer than MAX_DOCUMENT_BYTES is read, and all must arrive within
    TIMEOUT. `headers` returns what every request carries in addition. Raises IssuerUnavailable for
    any failure, such as a document that names another issuer.
    """
    async with conversation(issuer, headers) as client:
        document = await discover(client, issuer)
        keys = read_keys(await read(client, checked(document.get("jwks_uri"), issuer), issuer))
    if not keys:
        raise unavailable(issuer, "it publishes no usable key")
    return keys


@asynccontextmanager
async def conversation(
    issuer: str, headers: Callable[[], Mapping[str, str]] = dict[str, str]
) -> "AsyncIterator[httpx2.AsyncClient]":
    """A client for the requests to one issuer, within TIMEOUT. Raises IssuerUnavailable."""
    # In a thread: the library and the system's certificates are slow to load.
    client = await asyncio.to_thread(_open, issuer)
    client.headers.update(headers())
    import httpx2  # noqa: PLC0415 -- loaded by now; most registries have no trust

    try:
        async with asyncio.timeout(TIMEOUT.total_seconds()), client:
            yield client
    except TimeoutError:
        raise unavailable(issuer, "it does not answer in time") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as failed:
        raise unavailable(issuer, f"{type(failed).__name__}: {failed}") from failed


async def discover(client: "httpx2.AsyncClient", issuer: str) -> dict[str, object]:
    """The issuer's document about itself (OpenID Connect Discovery 1.0 §4)."""
    address = issuer.rstrip("/") + DISCOVERY
    document = await read(client, checked(address, issuer), issuer)
    if document.get("issuer") != issuer:
        raise unavailable(issuer, f"{address} names another issuer")
    return document


def _open(issuer: str) -> "httpx2.AsyncClient":
    import httpx2  # noqa: PLC0415 -- slow to import

    try:
        return httpx2.AsyncClient()
    except OSError as failed:
        raise unavailable(
            issuer, f"the trusted certificates of this machine cannot be read ({failed})"
        ) from failed


async def read(
    client: "httpx2.AsyncClient", address: str, issuer: str, form: Mapping[str, str] | None = None
) -> dict[str, object]:
    """The JSON object at an address, or the answer to a form. Raises IssuerUnavailable."""
    # A small compressed document could expand to a huge one, so none is accepted.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    content = b""
    method = "GET" if form is None else "POST"
    async with client.stream(method, address, headers=headers, data=form) as response:
        if response.status_code != 200 or "content-encoding" in response.headers:
            raise unavailable(
                issuer, f"{address} answers {response.status_code}, not an uncompressed 200"
            )
        async for piece in response.aiter_raw():
            content += piece
            if len(content) > MAX_DOCUMENT_BYTES:
                raise unavailable(issuer, f"{address} is longer than {MAX_DOCUMENT_BYTES} bytes")
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise unavailable(issuer, f"{address} is not a JSON object")
    return read


def checked(address: object, issuer: str) -> str:
    """An address that the issuer's document gives. Raises IssuerUnavailable if it is not safe."""
    try:
        split = urlsplit(address) if isinstance(address, str) else SplitResult("", "", "", "", "")
        is_local = urlsplit(issuer).hostname in LOOPBACK and split.hostname in LOOPBACK
    except ValueError:
        split, is_local = SplitResult("", "", "", "", ""), False
    # JSON can hold characters that no address has (RFC 3986 §2) and no request can carry.
    if not isinstance(address, str) or not address.isascii() or not split.hostname:
        raise unavailable(issuer, "its document does not give a valid address")
    if split.scheme not in ("http", "https"):
        raise unavailable(issuer, "its document does not give a valid address")
    if split.scheme == "http" and not is_local:
        raise unavailable(issuer, "its document gives an address that is not https")
    return address


def unavailable(issuer: str, reason: str) -> IssuerUnavailable:
    """What is raised if the issuer cannot be asked."""
    return IssuerUnavailable(
        f"the issuer {issuer} cannot be asked, try again in a moment: {reason[:300]}"
    )
