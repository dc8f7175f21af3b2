"""However a test run ends, no registry and no file of one is left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from acrux.testing.errors import NotStarted
from acrux.testing.registry import Registries
from tests.processes import is_alive, parent
from tests.running import ROOT

RUN = """
import multiprocessing, sys, time
from acrux.testing.registry import registry
with registry() as started:
    if sys.argv[1:] == ["fork"]:
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,)).start()
    print(started.pid, started.data_dir.parent.parent, flush=True)
    time.sleep(60)
"""
SECONDS = 20


def until(holds: Callable[[], bool]) -> bool:
    """Whether it holds before SECONDS have passed."""
    deadline = time.monotonic() + SECONDS
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


@pytest.mark.parametrize("arguments", [[], ["fork"]], ids=["alone", "with a fork that lives on"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_test_run_leaves_nothing(how: signal.Signals, arguments: list[str]) -> None:
    """CI kills runs that take too long, and its machines live for months."""
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert run.stdout is not None
    pid, folder = run.stdout.readline().split()
    ran = is_alive(int(pid)), Path(folder).exists()
    run.send_signal(how)

    assert ran == (True, True)
    assert until(lambda: not is_alive(int(pid)) and not Path(folder).exists())
    with suppress(ProcessLookupError):  # the fork
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    run.stdout.close()


def test_a_registry_ends_with_what_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The out-of-memory killer takes any process, also the one that tidies up."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # for the files that nobody is left to remove
    with Registries() as registries:
        with registries.start() as started:
            os.kill(parent(started.pid), signal.SIGKILL)
            ended = until(lambda: not is_alive(started.pid))
        with pytest.raises(NotStarted, match="has ended"), registries.start():
            pass

    assert ended


def test_closing_ends_registries_that_are_still_open() -> None:
    """A fixture may fail between the start and the end."""
    with Registries() as registries:
        started = registries.start().__enter__()  # and never leave it

    assert until(lambda: not is_alive(started.pid))
    assert not started.data_dir.exists()
