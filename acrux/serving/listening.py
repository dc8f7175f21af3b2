"""The address and the port that the registry listens on."""

import errno
import os
import socket
from collections.abc import Mapping
from typing import Final

from acrux.errors import InvalidSettings
from acrux.settings import Settings

METRICS_BACKLOG: Final = 16  # connections that wait to be accepted

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


def for_metrics(settings: Settings) -> socket.socket | None:
    """A socket that listens on the address of the metrics, if they have one of their own.

    Raises InvalidSettings if the registry cannot listen there.
    """
    if settings.metrics_address is None:
        return None
    host, port = settings.metrics_address
    family, address = _found("metrics_listen", host, port)
    try:
        return socket.create_server(address, family=family, backlog=METRICS_BACKLOG)
    except OSError as error:
        why = os.strerror(error.errno or errno.EIO)  # the text of the error repeats the address
        raise InvalidSettings(
            f"metrics_listen: cannot listen on {settings.metrics_listen} ({why}): stop the program "
            "that listens there, or choose another address with --metrics-listen"
        ) from error


def address(settings: Settings) -> tuple[str, int]:
    """The address as numbers, and the port. Raises InvalidSettings if it cannot be found."""
    return _resolved(settings)[1]


def _resolved(settings: Settings) -> tuple[socket.AddressFamily, tuple[str, int]]:
    return _found("host", settings.host, settings.port)


def _found(setting: str, host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InvalidSettings(f"{setting}: {host!r} is not an address of this machine") from error
    family, *_, address = found[0]
    return family, (str(address[0]), int(address[1]))
