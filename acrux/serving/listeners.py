"""The sockets that workers accept connections from."""

import os
import socket
from contextlib import suppress
from typing import Final

BACKLOG: Final = 4096  # connections that the kernel queues until they are accepted


class Listeners:
    """One listening socket for each worker, or for all of them the one that was `passed`.

    A worker's socket outlives it: connections that wait there are accepted by its replacement. Each
    has its own, because the kernel spreads connections over several (socket(7), SO_REUSEPORT) but
    gives most of one socket's to whoever is quickest.
    """

    def __init__(self, address: tuple[str, int], passed: socket.socket | None) -> None:
        self._address = address
        self._passed = passed
        self._own: dict[int, socket.socket] = {}

    def of(self, number: int) -> socket.socket:
        """The one that the worker of this number accepts from. Raises OSError."""
        if self._passed is not None:
            return self._passed
        if number not in self._own:
            self._own[number] = _listen(self._address)
        return self._own[number]

    def abandon(self, number: int) -> None:
        """Close this worker's, so that the others get the connections that would wait there."""
        if number in self._own:
            self._own.pop(number).close()

    def keep_only(self, number: int | None) -> None:
        """Close all that nobody in this process accepts from.

        The kernel gives each a share of the connections as long as any process has it open.
        """
        for other in set(self._own) - {number}:
            self.abandon(other)


def stop_accepting(listener: socket.socket) -> None:
    """Accept nothing more from it in this process; the others that share it go on.

    granian, which accepts in threads of its own, has no such call. So its descriptor is given a
    socket that nobody connects to. To close it, or to shut it down, would make granian's loop fail
    and try again without a pause.
    """
    with suppress(OSError), socket.socket(socket.AF_UNIX) as silent:  # else it goes on accepting
        silent.bind("")  # to an address that the kernel chooses (unix(7), autobind)
        silent.settimeout(0)  # so that there is nothing to accept, at once
        silent.listen(0)
        os.dup2(silent.fileno(), listener.fileno(), inheritable=False)


def _listen(address: tuple[str, int]) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted ones inherit it
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
