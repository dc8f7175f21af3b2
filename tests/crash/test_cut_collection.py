"""The power of a real file system is cut while a collector removes bytes.

Whatever was lost, a file is either gone or named: it would take room for ever otherwise.
"""

import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.consistency import faults
from tests.crash.collecting import Step, collect_once, collect_until, filled, left
from tests.crash.power import PACKAGES, PoweredDisk, powered_disk
from tests.services.content.workers import Worker

Cut = Callable[[], Awaitable[None]]


@pytest.fixture(scope="module", params=PACKAGES)
def disk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PoweredDisk]:
    """A disk of each kind."""
    with powered_disk(request.param, tmp_path_factory.mktemp("disk")) as disk:
        yield disk


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which there is much to collect."""
    folder = tmp_path_factory.mktemp("ready")
    filled(folder)
    return folder


async def _remove_half(worker: Worker) -> None:
    """Remove the names of some copies, and sync nothing: so far the collector had got."""
    for file in sorted((worker.folder / "blobs").glob("*/*/*"))[::2]:
        copies = await worker.rows("SELECT copy FROM removals")
        if (file.name.partition(".")[2],) in copies:
            file.unlink()


# Where the power is cut: before or after which step, and what has been done by then.
CUTS: dict[str, Step] = {
    "after a review": Step("garbage", "after", "review"),
    "after a repository was cleared": Step("garbage", "after", "clear"),
    "before bytes are removed": Step("store", "before", "remove"),
    "while bytes are removed": Step("store", "before", "remove", _remove_half),
    "after bytes were removed": Step("store", "after", "remove"),
    "after they were forgotten": Step("garbage", "after", "forget"),
    "at the end": Step("leases", "after", "release"),
}


@pytest.mark.parametrize("moment", CUTS)
def test_after_a_power_cut_each_file_is_gone_or_named(
    disk: PoweredDisk, ready: Path, tmp_path: Path, moment: str
) -> None:
    """The row of a removal must not be lost before the name of its file is."""
    data_dir = disk.mount_point / "data"
    shutil.rmtree(data_dir, ignore_errors=True)
    shutil.copytree(ready, data_dir)
    os.sync()

    collect_until(data_dir, CUTS[moment], disk.cut)
    disk.unmount()
    disk.mount()

    shutil.copytree(data_dir, tmp_path / "copy")
    assert faults(tmp_path / "copy") == [], "as it was found"
    collect_once(data_dir, later=90)
    assert faults(data_dir) == []
    assert len(left(data_dir)["files"]) == 2
