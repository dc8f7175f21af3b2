"""Send a message over HTTP, to an address that was checked."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Final

from acrux.adapters.webhooks.addresses import Resolve, resolve
from acrux.domain.webhooks.destinations import Address, Network, is_allowed, is_within
from acrux.domain.webhooks.standing import Answer
from acrux.domain.webhooks.uri import Uri

if TYPE_CHECKING:
    import httpx2

CONNECTED_WITHIN: Final = timedelta(seconds=3)
MAX_ADDRESSES: Final = 3  # tried in turn
SENT_WITHIN: Final = timedelta(seconds=10)  # everything, from the look-up to the end of the answer

# What is kept of an answer: enough to see what is wrong. The rest is not read.
MAX_ANSWER_BYTES: Final = 1024
MAX_HEADERS: Final = 20
MAX_HEADER_CHARACTERS: Final = 128
MAX_PROBLEM_CHARACTERS: Final = 300


class HttpSender:
    """The port Sender, over HTTP/1.1 and TLS.

    The host is looked up once, and the connection goes to an address that was found then and was
    checked: a name that leads elsewhere a moment later (DNS rebinding) changes nothing. No redirect
    is followed, no proxy of the environment is used, no cookie is kept. Beyond public addresses
    only the `networks` may be reached, and only these without TLS.
    """

    def __init__(self, networks: Sequence[Network], resolve: Resolve = resolve) -> None:
        self.networks = networks
        self._resolve = resolve
        self._trusted: ssl.SSLContext | None = None

    async def send(self, uri: Uri, headers: Mapping[str, str], body: bytes) -> Answer | str:
        """See ports.Sender."""
        try:
            if self._trusted is None:
                # In a thread: the library and the system's certificates are slow to load.
                self._trusted = await asyncio.to_thread(_load)
        except OSError as failed:
            return f"the trusted certificates of this machine cannot be read ({failed})"
        import httpx2  # noqa: PLC0415 -- loaded by now; most registries have no webhook

        try:
            async with asyncio.timeout(SENT_WITHIN.total_seconds()):
                allowed = self._allowed(uri, await self._resolve(uri.host, uri.port))
                if isinstance(allowed, str):
                    return allowed
                requests = [_request(uri, address, headers, body) for address in allowed]
                return await _post_first(requests, self._trusted)
        except TimeoutError:
            return f"no answer within {SENT_WITHIN.total_seconds():g} seconds"
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as failed:
            return f"{type(failed).__name__}: {failed}"[:MAX_PROBLEM_CHARACTERS]

    def _allowed(self, uri: Uri, found: Sequence[Address]) -> Sequence[Address] | str:
        """The addresses that may be reached, or why none may."""
        allowed = [address for address in found if is_allowed(address, self.networks)]
        if not allowed:
            return (
                f"{uri.host} leads to no public address: allow its network with the setting "
                "webhook_networks if it is a receiver of yours"
            )
        if not uri.is_encrypted:
            allowed = [address for address in allowed if is_within(address, self.networks)]
        return allowed[:MAX_ADDRESSES] or "http is allowed in webhook_networks only: use https"


def _load() -> ssl.SSLContext:
    import httpx2  # noqa: PLC0415 -- slow to import

    return httpx2.create_ssl_context()


def _request(
    uri: Uri, address: Address, headers: Mapping[str, str], body: bytes
) -> "httpx2.Request":
    import httpx2  # noqa: PLC0415 -- as above

    host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
    seconds, in_all = CONNECTED_WITHIN.total_seconds(), SENT_WITHIN.total_seconds()
    return httpx2.Request(
        "POST",
        f"{uri.scheme}://{host}:{uri.port}{uri.target}",
        # A compressed answer could expand.
        headers={"Host": uri.authority, "Accept-Encoding": "identity", **headers},
        content=body,
        extensions={
            "sni_hostname": uri.host,  # whose certificate it must be, too
            "timeout": {"connect": seconds, "pool": seconds, "read": in_all, "write": in_all},
        },
    )


async def _post_first(requests: Sequence["httpx2.Request"], trusted: ssl.SSLContext) -> Answer:
    """Send the first of the requests whose address can be connected to."""
    import httpx2  # noqa: PLC0415 -- as above

    *others, last = requests
    async with httpx2.AsyncHTTPTransport(verify=trusted, trust_env=False) as transport:
        for request in others:
            with suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                return await _post(transport, request)
        return await _post(transport, last)


async def _post(transport: "httpx2.AsyncHTTPTransport", request: "httpx2.Request") -> Answer:
    response = await transport.handle_async_request(request)
    try:
        content = b""
        async for piece in response.aiter_raw():
            content += piece[:MAX_ANSWER_BYTES]
            if len(content) >= MAX_ANSWER_BYTES:
                break
    finally:
        await response.aclose()
    return Answer(
        status=response.status_code,
        reason=response.reason_phrase[:MAX_HEADER_CHARACTERS],
        headers={
            name[:MAX_HEADER_CHARACTERS]: value[:MAX_HEADER_CHARACTERS]
            for name, value in [*response.headers.items()][:MAX_HEADERS]
            if name != "set-cookie"  # a secret of the receiver's
        },
        body=content[:MAX_ANSWER_BYTES].decode("utf-8", "replace"),
        version=response.http_version.removeprefix("HTTP/"),
    )
