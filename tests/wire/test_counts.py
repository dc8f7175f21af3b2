"""How often a transfer touches the disk: counts that hold on any machine."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from tests.contracts.blob_stores import says_what_is_in_memory
from tests.running import RunningRegistry, running
from tests.tools import blob_file, require_tool
from tests.wire.connection import MEBIBYTE, Connection

# The call, the text between its parentheses, and its result.
_CALL = re.compile(r" *(\w+)\((.*)\) += (-?\d+).*")
_UNFINISHED = " <unfinished ...>"
_RESUMED = re.compile(r"^ *<\.\.\. \w+ resumed>")

READS = {"read", "pread64", "readv", "preadv", "sendfile", "mmap", "copy_file_range", "splice"}


@dataclass
class Calls:
    """The system calls of a worker, each with its arguments and its result."""

    made: list[tuple[str, str, int]] = field(default_factory=list)

    def of(self, *names: str) -> list[tuple[str, str, int]]:
        """The calls with these names."""
        return [call for call in self.made if call[0] in names]


@contextmanager
def traced(registry: RunningRegistry, log: Path, *options: str) -> Iterator[Calls]:
    """Trace the system calls of the worker inside the block."""
    _, worker = registry.worker_pids()
    tracer = subprocess.Popen(
        [require_tool("strace", "strace"), "-f", "-y", "-s", "0", *options, "-o", str(log),
         "-p", str(worker)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    calls = Calls()
    try:
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        yield calls
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=30)
    calls.made += _read(log.read_text())


def _read(log: str) -> Iterator[tuple[str, str, int]]:
    begun: dict[str, str] = {}
    for line in log.splitlines():
        pid, _, told = line.partition(" ")
        if told.endswith(_UNFINISHED):  # another thread's call comes in between
            begun[pid] = told.removesuffix(_UNFINISHED)
            continue
        if match := _CALL.fullmatch(begun.pop(pid, "") + _RESUMED.sub("", told)):
            yield match[1], match[2], int(match[3])


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RunningRegistry]:
    """A registry with one worker, which is the one that is traced."""
    with running(tmp_path / "data", "--workers", "1") as registry:
        yield registry


def push_in_three(connection: Connection, content: bytes) -> None:
    """POST, PATCH and PUT, as docker does."""
    digest = Digest.of(content)
    begun = connection.call("POST", "/v2/app/blobs/uploads/")
    sent = connection.call("PATCH", begun.header("Location"), content)
    done = connection.call("PUT", f"{sent.header('Location')}&digest={digest}")
    assert (begun.status, sent.status, done.status) == (202, 202, 201)


def pull(
    registry: RunningRegistry, connection: Connection, tmp_path: Path, content: bytes
) -> Calls:
    """The worker's calls on the file of a blob while it is pulled."""
    digest = connection.push_blob(content)

    with traced(
        registry, tmp_path / "calls", "-P", str(blob_file(registry.data_dir, digest))
    ) as calls:
        assert connection.call("GET", f"/v2/app/blobs/{digest}").body == content

    return calls


def test_a_blob_is_synced_once_and_so_is_its_name(
    registry: RunningRegistry, connection: Connection, tmp_path: Path
) -> None:
    """Every push of every layer waits for each additional sync."""
    content = bytes(range(256)) * 400
    connection.push_blob(content)  # its folder is durable from now on

    with traced(registry, tmp_path / "calls", "-e", "trace=fsync,fdatasync") as calls:
        push_in_three(connection, content)

    synced = [told for _, told, _ in calls.made if "/uploads/" in told or "/blobs/" in told]
    assert len(synced) == 2, synced
    assert "/uploads/" in synced[0]
    assert synced[1].endswith(f"/blobs/sha256/{Digest.of(content).encoded[:2]}>")


def test_the_bytes_of_an_upload_are_written_once_and_never_read_again(
    registry: RunningRegistry, connection: Connection, tmp_path: Path
) -> None:
    """Computing the digest from the disk would take as long as the upload again."""
    content = bytes(range(256)) * (17 * MEBIBYTE // 256)
    uploads = registry.data_dir / "uploads"

    with traced(registry, tmp_path / "calls", "-e", "trace=desc") as calls:
        push_in_three(connection, content)

    on_upload = [call for call in calls.made if f"{uploads}/" in call[1]]
    written = sum(
        result for name, _, result in on_upload if name in {"write", "writev", "pwrite64"}
    )
    assert written == len(content)
    assert [call for call in on_upload if call[0] in READS] == []
    # Twice eight mebibytes are on their way to the disk before the last sync waits for the rest.
    assert [name for name, _, _ in on_upload if name in {"fadvise64", "fsync"}] == [
        "fadvise64",
        "fadvise64",
        "fsync",
    ]


def test_a_small_blob_is_opened_once_and_read_at_once(
    registry: RunningRegistry, connection: Connection, tmp_path: Path
) -> None:
    """Handing it to a thread takes longer than reading it."""
    calls = pull(registry, connection, tmp_path, bytes(range(256)) * 256)  # 64 KiB

    names = [name for name, _, _ in calls.made if name != "close"]  # follows the answer
    read_at_once = [name for name in names if name not in {"fstat", "newfstatat"}][:2]
    assert read_at_once == ["openat", "preadv2"]
    assert len(names) == 3 or not says_what_is_in_memory(tmp_path), names


def test_a_larger_blob_is_opened_once(
    registry: RunningRegistry, connection: Connection, tmp_path: Path
) -> None:
    """If a second open failed, an existing blob would be answered with 404."""
    content = bytes(range(256)) * 768  # 192 KiB
    calls = pull(registry, connection, tmp_path, content)

    assert len(calls.of("open", "openat")) == 1, calls.made
    read = calls.of("preadv2")
    assert sum(result for _, _, result in read) == len(content)
    assert len(read) <= 3, read  # all of it, and its end
    assert len(calls.made) <= 10, calls.made


def test_a_part_of_a_larger_blob_is_read_in_pieces_without_a_thread(
    registry: RunningRegistry, connection: Connection, tmp_path: Path
) -> None:
    """Using a thread for each piece takes longer, and delays all others."""
    content = bytes(range(256)) * 4096  # 1 MiB
    digest = connection.push_blob(content)

    with traced(
        registry, tmp_path / "calls", "-P", str(blob_file(registry.data_dir, digest))
    ) as calls:
        part = connection.call("GET", f"/v2/app/blobs/{digest}", Range="bytes=1-")
        assert part.body == content[1:]

    names = [name for name, _, _ in calls.made if name in {"open", "openat", *READS, "preadv2"}]
    assert names[:5] == ["openat", *["preadv2"] * 4]
    assert len(names) == 5 or not says_what_is_in_memory(tmp_path), names


def test_a_head_of_a_blob_does_not_open_it(
    registry: RunningRegistry, connection: Connection, tmp_path: Path
) -> None:
    """docker asks for every layer this way before each push."""
    digest = connection.push_blob(b"layer")

    with traced(
        registry, tmp_path / "calls", "-P", str(blob_file(registry.data_dir, digest))
    ) as calls:
        assert connection.call("HEAD", f"/v2/app/blobs/{digest}").status == 200

    assert len(calls.made) == 1, calls.made
