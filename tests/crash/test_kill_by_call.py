"""A kill at the N-th system call: what was acknowledged stays.

What was not acknowledged can be pushed again.
`./scripts/test tests/crash/test_kill_by_call.py --rounds 100` kills a hundred times for each kind.
"""

import os
import random
import select
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.contracts.blob_stores import needs
from tests.crash.load import Load, check_cancelled, check_password, first_password, starting
from tests.crash.promises import DataDir, Ledger, faults_of_a_copy, losses, over_http
from tests.running import RunningRegistry
from tests.tools import missing

# The calls of each kind, and the most that a thread may make before the kill.
CALLS = {
    "open a file": ("open,openat", 40),
    "write bytes": ("write,writev,pwrite64", 120),
    "sync": ("fsync,fdatasync", 25),
    "name a file": ("?rename,?renameat,?renameat2,?link,?linkat", 8),
    "make a folder": ("?mkdir,?mkdirat", 8),
    "remove a name": ("?unlink,?unlinkat", 3),
}
STEPS = 400  # far more than necessary
PATIENCE = 30_000  # milliseconds until a killed process has exited


@contextmanager
def killed_at(pids: list[int], calls: str, number: int) -> Iterator[None]:
    """Kill these processes when one of their threads makes its call with this number."""
    chosen = [argument for pid in pids for argument in ("-p", str(pid))]
    fault = f"inject={calls}:signal=KILL:when={number}"
    with subprocess.Popen(
        ["strace", "-f", *chosen, "-o", "/dev/null", "-e", fault],
        stderr=subprocess.PIPE, text=True,
    ) as strace:  # fmt: skip
        assert strace.stderr is not None
        try:
            _wait_until_attached(strace.stderr, pids)
            yield
        finally:
            strace.kill()


def _wait_until_attached(said: Iterator[str], pids: list[int]) -> None:
    waiting = {str(pid) for pid in pids}
    for line in said:
        if "attach: " in line:
            missing(f"this machine lets nobody trace a process that runs: {line.strip()}")
        waiting -= {word for word in line.split() if "attached" in line}
        if not waiting:
            return
    pytest.fail("strace ended before it traced anything")


@contextmanager
def watched(pids: list[int]) -> Iterator[select.poll]:
    """A poll object that reports which of the processes have exited."""
    ended = select.poll()
    with ExitStack() as opened:
        for pid in pids:
            descriptor = os.pidfd_open(pid)
            opened.callback(os.close, descriptor)
            ended.register(descriptor, select.POLLIN)
        yield ended


def push_until_killed(registry: RunningRegistry, ledger: Ledger, kind: str, seed: int) -> str:
    """Push until a system call kills the workers; return the admin's password."""
    chance, password = random.Random(f"{kind} {seed}"), first_password(registry)
    calls, most = CALLS[kind]
    number = chance.randint(1, most)
    workers = registry.worker_pids()[1:]
    with watched(workers) as ended, killed_at(workers, calls, number):
        failure = Load(registry, password, ledger, "drill").run(chance, STEPS)
        assert failure is not None, f"call {number} never came"
        assert ended.poll(PATIENCE), f"broken off before call {number}: {failure!r}"
    registry.kill()
    return password


@pytest.mark.parametrize("kind", CALLS)
def test_everything_acknowledged_survives_a_kill_at_any_system_call(
    tmp_path: Path, kind: str, seed: int
) -> None:
    """When memory runs out, a worker can be killed between any two steps of a push."""
    needs("strace")
    ledger, told = Ledger(), f"--seed {seed}, {kind}"
    with starting(tmp_path / "data", "--workers", "1") as registry:
        password = push_until_killed(registry, ledger, kind, seed)
    assert faults_of_a_copy(tmp_path / "data", tmp_path / "copy") == [], told

    with starting(tmp_path / "data", "--workers", "1") as registry:
        load = Load(registry, password, ledger, "drill")
        load.log_in()
        assert losses(over_http(load.connection), ledger.at()) == [], told
        check_cancelled(load)
        check_password(registry, ledger)
        load.go_on(is_kept=True)
        load.close_again(201)
        load.retry()
        for step in load.steps:
            step(random.Random(-seed))
        assert losses(over_http(load.connection), ledger.at()) == [], told
        load.connection.close()
        registry.kill()
    assert DataDir(tmp_path / "data").faults() == [], told
