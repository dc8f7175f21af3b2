"""Deleting gives the disk its room back, as du measures it."""

import os
import subprocess
from pathlib import Path

from tests.images import Image, image
from tests.running import RunningRegistry, acrux, running
from tests.wire.connection import MEBIBYTE, Connection


def used(data_dir: Path) -> int:
    """How much of the disk the data directory takes, in mebibytes."""
    done = subprocess.run(
        ["du", "--summarize", "--block-size=1M", str(data_dir)],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return int(done.stdout.split()[0])


def push(registry: RunningRegistry, tag: str, of: Image) -> None:
    """Push an image."""
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)
    for blob in of.blobs:
        connection.push_blob(blob)
    path = f"/v2/app/manifests/{tag}"
    put = connection.call("PUT", path, of.manifest, Content_Type=of.media_type)
    assert put.status == 201, put.body
    connection.close()


def test_deleted_bytes_are_back_on_the_disk(tmp_path: Path) -> None:
    """Those that another image shares stay until it is deleted too."""
    shared, own = os.urandom(5 * MEBIBYTE), os.urandom(10 * MEBIBYTE)
    with running(tmp_path / "data", "--gc-grace-seconds", "0") as registry:
        empty = used(registry.data_dir)
        push(registry, "first", image(shared, own))
        push(registry, "second", image(shared))
        full = used(registry.data_dir)
        sizes = []
        for tag in ("first", "second"):
            connection = Connection(registry.port)
            connection.login("acrux", registry.password)
            digest = connection.call("HEAD", f"/v2/app/manifests/{tag}").header(
                "Docker-Content-Digest"
            )
            assert connection.call("DELETE", f"/v2/app/manifests/{digest}").status == 202
            connection.close()
            done = acrux("gc", "run", "--wait", "--data-dir", str(registry.data_dir))
            assert done.returncode == 0, done.stderr
            sizes.append(used(registry.data_dir))

    assert full - empty >= 15
    assert 10 <= full - sizes[0] < 15
    assert sizes[1] <= empty + 1
