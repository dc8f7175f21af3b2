"""Which login server a request was sent to, and from which address."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

from msgspec import Struct

from acrux.domain.webhooks.event import Cause
from acrux.errors import Denied
from acrux.http import parsing
from acrux.http.messages import Request, Response

Address: TypeAlias = IPv4Address | IPv6Address

# Application gateways write the port too: 192.0.2.7:4711, [2001:db8::7]:4711.
_WITH_PORT: Final = re.compile(r"(?:([0-9.]+)|\[([0-9a-fA-F:.]+)\])(?::[0-9]{1,5})?")

# Fetch Metadata Request Headers, W3C §2.3. The other values are `same-origin`, and `none` for an
# address that a person typed.
_FOREIGN_SITES: Final = frozenset({"cross-site", "same-site"})


class Origin(Struct, frozen=True):
    """Where the client reached us: the scheme and one of the login servers."""

    scheme: str
    login_server: str


@dataclass(frozen=True, slots=True)
class Origins:
    """Which of the registry's own addresses a request was sent to.

    A host that is not a login server is never echoed: the sender of a request must not choose where
    others send their credentials. The first login server takes its place.
    """

    login_servers: Sequence[str]
    trusted_proxies: Sequence[IPv4Network | IPv6Network] = ()
    trusted_pages: Collection[str] = ()  # origins whose pages may change what their user may

    def of(self, request: Request) -> Origin:
        """The scheme and login server. X-Forwarded-* counts only if sent by a trusted proxy."""
        scheme, login_server = self._named(request)
        return Origin(scheme, login_server or self.login_servers[0])

    def is_known(self, request: Request) -> bool:
        """Whether it was sent to one of the login servers, and not to another name of this host."""
        return bool(self._named(request)[1])

    def _named(self, request: Request) -> tuple[str, str]:
        scheme, host = request.scheme, parsing.header(request, b"host") or ""
        if self.trusted_proxies and self._is_trusted(_address(request.sender)):
            scheme = _last(parsing.every_header(request, b"x-forwarded-proto")) or scheme
            host = _last(parsing.every_header(request, b"x-forwarded-host")) or host
        scheme = scheme if scheme in ("http", "https") else request.scheme
        default_port = ":443" if scheme == "https" else ":80"
        for candidate in (host.lower(), host.lower().removesuffix(default_port)):
            if candidate in self.login_servers:
                return scheme, candidate
        return scheme, ""

    def cause(self, request: Request) -> Cause:
        """What webhooks are told of the request that makes a change."""
        return Cause(
            request.method,
            parsing.header(request, b"user-agent") or "",
            request.id,
            self.of(request).login_server,
            request.grant.principal,
        )

    def check_sender(self, request: Request) -> None:
        """Raise Denied if a page of another site makes a browser send this.

        A browser adds a password that it knows to every request sent here, whatever page causes it.
        Only browsers send these headers, so no other client is refused.
        """
        if b"origin" not in request.headers and b"sec-fetch-site" not in request.headers:
            return  # the usual case
        site = parsing.header(request, b"sec-fetch-site")
        origins = parsing.every_header(request, b"origin")
        if origins and all(text in self.trusted_pages for text in origins):
            return
        if site in _FOREIGN_SITES or not all(self._is_ours(text) for text in origins):
            raise Denied(
                "a page of another site cannot change anything here: the headers Origin and "
                "Sec-Fetch-Site say that this request comes from one"
            )

    def _is_ours(self, origin: str) -> bool:
        # Either scheme is ours: a proxy may terminate TLS without saying so.
        scheme, _, host = origin.lower().partition("://")
        default_port = {"http": ":80", "https": ":443"}.get(scheme)
        if default_port is None:
            return False
        return bool({host, host.removesuffix(default_port)} & set(self.login_servers))

    def make_location_absolute(self, request: Request, response: Response) -> None:
        """Put the origin in front of the answer's location, for clients that do not resolve it."""
        for place, (name, value) in enumerate(response.headers):
            if name == b"location" and value.startswith(b"/"):
                origin = self.of(request)
                absolute = f"{origin.scheme}://{origin.login_server}".encode() + value
                response.headers[place] = (name, absolute)

    def client(self, request: Request) -> str:
        """The client's address: the right-most in X-Forwarded-For that is not a trusted proxy's.

        Anything to the left of it may be forged. If a proxy wrote something other than an address,
        the result is the address of that proxy.
        """
        if not self.trusted_proxies:
            return request.sender
        address = _address(request.sender)
        if not self._is_trusted(address):
            return request.sender
        values = ",".join(parsing.every_header(request, b"x-forwarded-for"))
        for text in reversed(values.split(",")):
            before = _address(text.strip())
            if before is None:
                break
            address = before
            if not self._is_trusted(address):
                break
        return str(address)

    def is_proxy(self, address: str) -> bool:
        """Whether this is the address of a trusted proxy."""
        return self._is_trusted(_address(address))

    def _is_trusted(self, address: Address | None) -> bool:
        if address is None:
            return False
        return any(address in network for network in self.trusted_proxies)


def _address(text: str) -> Address | None:
    with_port = _WITH_PORT.fullmatch(text)
    try:
        address = ip_address((with_port[1] or with_port[2]) if with_port else text)
    except ValueError:
        return None
    # An IPv6 socket shows IPv4 peers as ::ffff:a.b.c.d.
    mapped = getattr(address, "ipv4_mapped", None) or address
    # A zone means something only on the proxy's machine, and may be any text.
    return None if getattr(mapped, "scope_id", None) else mapped


def _last(values: Sequence[str]) -> str:
    # Each proxy appends a value; the last one was written by the proxy that we trust.
    return values[-1].rpartition(",")[2].strip() if values else ""
