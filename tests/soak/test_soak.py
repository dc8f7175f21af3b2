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

from tests.clients.test_proxies import wait_until
from tests.running import RunningRegistry, free_port, renew
from tests.scrape import scrape
from tests.soak.clients import Client, Entrance, Tally
from tests.soak.place import Place, place

SECONDS: Final = float(os.environ.get("ACRUX_SOAK_SECONDS", "20"))
CLIENTS: Final = 2  # for each entrance
WARM_UP: Final = 0.3  # the part of the time after which memory has to stay flat
GROWTH: Final = 1.1
SLACK_BYTES: Final = 16 * 1024 * 1024
UNCOUNTED: Final = 1.0  # a killed worker takes what it counted last with it; twice that, in seconds
MOST_OPENED: Final = 0.5  # requests that fail on a new connection, for each renewal
BAD_GATEWAY: Final = 502  # a proxy's own answer


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
    tally, metrics = Tally(), free_port()
    with place(tmp_path, "--workers", "2", "--metrics-listen", f"127.0.0.1:{metrics}") as there:
        passwords = Passwords(there.registry.data_dir)
        with load(there.entrances, passwords, tally):
            killed, memory, renewals = live(there, passwords)
        grown = there.registry.resident_bytes()
        uncounted = sum(killed - UNCOUNTED < at <= killed for at in tally.instants)
        wait_until(lambda: counted(metrics, "GET") + uncounted >= made(tally, "GET"))
        for method in ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"):
            lost = made(tally, method) - counted(metrics, method)
            assert -len(tally.failures) <= lost <= uncounted, method
        assert there.registry.stop() == 0

    unexplained = [failure for failure in tally.failures if not failure.was_open_at(killed)]
    # A worker may have accepted it just before it was relieved (docs/how-to/tls.md).
    opened = [failure for failure in unexplained if failure.is_first]
    assert [failure for failure in unexplained if not failure.is_first] == []
    assert len(opened) <= MOST_OPENED * renewals
    assert len(tally.failures) - len(opened) <= CLIENTS * len(there.entrances)
    assert tally.answers.total() > 100
    assert grown <= memory * GROWTH + SLACK_BYTES
    assert "Traceback" not in there.registry.log.read_text()


def made(tally: Tally, method: str) -> int:
    """How many answers of the registry to this method the clients got."""
    return sum(count for (one, status), count in tally.answers.items() if one == method
               and status < BAD_GATEWAY)  # fmt: skip


def counted(port: int, method: str) -> int:
    """How many the registry counted, apart from what no client of ours asks for."""
    page = scrape(port)
    others = sum(
        page.sum("acrux_http_requests_total", method=method, route=route)
        for route in ("unmatched", "/livez")
    )
    return int(page.sum("acrux_http_requests_total", method=method) - others)


def live(there: Place, passwords: Passwords) -> tuple[float, int, int]:
    """What happens to it.

    Returns when a worker was killed, the memory after the warm-up, and how often the certificate
    was renewed.
    """
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
    return killed, memory, number
