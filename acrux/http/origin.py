"""Which of our own addresses a request was sent to."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from acrux.http import parsing
from acrux.http.messages import Request


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the client reached us: scheme, and one of the login servers."""

    scheme: str
    login_server: str


@dataclass(frozen=True, slots=True)
class Origins:
    """Which of the registry's own addresses a request was sent to.

    A host that is not a login server is never repeated: whoever sends the request must not choose
    where others take their credentials. The first login server stands in for it.
    """

    login_servers: Sequence[str]
    trusted_proxies: Sequence[IPv4Network | IPv6Network] = ()

    def of(self, request: Request) -> Origin:
        """The scheme and login server addressed; X-Forwarded-* counts only from trusted proxies."""
        scheme, host = request.scheme, parsing.header(request, "host") or ""
        if self._is_trusted(request.peer):
            scheme = _last(parsing.every_header(request, "x-forwarded-proto")) or scheme
            host = _last(parsing.every_header(request, "x-forwarded-host")) or host
        scheme = scheme if scheme in ("http", "https") else request.scheme
        default_port = ":443" if scheme == "https" else ":80"
        for candidate in (host.lower(), host.lower().removesuffix(default_port)):
            if candidate in self.login_servers:
                return Origin(scheme, candidate)
        return Origin(scheme, self.login_servers[0])

    def _is_trusted(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        # A socket of IPv6 shows IPv4 peers as ::ffff:a.b.c.d.
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self.trusted_proxies)


def _last(values: Sequence[str]) -> str:
    # Each proxy appends; only the one that we trust wrote the last value.
    return values[-1].rpartition(",")[2].strip() if values else ""
