"""The power of a real file system is cut while clients push.

`./scripts/test tests/crash/test_power_cut.py --rounds 100` cuts it a hundred times on each.
"""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.crash.load import (
    ALSO_LARGE,
    Load,
    check_cancelled,
    check_password,
    first_password,
    starting,
)
from tests.crash.power import PACKAGES, PoweredDisk, end, powered_disk
from tests.crash.promises import DataDir, Ledger, faults_of_a_copy, losses, over_http
from tests.running import RunningRegistry

CLIENTS = 3
STEPS = 2000  # far more than there is time for
MOST_ANSWERS = 120  # of all clients, before the cut
WRITTEN = 0.1  # share of the answers at which the kernel is writing unsynced data

# Possible answers to the repetition of an unanswered closing PUT, whose bytes may be lost.
MAY_BE_LOST = (201, 400, 404, 416)


def push_until_cut(
    disk: PoweredDisk, registry: RunningRegistry, ledgers: list[Ledger], chance: random.Random
) -> str:
    """Push with several clients and cut the power after some answers; return the admin's password.

    Answers after the start of the cut promise nothing: the ioctl takes time, and meanwhile syncs
    succeed whose bytes are lost. A machine without power gives no such answers.
    """
    password, answered = first_password(registry), threading.Semaphore(0)
    for ledger in ledgers:
        ledger.told = answered.release
    with ThreadPoolExecutor(CLIENTS) as threads:
        running_loads = [
            threads.submit(
                Load(registry, password, ledger, f"drill{number}", ALSO_LARGE).run,
                random.Random(chance.random()), STEPS,
            )
            for number, ledger in enumerate(ledgers)
        ]  # fmt: skip
        for _ in range(chance.randint(1, MOST_ANSWERS)):
            assert answered.acquire(timeout=60), "no answer came"
            if chance.random() < WRITTEN:
                disk.write_some(registry.data_dir / "uploads", chance)
        disk.write_some(registry.data_dir / "uploads", chance)
        for ledger in ledgers:
            ledger.close()
        disk.cut()
        assert all(load.result() for load in running_loads)
    end(registry)
    return password


@pytest.mark.parametrize("kind", PACKAGES)
def test_everything_acknowledged_survives_a_power_cut(tmp_path: Path, kind: str, seed: int) -> None:
    """A 201 that a power cut undoes is a lost release."""
    ledgers = [Ledger() for _ in range(CLIENTS)]
    told = f"--seed {seed}, {kind}"
    with powered_disk(kind, tmp_path) as disk:
        data_dir = disk.mount_point / "data"
        with starting(data_dir, "--workers", "2") as registry:
            password = push_until_cut(disk, registry, ledgers, random.Random(seed))
        disk.unmount()
        disk.mount()
        assert faults_of_a_copy(data_dir, tmp_path / "copy") == [], told
        disk.unmount()  # after a start, nothing is in the page cache
        disk.mount()

        with starting(data_dir, "--workers", "2") as registry:
            check(registry, password, ledgers, told)
            end(registry)
        assert DataDir(data_dir).faults() == [], told


def check(registry: RunningRegistry, password: str, ledgers: list[Ledger], told: str) -> None:
    """Check that what was acknowledged to each client is there, and that the rest can be pushed."""
    for number, ledger in enumerate(ledgers):
        load = Load(registry, password, ledger, f"drill{number}")
        load.log_in()
        assert losses(over_http(load.connection), ledger.at()) == [], told
        check_cancelled(load)
        check_password(registry, ledger)
        load.go_on(is_kept=False)
        load.close_again(*MAY_BE_LOST)
        load.retry()
        for step in load.steps:
            step(random.Random(number))
        assert losses(over_http(load.connection), ledger.at()) == [], told
        load.connection.close()
