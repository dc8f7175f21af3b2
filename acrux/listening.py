"""The address and the port of the registry, and whether it answers there."""

import errno
import http.client
import socket
import ssl
from collections.abc import Mapping
from typing import Final

from acrux.errors import InvalidSettings
from acrux.settings import Settings

# Where to reach a registry that listens on every address.
_HERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared, not bound

MAX_BODY_BYTES: Final = 4096  # of an answer to `ask`

_REMEDIES: Final[Mapping[int | None, str]] = {
    errno.EADDRINUSE: "stop the program that listens there, or choose another port with --port",
    errno.EACCES: "ports below 1024 need a right that this user does not have: choose another with "
    "--port, put a proxy in front, or run sysctl net.ipv4.ip_unprivileged_port_start=80",
    errno.EADDRNOTAVAIL: "this machine does not have the address: give one of its own with --host",
}


def resolve(
    settings: Settings, passed: socket.socket | None = None
) -> tuple[Settings, socket.socket]:
    """The settings with the address and port that will be used, and a socket that holds them.

    That is the one that a service manager passed, if it did. Raises InvalidSettings if the
    registry cannot listen on the address.
    """
    if passed is not None:
        host, port, *_ = passed.getsockname()
        return settings.replace(host=host, port=port), passed
    family, address = _resolved(settings)
    try:
        with socket.socket(family) as probe:  # fails if anything listens there already
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            address = (address[0], probe.getsockname()[1])
        kept = socket.socket(family)
        # Without SO_REUSEADDR, so that the probe of another registry fails; with SO_REUSEPORT, so
        # that our workers can bind.
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind(address)
    except OSError as error:
        raise InvalidSettings(
            f"port: cannot listen on {settings.host}:{settings.port} ({error.strerror}): "
            f"{_REMEDIES.get(error.errno, _REMEDIES[errno.EADDRINUSE])}"
        ) from error
    return settings.replace(port=address[1]), kept


def address(settings: Settings) -> tuple[str, int]:
    """The address as numbers, and the port. Raises InvalidSettings if it cannot be found."""
    return _resolved(settings)[1]


def ask(settings: Settings, path: str, seconds: float = 1) -> tuple[int, str]:
    """The status and the body with which the registry of these settings answers a GET.

    Raises OSError or http.client.HTTPException if it does not answer within the seconds.
    """
    connection = _connect(settings, seconds)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(MAX_BODY_BYTES).decode(errors="replace")
    finally:
        connection.close()


def url(settings: Settings, path: str) -> str:
    """What is asked, for messages."""
    host = _host(settings)
    return f"{settings.scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}{path}"


def _resolved(settings: Settings) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InvalidSettings(
            f"host: {settings.host!r} is not an address of this machine"
        ) from error
    family, *_, address = found[0]
    return family, (str(address[0]), int(address[1]))


def _host(settings: Settings) -> str:
    return _HERE.get(settings.host, settings.host)


def _connect(settings: Settings, seconds: float) -> http.client.HTTPConnection:
    host = _host(settings)
    if settings.scheme == "http":
        return http.client.HTTPConnection(host, settings.port, timeout=seconds)
    # We only ask ourselves whether we answer, and send no secret.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, settings.port, timeout=seconds, context=context)
