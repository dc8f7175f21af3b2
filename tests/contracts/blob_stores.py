"""The blob stores under test, and how to delay or break them.

Run as a program, it pushes LARGE into the given store, and prints which errors refused it.
"""

import asyncio
import errno
import gc
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Barrier, Event
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

from acrux.adapters.blobs.batches import BATCH_BYTES
from acrux.adapters.blobs.blob_store import FileBlobStore
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import Session, Upload, UploadId
from acrux.errors import StorageExhausted, StorageUnavailable, UnknownUpload
from acrux.ports.content.blobs import BlobStore, StoredCopy
from tests.tools import copy_file, missing

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30.0  # seconds after which a test that waits in vain fails
ATTEMPTS = 3
SESSION = Session(RepositoryName.parse("hello"), "acrux")

LARGE = bytes(range(256)) * (3 * BATCH_BYTES // 256) + b"and a bit"


class BlobStores(Protocol):
    """One place that stores blobs, opened once for each worker of a test."""

    forgotten: set[Upload]
    """The uploads that the test leaves behind on purpose."""

    most_memory: int
    """How many bytes one upload may take, whatever its size."""

    def open(self, patience: float = 0) -> BlobStore:
        """Open it as one more worker, which waits at most this many seconds for an upload."""

    def damage(self, copy: Copy, content: bytes) -> None:
        """Replace the copy's bytes, as a failing disk does."""

    def lose(self, copy: Copy) -> None:
        """Make the copy disappear."""

    def leftovers(self) -> set[str]:
        """Whatever is neither a whole copy nor an upload left on purpose."""


class FileBlobStores:
    """A folder."""

    most_memory = 10 * BATCH_BYTES

    def __init__(self, root: Path) -> None:
        self.root = root
        self.forgotten: set[Upload] = set()

    def open(self, patience: float = 0) -> FileBlobStore:
        """See BlobStores."""
        store = FileBlobStore(self.root, patience=patience)
        store.prepare()
        return store

    def path(self, copy: Copy) -> Path:
        """The path of the copy."""
        return copy_file(self.root, copy.digest, copy.name)

    def damage(self, copy: Copy, content: bytes) -> None:
        """See BlobStores."""
        self.path(copy).write_bytes(content)

    def lose(self, copy: Copy) -> None:
        """See BlobStores."""
        self.path(copy).unlink()

    def leftovers(self) -> set[str]:
        """See BlobStores."""
        files = {path for path in self.root.rglob("*") if not path.is_dir()}
        expected = {self.root / "uploads" / upload.key for upload in self.forgotten}
        expected.add(self.root / "closed-uploads")
        return {
            str(path.relative_to(self.root)) for path in files - expected if not self._is_blob(path)
        }

    def _is_blob(self, path: Path) -> bool:
        algorithm = path.parent.parent.name
        if algorithm not in ("sha256", "sha512"):
            return False
        digest = Digest(algorithm, hashlib.new(algorithm, path.read_bytes()).hexdigest())
        return path == self.path(Copy(digest, path.name.partition(".")[2], 0))


class Threads(ThreadPoolExecutor):
    """The threads of an event loop; a test can hold back their work."""

    def __init__(self, count: int = 8) -> None:
        super().__init__(max_workers=count)
        self._holds: list[Hold] = []

    @contextmanager
    def held(self) -> Iterator["Hold"]:
        """Hold back the first work that is started inside the block."""
        hold = Hold()
        self._holds.append(hold)
        try:
            yield hold
        finally:
            hold.go_on.set()

    @contextmanager
    def held_at_the_end(self) -> Iterator["Hold"]:
        """Let the first work that is started inside the block finish, but hold back its result."""
        with self.held() as hold:
            hold.is_at_the_end = True
            yield hold

    def together(self, count: int) -> None:
        """Make the next `count` works start at the same moment."""
        barrier = Barrier(count, timeout=PATIENCE)
        self._holds += [Hold(barrier.wait) for _ in range(count)]

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Start the work now, or as soon as it is no longer held."""
        if not self._holds:
            return super().submit(work, *args, **kwargs)
        hold = self._holds.pop(0)

        def wait_and_work() -> Any:
            if hold.is_at_the_end:
                done = work(*args, **kwargs)
                hold.wait()
                return done
            hold.wait()
            return work(*args, **kwargs)

        return super().submit(wait_and_work)


def says_what_is_in_memory(folder: Path) -> bool:
    """Whether the file system can report that bytes are in memory (tmpfs cannot)."""
    file = folder / "in-memory"
    file.write_bytes(b"x")
    with file.open("rb") as opened, suppress(OSError):
        return os.preadv(opened.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT) == 1
    return False


class Hold:
    """Work that has started and waits until it is released."""

    is_at_the_end = False

    def __init__(self, wait: Callable[[], object] | None = None) -> None:
        self.begun = asyncio.Event()
        self.go_on = Event()
        self._loop = asyncio.get_running_loop()
        self._wait = wait

    def wait(self) -> None:
        """Report the start, and wait; called in the thread."""
        self._loop.call_soon_threadsafe(self.begun.set)
        if self._wait is not None:
            self._wait()
        elif not self.go_on.wait(PATIENCE):
            raise TimeoutError


class Client:
    """Sends chunks on demand, like a client on a slow network."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.taken = asyncio.Event()  # set when the store has read all that was sent
        self._chunks: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

    def send(self, chunk: bytes) -> None:
        """Send a chunk."""
        self.taken.clear()
        self._chunks.put_nowait(chunk)

    def end(self) -> None:
        """Send nothing more."""
        self._chunks.put_nowait(None)

    def vanish(self, error: Exception) -> None:
        """Disconnect in the middle."""
        self._chunks.put_nowait(error)

    @property
    def left(self) -> int:
        """How many chunks, and the end, the store has not read yet."""
        return self._chunks.qsize()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The chunks that arrive at the store."""
        self.asked.set()
        while (chunk := await self._chunks.get()) is not None:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk
            if not self.left:
                self.taken.set()


async def chunked(*chunks: bytes) -> AsyncIterator[bytes]:
    """These chunks, each when it is requested."""
    for chunk in chunks:
        yield chunk


def new_upload() -> Upload:
    """An upload that has not begun yet."""
    return Upload(UploadId(str(uuid4())), SESSION)


async def begun(store: BlobStore, *chunks: bytes) -> Upload:
    """An upload that holds these chunks."""
    upload = new_upload()
    await store.begin(upload)
    for chunk in chunks:
        await store.append(upload, chunked(chunk))
    return upload


async def pushed(store: BlobStore, content: bytes, algorithm: str = "sha256") -> Copy:
    """Push a blob, and return the copy that was made."""
    return await store.commit(await begun(store, content), Digest.of(content, algorithm))


async def copies_in(store: BlobStore) -> list[StoredCopy]:
    """All copies that the store holds."""
    found, after = list[StoredCopy](), ""
    while True:
        page = await store.copies(after, 3)
        found += page.copies
        if not page.next:
            return found
        after = page.next


async def stored(store: BlobStore, copy: Copy) -> bytes:
    """The content of a copy."""
    blob = await store.open(copy)
    try:
        return b"".join([piece async for piece in blob.read(0, blob.size)])
    finally:
        blob.close()


class Refusal(NamedTuple):
    """How a push was refused, and the offset of the upload afterwards; None if it is gone."""

    error: str
    reason: str
    offset: int | None


async def push_large(store: BlobStore, upload: Upload) -> list[Refusal]:
    """Push LARGE; after each refusal, continue at the offset of the upload."""
    refusals: list[Refusal] = []
    while len(refusals) < ATTEMPTS:
        try:
            await _go_on(store, upload)
            break
        except (StorageExhausted, StorageUnavailable) as refused:
            cause = refused.__cause__
            assert isinstance(cause, OSError)
            reason = errno.errorcode[cause.errno or 0]
            refusals.append(Refusal(type(refused).__name__, reason, await _offset(store, upload)))
    return refusals


async def _go_on(store: BlobStore, upload: Upload) -> None:
    offset = await _offset(store, upload)
    if offset is None:
        await store.begin(upload)
    rest = [
        LARGE[start : start + BATCH_BYTES] for start in range(offset or 0, len(LARGE), BATCH_BYTES)
    ]
    await store.append(upload, chunked(*rest))
    await store.commit(upload, Digest.of(LARGE))


async def _offset(store: BlobStore, upload: Upload) -> int | None:
    try:
        return await store.offset(upload)
    except UnknownUpload:
        return None


async def _main(store: BlobStore, upload: Upload) -> list[Refusal]:
    # strace counts the calls of each thread separately: with one thread it counts all of them.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))
    return await push_large(store, upload)


def push_in_a_process(root: Path, upload: Upload, before: Sequence[str] = ()) -> list[Refusal]:
    """Push LARGE in a separate process, started through the command `before`."""
    module = [sys.executable, "-m", "tests.contracts.blob_stores"]
    run = subprocess.run(
        [*before, *module, str(root), str(upload)], cwd=ROOT, capture_output=True, check=False
    )
    assert run.returncode == 0, run.stderr.decode()
    return [Refusal(*refusal) for refusal in json.loads(run.stdout)]


def faulty(calls: str, path: Path, error: str, which: int = 1) -> list[str]:
    """A command that runs another one and makes one of its system calls on `path` fail."""
    needs("strace")
    fault = f"inject={calls}:error={error}:when={which}"
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-P", str(path), "-e", fault]


def traced(root: Path, upload: Upload) -> list[str]:
    """The system calls on files, and the answer, of a process that pushes LARGE."""
    needs("strace")
    log = root.parent / "calls"
    calls = "trace=fsync,?mkdir,?mkdirat,?rename,?renameat,?renameat2,write"
    before = ["strace", "-f", "-qq", "-y", "-s", "9", "-e", calls, "-o", str(log)]
    assert push_in_a_process(root, upload, before) == []
    return log.read_text().splitlines()


def in_order(calls: list[str], *patterns: str) -> bool:
    """Whether calls that match these patterns follow each other."""
    rest = iter(calls)
    return all(any(re.search(pattern, call) for call in rest) for pattern in patterns)


@contextmanager
def mounted(folder: Path, options: str, source: str = "tmpfs") -> Iterator[None]:
    """Mount a separate disk in the folder, for the duration of the block."""
    if os.geteuid() != 0:
        missing("a disk of its own takes root to mount")
    kind = ["-t", "tmpfs"] if source == "tmpfs" else []
    subprocess.run(["mount", *kind, "-o", options, source, str(folder)], check=True)
    try:
        yield
    finally:
        gc.collect()  # a store keeps a file open until it is collected
        subprocess.run(["umount", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    """Remount the disk with other options."""
    gc.collect()  # as in `mounted`: with a file open for writing it cannot become read-only
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def needs(program: str) -> None:
    """Skip the test if the program is not installed."""
    if shutil.which(program) is None:
        missing(f"needs {program}: apt-get install {program}")


if __name__ == "__main__":
    _upload = Upload(UploadId(sys.argv[2]), SESSION)
    _refusals = asyncio.run(_main(FileBlobStore(Path(sys.argv[1])), _upload))
    os.write(1, json.dumps(_refusals).encode())
