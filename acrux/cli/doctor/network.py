"""Check the way to a registry: proxies, names, addresses."""

import socket
from collections.abc import Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Final

from acrux.cli.caller import failures
from acrux.cli.caller.http_client import is_this_machine, printable
from acrux.cli.doctor import answers
from acrux.cli.doctor.proxies import is_address
from acrux.cli.doctor.visit import Visit
from acrux.client.tokens import basic
from acrux.domain.access.credential import Credential, Secret
from acrux.domain.server.findings import Finding, failed, ok, skipped, warning

SECONDS: Final = 10.0
MAX_ADDRESSES: Final = 16

_FAMILIES: Final[dict[int, str]] = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}


def proxy(visit: Visit) -> Finding:
    """Whether a proxy is used, as HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say."""
    if visit.proxy is None:
        return ok("none is used")
    if is_this_machine(visit.url.host):
        return warning(
            f"{answers.place(visit.proxy)} is used for this machine",
            f"add {visit.url.host} to NO_PROXY",
        )
    return ok(f"{answers.place(visit.proxy)} is used; NO_PROXY does not name {visit.url.host}")


def dns(visit: Visit) -> Finding:
    """All addresses of the registry's name, or of the proxy's."""
    host, _ = _way(visit)
    if is_address(host):
        return ok(f"{host} is an address")
    addresses = _addresses(visit)
    shown = [f"{_FAMILIES.get(family, '?')} {address}" for family, address in addresses]
    whose = "" if visit.proxy is None else f"the proxy {host}: "
    return ok(whose + ", ".join(shown))


def tcp(visit: Visit) -> Finding:
    """Whether each address accepts connections."""
    host, port = _way(visit)
    addresses = _addresses(visit)
    problems = {address: _problem(address, port) for _, address in addresses[:MAX_ADDRESSES]}
    refused = [f"{address}: {why}" for address, why in problems.items() if why]
    if len(refused) == len(problems):
        raise failed(
            f"port {port} of {host} accepts no connection ({'; '.join(refused)})",
            "is the registry running, and does it listen there (acrux: --host, --port)? Is a "
            "firewall in between?",
            answers.CHALLENGE,
        )
    accepted = f"port {port} accepts connections"
    if not refused:
        return ok(accepted)
    found = f"{accepted}, but not at {'; '.join(refused)}"
    if is_this_machine(host):
        return ok(found)
    return warning(found, "clients that try these addresses first wait: remove them from DNS")


def connect(visit: Visit) -> socket.socket:
    """A connection to the registry, through the proxy if there is one. Raises Ended."""
    try:
        if visit.proxy is None:
            return socket.create_connection((visit.url.host, visit.port), SECONDS)
        return _tunnel(visit)
    except (OSError, HTTPException) as error:
        why = printable(failures.reason(error))
        raise failed(f"no connection to {visit.host}: {why}", "", answers.CHALLENGE) from None


def _tunnel(visit: Visit) -> socket.socket:
    found = visit.proxy
    assert found is not None  # noqa: S101 -- for the type checker
    if found.scheme != "http":
        raise skipped(f"{answers.place(found)} is reached with TLS itself")
    headers = {}
    if found.username:
        credential = Credential(found.username, Secret(found.password))
        headers["Proxy-Authorization"] = basic(credential)
    connection = HTTPConnection(found.host, found.port or 80, timeout=SECONDS)
    connection.set_tunnel(visit.url.host, visit.port, headers)
    connection.connect()
    return connection.sock


def _way(visit: Visit) -> tuple[str, int]:
    """The host and the port to which a connection goes."""
    if visit.proxy is None:
        return visit.url.host, visit.port
    return visit.proxy.host, visit.proxy.port or (443 if visit.proxy.scheme == "https" else 80)


def _addresses(visit: Visit) -> Sequence[tuple[int, str]]:
    host, port = _way(visit)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        why = error.strerror if isinstance(error, socket.gaierror) else "it is not a name"
        raise failed(
            f"{host} has no address: {why}",
            "compare the spelling, and look at the name servers of this machine",
            answers.DNS,
        ) from None
    return list(dict.fromkeys((int(family), str(where[0])) for family, _, _, _, where in found))


def _problem(address: str, port: int) -> str:
    """Why there is no connection to the address, empty if there is one."""
    try:
        with closing(socket.create_connection((address, port), SECONDS)):
            return ""
    except TimeoutError:
        return "no answer"
    except OSError as error:
        return failures.reason(error)
