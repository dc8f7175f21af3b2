"""The power of a real file system is cut while clients push.

`./scripts/test tests/crash/test_power_cut.py --rounds 100` cuts it a hundred times on each.
"""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.crash.load import Load, first_password
from tests.crash.power import PACKAGES, PoweredDisk, end, powered_disk
from tests.crash.promises import DataDir, Ledger, faults_of_a_copy, losses, over_http
from tests.running import RunningRegistry, running

CLIENTS = 3
STEPS = 2000  # far more than there is time for
MOST_ANSWERS = 120  # of all clients, before the cut


def push_until_cut(
    disk: PoweredDisk, registry: RunningRegistry, ledgers: list[Ledger], chance: random.Random
) -> str:
    """Push with several clients and cut the power after some answers; the admin's password.

    What is answered after the cut has begun promises nothing: the ioctl takes its time, and lets
    syncs succeed meanwhile whose bytes are lost. A machine without power gives no such answers.
    """
    password, answered = first_password(registry), threading.Semaphore(0)
    for ledger in ledgers:
        ledger.told = answered.release
    with ThreadPoolExecutor(CLIENTS) as threads:
        running_loads = [
            threads.submit(
                Load(registry, password, ledger, f"drill{number}").run,
                random.Random(chance.random()), STEPS,
            )
            for number, ledger in enumerate(ledgers)
        ]  # fmt: skip
        for _ in range(chance.randint(1, MOST_ANSWERS)):
            assert answered.acquire(timeout=60), "no answer came"
        for ledger in ledgers:
            ledger.close()
        disk.cut()
        assert all(load.result() for load in running_loads)
    end(registry)
    return password


@pytest.mark.parametrize("kind", PACKAGES)
def test_everything_acknowledged_survives_a_power_cut(tmp_path: Path, kind: str, seed: int) -> None:
    """A 201 that a power cut takes back is a lost release."""
    ledgers = [Ledger() for _ in range(CLIENTS)]
    told = f"--seed {seed}, {kind}"
    with powered_disk(kind, tmp_path) as disk:
        data_dir = disk.mount_point / "data"
        with running(data_dir, "--workers", "2") as registry:
            password = push_until_cut(disk, registry, ledgers, random.Random(seed))
        disk.unmount()
        disk.mount()
        assert faults_of_a_copy(data_dir, tmp_path / "copy") == [], told

        with running(data_dir, "--workers", "2") as registry:
            check(registry, password, ledgers, told)
            end(registry)
        assert DataDir(data_dir).faults() == [], told


def check(registry: RunningRegistry, password: str, ledgers: list[Ledger], told: str) -> None:
    """What was acknowledged to each client is there, and what was not can be pushed."""
    for number, ledger in enumerate(ledgers):
        load = Load(registry, password, ledger, f"drill{number}")
        load.log_in()
        assert losses(over_http(load.connection), ledger.at()) == [], told
        load.retry()
        for step in load.steps:
            step(random.Random(number))
        assert losses(over_http(load.connection), ledger.at()) == [], told
        load.connection.close()
