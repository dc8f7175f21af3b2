"""What a service manager passes and is told: sd_listen_fds, sd_notify."""

import os
import socket
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Final

from acrux.errors import InvalidSettings

FIRST_DESCRIPTOR: Final = 3  # SD_LISTEN_FDS_START of sd-daemon.h

_EXPECTED: Final = "expected one listening TCP socket (ListenStream=5000 in the .socket unit)"


def passed_socket(environ: MutableMapping[str, str]) -> socket.socket | None:
    """The socket that the service manager listens on for this process (sd_listen_fds(3)).

    The variables that announce it are removed, so that no other process believes that they are
    meant for it. Raises InvalidSettings if what is passed is not one listening TCP socket.
    """
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()):
        return None
    if count != "1":
        raise InvalidSettings(f"LISTEN_FDS: the service manager passed {count!r}: {_EXPECTED}")
    try:
        passed = socket.socket(fileno=FIRST_DESCRIPTOR)
        listens = passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise InvalidSettings(
            f"LISTEN_FDS: descriptor {FIRST_DESCRIPTOR} is no socket: {_EXPECTED}"
        ) from error
    if passed.family not in (socket.AF_INET, socket.AF_INET6) or not listens:
        raise InvalidSettings(f"LISTEN_FDS: the service manager passed {passed}: {_EXPECTED}")
    os.set_inheritable(FIRST_DESCRIPTOR, False)  # noqa: FBT003 -- positional-only
    passed.settimeout(0)
    return passed


def tell_ready(environ: Mapping[str, str]) -> None:
    """Tell the service manager that the registry answers, if it wants to know (sd_notify(3))."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # the abstract namespace, unix(7)
        address = f"\0{address[1:]}"
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.sendto(b"READY=1", address)
