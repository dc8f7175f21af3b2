"""A registry under load through its proxies, while what operators do happens to it.

It takes as long as ACRUX_SOAK_SECONDS says; without that it is skipped.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.processes import told
from tests.running import RunningRegistry, free_port, renew, until
from tests.scrape import scrape
from tests.soak.clients import Client, Entrance, Tally, Window
from tests.soak.place import Place, place

SECONDS: Final = float(os.environ.get("ACRUX_SOAK_SECONDS", "0"))
CLIENTS: Final = 2  # for each entrance
WARM_UP: Final = 0.3  # the part of the time after which memory has to stay flat
GROWTH: Final = 1.1
SLACK_BYTES: Final = 16 * 1024 * 1024
UNCOUNTED: Final = 1.0  # a killed worker takes what it counted last with it; twice that, in seconds
RENEWALS: Final = 3  # of the certificate
WAIT_SECONDS: Final = 20
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


def kill_a_worker(registry: RunningRegistry) -> Window:
    """Kill a worker; return from when to when it died, which takes milliseconds."""
    names = {pid: told(pid, "cmdline") for pid in registry.worker_pids()}
    worker = next(pid for pid, name in names.items() if "worker-" in name)
    began = time.monotonic()
    os.kill(worker, signal.SIGKILL)
    # A process is a zombie before its last thread has ended, which still has the sockets.
    until(lambda: not told(worker, "stat"), WAIT_SECONDS)
    return Window(began, time.monotonic())


@pytest.mark.skipif(not SECONDS, reason="ACRUX_SOAK_SECONDS does not say for how long")
def test_no_request_fails_but_those_of_a_killed_worker(tmp_path: Path) -> None:
    """Renewals and a crash belong to a registry's life, and nobody should notice them."""
    tally, metrics = Tally(), free_port()
    with place(tmp_path, "--workers", "2", "--metrics-listen", f"127.0.0.1:{metrics}") as there:
        passwords = Passwords(there.registry.data_dir)
        with load(there.entrances, passwords, tally):
            killed, memory = live(there, passwords)
        grown = bytes_of_a_process(there.registry)
        uncounted = sum(killed.began - UNCOUNTED < at <= killed.ended for at in tally.instants)
        until(lambda: counted(metrics, "GET") + uncounted >= made(tally, "GET"), WAIT_SECONDS)
        for method in ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"):
            lost = made(tally, method) - counted(metrics, method)
            assert -len(tally.failures) <= lost <= uncounted, method
        assert there.registry.stop() == 0

    unexplained = [failure for failure in tally.failures if not failure.was_open_in(killed)]
    assert unexplained == []
    assert len(tally.failures) <= CLIENTS * len(there.entrances)
    assert tally.answers.total() > 100
    assert grown <= memory * GROWTH + SLACK_BYTES
    log = there.registry.log.read_text()
    assert "Traceback" not in log
    assert log.count("event=worker-died ") == 1


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


def live(there: Place, passwords: Passwords) -> tuple[Window, float]:
    """What happens to it; return when a worker was killed, and the memory after the warm-up."""
    pause = threading.Event()
    began = time.monotonic()
    killed, memory, renewals = None, 0.0, 0
    while (passed := time.monotonic() - began) < SECONDS:
        if passed >= SECONDS * renewals / RENEWALS:
            renewals += 1
            there.renew_certificate(renewals)
        pause.wait(min(10, SECONDS / 8))
        passwords.renew()
        if not memory and passed > SECONDS * WARM_UP:
            memory = bytes_of_a_process(there.registry)
        if not killed and passed > SECONDS / 2:
            killed = kill_a_worker(there.registry)
    assert killed
    return killed, memory


def bytes_of_a_process(registry: RunningRegistry) -> float:
    """The mean of its processes, of which there are more while workers are replaced."""
    return registry.resident_bytes() / len(registry.worker_pids())
