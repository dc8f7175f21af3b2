"""Limits of a registry of several workers, on real connections."""

import base64
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from tests.running import RunningRegistry, acrux, running, until
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
    try:
        yield opened
    finally:
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
    # Two workers that count at the same instant may count once.
    assert LIMIT <= found.count(404) <= LIMIT * 1.05 + regained + 1


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
    path, body = f"/v2/app/blobs/uploads/?digest={Digest.of(b'ab')}", b"ab"
    with connections(limited, account(limited, "pusher"), 14) as opened:
        slow = [connection.raw() for connection in opened[:2]]
        for raw in slow:
            raw.sendall(opened[0].head("POST", path, Content_Length="2", Expect="100-continue"))
            assert raw.recv(4096).startswith(b"HTTP/1.1 100")  # so it holds its place
        refused = [one.call("POST", path, body).status for one in opened[2:]]
        for raw in slow:
            raw.sendall(body)
            assert raw.recv(4096).startswith(b"HTTP/1.1 201")
            raw.close()
        after = opened[2].call("POST", path, body).status

    assert refused == [429] * 12
    assert after == 201


def test_limits_and_levels_are_read_again_on_sighup(tmp_path: Path) -> None:
    """An operator who has to restart a registry to change a limit lives with the wrong one."""
    config = tmp_path / "acrux.toml"
    config.write_text('account_limits = ["read=5"]\nlog_level = "warning"\n')
    with running(tmp_path / "data", "--workers", str(WORKERS), "--config", str(config)) as registry:
        authorization = account(registry, "robot-one")
        with connections(registry, authorization) as opened:
            assert 429 in burst(opened, 2)
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


def test_settings_from_a_pipe_are_kept_on_sighup(tmp_path: Path) -> None:
    """A second look at the pipe would wait forever, and nobody would replace dead workers."""
    pipe = tmp_path / "settings"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=('log_level = "warning"\n',))
    writer.start()
    with running(tmp_path / "data", "--workers", "1", "--config", str(pipe)) as registry:
        writer.join()
        before = registry.worker_pids()[1:]
        registry.process.send_signal(signal.SIGHUP)
        until(lambda: set(before).isdisjoint(registry.worker_pids()))
        told = registry.log.read_text()

    assert "event=settings-kept" in told
    assert "event=request" not in told
