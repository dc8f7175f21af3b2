"""Power fails after any answer, and the disk loses what was not synced.

The system calls of a registry are traced and replayed on a model of such a disk (`disk.py`): no
machine has to be switched off, and the model keeps no more than POSIX requires.
"""

import random
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from tests.contracts.blob_stores import needs
from tests.crash.disk import AnyLoss, Disk, Loss, NamesStay
from tests.crash.load import Load, first_password, starting
from tests.crash.promises import DataDir, Ledger, losses, over_http
from tests.crash.tracing import Change, changes, strace
from tests.wire.connection import Connection

STEPS = 12

# The syncs that promises depend on, each with a pattern of its path.
SYNCS = {
    "the folder of a blob": r"blobs/sha256/[0-9a-f]{2}",
    "the folder above it": r"blobs/sha256",
    "the folder of all blobs": r"blobs",
    "the data directory": r"\.",
    "the bytes of a blob": r"uploads/.*",
    "the log of the database": r"registry\.sqlite-wal",
}


class Traced(NamedTuple):
    """What a registry did, and what it promised meanwhile."""

    changes: list[Change]
    ledger: Ledger
    password: str


def trace(folder: Path, seed: int) -> Traced:
    """Start a new registry, let a client do what the seed says, and kill the registry."""
    needs("strace")
    ledger, log, data_dir = Ledger(), folder / "calls", folder / "data"
    data_dir.mkdir()
    with starting(data_dir, "--workers", "1", wrapper=strace(log)) as registry:
        password = first_password(registry)
        load = Load(registry, password, ledger, "drill")
        chance = random.Random(seed)
        assert load.run(chance, STEPS) is None
        load.log_in()
        load.push_in_chunks(chance)
        load.push_image(chance)
        load.connection.close()
        registry.kill()
    return Traced(changes(log, data_dir), ledger, password)


def moments(traced: list[Change], ledger: Ledger) -> Iterator[tuple[int, Disk]]:
    """The number of each answer to our client, and the disk when it was sent."""
    disk = Disk()
    for change in traced:
        disk.change(change)
        if change.what == "answer" and change.path in ledger.ids:
            yield ledger.ids[change.path], disk


def lost(traced: list[Change], ledger: Ledger, kinds: list[Loss]) -> list[str]:
    """Every promise that a power loss after an answer breaks."""
    found = []
    for answer, disk in moments(traced, ledger):
        for loss in kinds:
            with TemporaryDirectory() as folder:
                data_dir = Path(folder) / "data"
                disk.after_power_loss(data_dir, loss)
                after = DataDir(data_dir)
                faults = losses(after.look, ledger.at(answer)) + after.faults()
            found += [f"{type(loss).__name__} after answer {answer}: {fault}" for fault in faults]
    return found


def without(traced: list[Change], path: str) -> list[Change]:
    """The same without the syncs of paths that match the pattern."""
    return [
        change for change in traced
        if change.what != "sync" or re.fullmatch(path, change.path) is None
    ]  # fmt: skip


def test_no_promise_is_broken_whatever_was_not_synced_when_power_failed(
    tmp_path: Path, seed: int
) -> None:
    """The strictest disk that POSIX allows must lose nothing that was acknowledged."""
    traced = trace(tmp_path, seed)

    kinds = [Loss(), NamesStay(), *(AnyLoss(random.Random(seed)) for _ in range(2))]
    assert len(list(moments(traced.changes, traced.ledger))) > STEPS
    assert lost(traced.changes, traced.ledger, kinds) == [], f"--seed {seed}"


def test_a_registry_starts_from_what_a_power_loss_left(tmp_path: Path, seed: int) -> None:
    """Nobody repairs a database by hand at night."""
    traced, chance = trace(tmp_path, seed), random.Random(seed)
    wanted = chance.randint(1, STEPS)
    answer, disk = next(islice(moments(traced.changes, traced.ledger), wanted - 1, None))
    (tmp_path / "after").mkdir()
    disk.after_power_loss(tmp_path / "after" / "data", chance.choice([Loss(), AnyLoss(chance)]))

    with starting(tmp_path / "after" / "data", "--workers", "1") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", traced.password)
        found = losses(over_http(connection), traced.ledger.at(answer))
        connection.close()
    assert found == [], f"--seed {seed}"


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Traced:
    """One trace, from which syncs are removed in every way."""
    return trace(tmp_path_factory.mktemp("traced"), 1)


@pytest.mark.xdist_group("doctored traces")
@pytest.mark.parametrize("missing", SYNCS)
def test_a_sync_that_is_missing_is_noticed(known: Traced, missing: str) -> None:
    """A sync that somebody removes must make a test fail."""
    doctored = without(known.changes, SYNCS[missing])

    assert len(doctored) < len(known.changes)
    assert lost(known.changes, known.ledger, [Loss(), NamesStay()]) == []
    assert lost(doctored, known.ledger, [Loss(), NamesStay()]) != []
