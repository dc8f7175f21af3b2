"""A registry under load through its proxies, while what operators do happens to it.

It takes some seconds; with ACRUX_SOAK_SECONDS it takes as long as you like.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.running import RunningRegistry, renew
from tests.soak.clients import Client, Entrance, Tally
from tests.soak.place import Place, place

SECONDS: Final = float(os.environ.get("ACRUX_SOAK_SECONDS", "20"))
CLIENTS: Final = 2  # for each entrance
WARM_UP: Final = 0.3  # the part of the time after which memory has to stay flat
GROWTH: Final = 1.1
SLACK_BYTES: Final = 16 * 1024 * 1024


class Passwords:
    """The administrator's passwords: clients use one while the other is renewed."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._slots = ["password", "password2"]
        self._current = renew(data_dir, self._slots[0])

    def current(self) -> str:
        """The password to log in with."""
        return self._current

    def renew(self) -> None:
        """Renew the password that is not in use, and switch to it."""
        self._slots.reverse()
        self._current = renew(self._data_dir, self._slots[0])


@contextmanager
def load(entrances: tuple[Entrance, ...], passwords: Passwords, tally: Tally) -> Iterator[None]:
    """Clients at each entrance until the block ends."""
    clients = [
        Client(entrance, number, passwords.current, tally)
        for entrance in entrances
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    try:
        yield
    finally:
        for client in clients:
            client.stop()
        for client in clients:
            client.join()


def kill_a_worker(registry: RunningRegistry) -> float:
    """Kill a worker; return when."""
    os.kill(registry.worker_pids()[1], signal.SIGKILL)
    return time.monotonic()


def test_no_request_fails_but_those_of_a_killed_worker(tmp_path: Path) -> None:
    """Renewals and a crash belong to a registry's life, and nobody should notice them."""
    tally = Tally()
    with place(tmp_path, "--workers", "2") as there:
        passwords = Passwords(there.registry.data_dir)
        with load(there.entrances, passwords, tally):
            killed, memory = live(there, passwords)
        grown = there.registry.resident_bytes()
        assert there.registry.stop() == 0

    unexplained = [failure for failure in tally.failures if not failure.was_open_at(killed)]
    assert unexplained == []
    assert len(tally.failures) <= CLIENTS * len(there.entrances)
    assert tally.answers.total() > 100
    assert grown <= memory * GROWTH + SLACK_BYTES
    assert "Traceback" not in there.registry.log.read_text()


def live(there: Place, passwords: Passwords) -> tuple[float, int]:
    """What happens to it; return when a worker was killed, and the memory after the warm-up."""
    pause = threading.Event()
    began = time.monotonic()
    killed, memory, number = 0.0, 0, 0
    while (passed := time.monotonic() - began) < SECONDS:
        number += 1
        there.renew_certificate(number)
        pause.wait(min(10, SECONDS / 8))
        passwords.renew()
        if not memory and passed > SECONDS * WARM_UP:
            memory = there.registry.resident_bytes()
        if not killed and passed > SECONDS / 2:
            killed = kill_a_worker(there.registry)
    return killed, memory
