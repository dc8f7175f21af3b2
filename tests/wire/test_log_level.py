"""A log level that is changed while workers serve."""

import os
import signal
from pathlib import Path

import httpx2

from tests.running import RunningRegistry, acrux, running, until

WORKERS = 2


def lines(registry: RunningRegistry, event: str) -> int:
    """How many lines of this event there are in the log."""
    return registry.log.read_text().count(f"event={event} ")


def change(registry: RunningRegistry, *words: str) -> str:
    """Change the level by a command on the registry's machine."""
    done = acrux("log-level", *words, "--data-dir", str(registry.data_dir))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_workers_follow_until_a_server_is_started(tmp_path: Path) -> None:
    """With two workers, half of the requests would still be logged, or none of those wanted."""
    data = tmp_path / "data"
    with running(data, "--workers", str(WORKERS), "--log-level", "warning") as registry:
        assert "warning  warning" in change(registry, "show")
        change(registry, "update", "--level", "info")
        until(lambda: lines(registry, "log-level") == WORKERS)
        assert "info   warning" in change(registry, "show")
        httpx2.get(f"{registry.url}/v2/")
        until(lambda: lines(registry, "request") == 1)

        one, *_ = registry.worker_pids()[1:]
        os.kill(one, signal.SIGKILL)  # its successor follows too
        until(lambda: lines(registry, "log-level") == WORKERS + 1)
        change(registry, "update", "--level", "error")
        until(lambda: lines(registry, "log-level") == 2 * WORKERS + 1)

    with running(data, "--workers", "1", "--log-level", "warning") as registry:
        assert "warning  warning" in change(registry, "show")


def test_a_change_can_be_taken_back(tmp_path: Path) -> None:
    """Who has seen enough leaves the registry as it was."""
    with running(tmp_path / "data", "--workers", "1") as registry:
        change(registry, "update", "--level", "error")
        until(lambda: lines(registry, "log-level") == 1)

        said = change(registry, "reset")

        until(lambda: lines(registry, "log-level") == 2)
        assert said == "The log level is info again, as the settings say.\n"
