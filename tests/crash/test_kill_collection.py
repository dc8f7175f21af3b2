"""A collector is killed at each of its system calls: the next one comes to the same end."""

import shutil
from pathlib import Path

import pytest

from tests.consistency import faults
from tests.contracts.blob_stores import needs
from tests.crash.collecting import Collector, collect_once, filled, left
from tests.crash.test_kill_by_call import killed_at

CALLS = {
    "remove a name": "unlink,unlinkat",
    "sync a folder": "fsync",
    "sync the database": "fdatasync",
    "write a page": "pwrite64",
    "open a file": "open,openat",
    "cut a file, or set its time": "ftruncate,utimensat",
}
KILLED = -9


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which there is much to collect."""
    folder = tmp_path_factory.mktemp("ready")
    filled(folder)
    return folder


@pytest.fixture(scope="module")
def end(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    """What is left if nobody kills the collector."""
    folder = tmp_path_factory.mktemp("end") / "data"
    shutil.copytree(ready, folder)
    collect_once(folder)
    assert faults(folder) == []
    return left(folder)


def test_the_collector_has_much_to_do(ready: Path, end: dict[str, list[object]]) -> None:
    """The kills would hit a process that does nothing."""
    before = left(ready)

    assert all(len(rows) > len(end[table]) for table, rows in before.items())
    assert len(end["blobs"]) == 2
    assert len(end["files"]) == 2


@pytest.mark.parametrize("kind", CALLS)
def test_a_collector_killed_at_any_system_call_leaves_nothing_half_done(
    ready: Path, end: dict[str, list[object]], tmp_path: Path, kind: str
) -> None:
    """When memory runs out, it can be killed between any two of them, for ever after."""
    needs("strace")
    number = 1
    while True:
        folder = tmp_path / f"{number}"
        shutil.copytree(ready, folder)
        collector = Collector(folder)
        with killed_at([collector.pid], CALLS[kind], number):
            code = collector.go()
        told = f"{kind}, call {number}"
        found = faults(folder)
        assert found == [], told
        if code != KILLED:
            assert code == 0, told
            break
        collect_once(folder, later=90)  # when the killed one's lease has ended
        assert left(folder) == end, told
        assert faults(folder) == [], told
        shutil.rmtree(folder)
        number += 1
    assert number > 3, "it was killed too seldom to prove anything"
