"""A separate file system whose power can be cut."""

import fcntl
import os
import random
import select
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.running import RunningRegistry
from tests.tools import missing, require_tool

# EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN are both _IOR('X', 125, __u32).
SHUTDOWN: Final = 0x8004587D
FLUSH_NOTHING: Final = 2  # neither data nor the journal: what was not synced is lost

PACKAGES: Final = {"ext4": "e2fsprogs", "xfs": "xfsprogs"}
SIZE: Final = 320 << 20  # bytes; the minimum of xfs is 300 MiB
PATIENCE: Final = 30.0  # seconds until a killed process has exited


class PoweredDisk:
    """A disk image that is mounted, and mounted again after its power was cut."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.mount_point = folder / "disk"
        self._image = folder / "image"
        self.mount_point.mkdir()
        with self._image.open("wb") as file:
            file.truncate(SIZE)
        mkfs = require_tool(f"mkfs.{kind}", PACKAGES[kind])
        subprocess.run([mkfs, "-q", str(self._image)], check=True, capture_output=True)

    def mount(self) -> None:
        """Mount it, which replays its journal. Skips the test without the right to mount."""
        done = subprocess.run(
            ["mount", "-o", "loop", str(self._image), str(self.mount_point)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            missing(f"no disk image can be mounted here: {done.stderr.strip()}")

    def remount(self, *options: str) -> None:
        """Make the file system read-only ("ro") or writable ("rw")."""
        mount = ["mount", "-o", ",".join(("remount", *options)), str(self.mount_point)]
        subprocess.run(mount, check=True)

    def fail(self) -> None:
        """Let the kernel find the file system damaged (ext4): it does what `errors=` says."""
        subprocess.run(["sync", "-f", str(self.mount_point)], check=True)  # no page stays dirty
        source = subprocess.run(
            ["findmnt", "-no", "SOURCE", str(self.mount_point)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        device = Path(source.stdout.strip()).name
        Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("drill")

    def unmount(self) -> None:
        """Unmount it, and drop everything that the kernel caches of it."""
        subprocess.run(["umount", str(self.mount_point)], check=True)

    def write_some(self, folder: Path, chance: random.Random) -> None:
        """Start to write parts of some files in the folder to the disk, as the kernel does."""
        for file in sorted(folder.iterdir()):
            with suppress(FileNotFoundError), file.open("rb") as opened:
                size = os.fstat(opened.fileno()).st_size
                if size and chance.random() < 0.5:
                    length = chance.randint(1, size)
                    os.posix_fadvise(opened.fileno(), 0, length, os.POSIX_FADV_DONTNEED)

    def cut(self) -> None:
        """Cut the power: from now on nothing more reaches the disk."""
        descriptor = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", FLUSH_NOTHING))
        finally:
            os.close(descriptor)


@contextmanager
def powered_disk(kind: str, folder: Path) -> Iterator[PoweredDisk]:
    """A mounted disk with this file system; skips the test if there can be none."""
    if os.geteuid() != 0:
        missing("a disk of its own takes root to mount")
    disk = PoweredDisk(kind, folder)
    disk.mount()
    try:
        yield disk
    finally:
        with suppress(subprocess.CalledProcessError):
            disk.unmount()


def end(registry: RunningRegistry) -> None:
    """Kill all processes of a registry, and wait until none has a file open."""
    descriptors = []
    for pid in registry.worker_pids():
        with suppress(ProcessLookupError):
            descriptors.append(os.pidfd_open(pid))
    registry.kill()
    for descriptor in descriptors:
        select.select([descriptor], [], [], PATIENCE)
        os.close(descriptor)
