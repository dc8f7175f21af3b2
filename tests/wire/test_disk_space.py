"""Deleting gives the disk its room back, as du measures it."""

import os
import subprocess
from pathlib import Path

from tests.images import image
from tests.running import acrux, running
from tests.wire.connection import MEBIBYTE, Connection


def used(data_dir: Path) -> int:
    """How much of the disk the data directory takes, in mebibytes."""
    done = subprocess.run(
        ["du", "--summarize", "--block-size=1M", str(data_dir)],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return int(done.stdout.split()[0])


def test_deleted_bytes_are_back_on_the_disk(tmp_path: Path) -> None:
    """Those that another image shares stay until it is deleted too."""
    shared, own = os.urandom(5 * MEBIBYTE), os.urandom(10 * MEBIBYTE)
    with running(tmp_path / "data", "--gc-grace-seconds", "0") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        empty = used(registry.data_dir)
        images = {"first": image(shared, own), "second": image(shared)}
        for tag, pushed in images.items():
            connection.push_image(pushed, tag)
        full = used(registry.data_dir)
        sizes = []
        for pushed in images.values():
            deleted = connection.call("DELETE", f"/v2/app/manifests/{pushed.digest}")
            assert deleted.status == 202, deleted.body
            done = acrux("gc", "run", "--wait", "--data-dir", str(registry.data_dir))
            assert done.returncode == 0, done.stderr
            sizes.append(used(registry.data_dir))
        connection.close()

    assert full - empty >= 15
    assert 10 <= full - sizes[0] < 15
    assert sizes[1] <= empty + 1
