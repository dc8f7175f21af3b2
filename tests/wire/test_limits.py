"""Limits of a registry of several workers, on real connections."""

import base64
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from tests.running import RunningRegistry, acrux, running
from tests.wire.connection import Connection

WORKERS, LIMIT = 2, 200
TAGS = "/v2/app/tags/list"


def account(registry: RunningRegistry, name: str) -> dict[str, str]:
    """The Basic authorization of a new account."""
    done = acrux(
        "token", "create", "-n", name, "--scope-map", "_repositories_admin", "-o", "json",
        "--data-dir", str(registry.data_dir),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    password = json.loads(done.stdout)["credentials"]["passwords"][0]["value"]
    encoded = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


@contextmanager
def connections(
    registry: RunningRegistry, authorization: dict[str, str], count: int = 8
) -> Iterator[list[Connection]]:
    """Enough connections that every worker has some of them."""
    opened = [Connection(registry.port, authorization) for _ in range(count)]
    yield opened
    for connection in opened:
        connection.close()


def burst(opened: list[Connection], times: int) -> list[int]:
    """The statuses of as many reads on each connection, all connections at the same time."""
    found: list[int] = []

    def read(connection: Connection) -> None:
        found.extend([connection.call("GET", TAGS).status for _ in range(times)])

    threads = [threading.Thread(target=read, args=(connection,)) for connection in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def until(condition: Callable[[], bool]) -> None:
    """Ask until it is true."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """Two workers that allow LIMIT reads a minute and two uploads at the same time."""
    data_dir: Path = tmp_path_factory.mktemp("limits") / "data"
    with running(
        data_dir, "--workers", str(WORKERS), "--account-limit", f"read={LIMIT}",
        "--concurrent-uploads", "2",
    ) as registry:  # fmt: skip
        yield registry


def test_workers_count_together(limited: RunningRegistry) -> None:
    """Each would allow the whole limit, and the limit would depend on the machine's cores."""
    with connections(limited, account(limited, "burst")) as opened:
        began = time.monotonic()
        found = burst(opened, LIMIT // 4)
        regained = LIMIT * (time.monotonic() - began) / 60

    assert found.count(404) + found.count(429) == len(found) == 2 * LIMIT
    # Two workers that count at the same microsecond may count once.
    assert LIMIT <= found.count(404) <= LIMIT * 1.02 + regained + 1


def test_a_noisy_account_does_not_stop_another_behind_the_same_address(
    limited: RunningRegistry,
) -> None:
    """Both call from 127.0.0.1, as all jobs of a cluster call from its gateway."""
    noisy, quiet = account(limited, "noisy"), account(limited, "quiet")
    with connections(limited, noisy) as many, connections(limited, quiet, 2) as few:
        assert 429 in burst(many, LIMIT // 4)

        assert burst(few, LIMIT // 4) == [404] * (LIMIT // 2)


def test_retry_after_is_how_long_the_wait_is(limited: RunningRegistry) -> None:
    """Clients obey it: too short a time makes them fail, too long a time makes them slow."""
    with connections(limited, account(limited, "patient")) as opened:
        burst(opened, LIMIT // 4)
        refused = opened[0].call("GET", TAGS)
        while refused.status != 429:
            refused = opened[0].call("GET", TAGS)
        time.sleep(int(refused.header("Retry-After")))

        assert opened[0].call("GET", TAGS).status == 404


def test_workers_bound_uploads_together(limited: RunningRegistry) -> None:
    """Two workers would let twice as many in."""
    authorization = account(limited, "pusher")
    with connections(limited, authorization, 12) as opened:
        going_on = threading.Event()
        found: list[int] = []

        def body() -> Iterator[bytes]:
            yield b"a"
            going_on.wait(30)
            yield b"b"

        def push(connection: Connection) -> None:
            path = f"/v2/app/blobs/uploads/?digest={Digest.of(b'ab')}"
            found.append(connection.call("POST", path, body()).status)

        threads = [threading.Thread(target=push, args=(one,)) for one in opened]
        for thread in threads:
            thread.start()
        until(lambda: len(found) == len(opened) - 2)
        going_on.set()
        for thread in threads:
            thread.join()

    assert sorted(found) == [201] * 2 + [429] * 10


def test_limits_and_levels_are_read_again_on_sighup(tmp_path: Path) -> None:
    """An operator who has to restart a registry to change a limit lives with the wrong one."""
    config = tmp_path / "acrux.toml"
    config.write_text('account_limits = ["read=5"]\nlog_level = "warning"\n')
    with running(tmp_path / "data", "--workers", str(WORKERS), "--config", str(config)) as registry:
        authorization = account(registry, "robot-one")
        with connections(registry, authorization) as opened:
            assert burst(opened, 2).count(404) == 5
        assert "event=request" not in registry.log.read_text()

        config.write_text('log_level = "loud"\n')
        registry.process.send_signal(signal.SIGHUP)
        until(lambda: "event=settings-kept" in registry.log.read_text())
        config.write_text('account_limits = ["read=0"]\naudit_days = 7\n')
        before = registry.worker_pids()[1:]
        registry.process.send_signal(signal.SIGHUP)
        until(lambda: set(before).isdisjoint(registry.worker_pids()))
        with connections(registry, authorization) as opened:
            assert burst(opened, 4) == [404] * 32
        until(lambda: "event=request" in registry.log.read_text())
        told = registry.log.read_text()

    assert "log_level" in told.split("event=settings-kept")[1].splitlines()[0]
    assert "event=settings-need-restart settings=audit_days" in told
