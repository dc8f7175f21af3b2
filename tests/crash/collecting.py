"""A process that collects in a data directory, to be killed at any of its system calls."""

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from signal import SIGBUS
from typing import Any, NamedTuple

from acrux.adapters.sql.policies import SqlPolicies
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.domain.content.upload import APPENDED, Session
from tests.http.conftest import HandClock
from tests.services.content.workers import (
    APP,
    OTHER,
    PUSHER,
    V1,
    V2,
    Worker,
    chunks,
    image,
    index,
    referrer,
)

SOFT = RepositoryName.parse("soft/app")
ONE, TWO = image("one", "base", "of one"), image("two", "base")
PUSHED_AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DUE_AT = PUSHED_AT + timedelta(days=2)
STOPPED = 3  # the exit code of a collector that got as far as it should

# The rows that are left in the end. Those of leases and of the blobs' counters may differ.
LEFT = {
    "repositories": "name, former_name",
    "manifests": "repository, digest",
    "tags": "repository, name, digest",
    "blob_links": "repository, digest",
    "manifest_references": "repository, target, digest",
    "blobs": "digest, copy, size",
    "removals": "digest, copy",
    "reviews": "repository, digest",
    "holds": "repository, digest",
    "deleted_manifests": "repository, digest",
    "deleted_tags": "repository, name, digest",
}


async def fill(worker: Worker) -> None:
    """Something for each step of the collector; V2 stays in APP, with two blobs."""
    await worker.push(ONE, V1)
    await worker.push(referrer("signature", ONE))
    await worker.put(index(ONE), V1)
    await worker.push(TWO, V2)
    await worker.push(TWO, V2)
    await worker.push_blob(b"left behind")
    await worker.manifests.untag(APP, V1)
    await worker.push(TWO, V1, repository=OTHER)
    await worker.push_blob(b"only in the other", OTHER)
    await soft_delete(worker)
    await worker.manifests.delete_repository(OTHER)
    upload = await worker.uploads.start(Session(APP, PUSHER))
    await worker.uploads.append(upload, chunks(b"half of it"), APPENDED)
    worker.age_uploads(days=1)


async def soft_delete(worker: Worker) -> None:
    """Delete an image with its tag, which can be restored until the time of the collection."""
    for_a_day = SoftDeletePolicy(repositories=SOFT.value, days=1)
    assert await SqlPolicies(worker.database).create(for_a_day, worker.clock(), 1)
    deleted = image("soft", "base", "of soft")
    await worker.push(deleted, V1, repository=SOFT)
    await worker.manifests.delete(SOFT, Digest.of(deleted))


def filled(folder: Path) -> None:
    """Make a data directory in which there is much to collect at DUE_AT."""
    _run(folder, PUSHED_AT, fill)


async def collect(worker: Worker) -> None:
    """Collect all that is due."""
    assert await worker.collection.run() is not None, "another collector has the lease"


def collect_once(folder: Path, *, later: float = 0) -> None:
    """Collect in this process, so many seconds after everything is due."""
    _run(folder, DUE_AT + timedelta(seconds=later), collect)


def _run(folder: Path, now: datetime, work: Callable[[Worker], Any]) -> None:
    async def main() -> None:
        # strace counts the calls of each thread separately: with one thread it counts all.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=1))
        clock = HandClock()
        clock.now = now
        worker = Worker(folder, clock)
        try:
            await work(worker)
        finally:
            worker.close()

    asyncio.run(main())


def _wait_and_collect(folder: Path, told: Connection) -> None:
    told.recv()
    collect_once(folder)


def _forkserver() -> ForkServerContext:
    """A server that has everything imported: what it forks starts within milliseconds.

    There is one in each process, so whoever needs it first must make it so.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


class Collector:
    """Another process, which collects as soon as it is told to."""

    def __init__(self, folder: Path) -> None:
        context = _forkserver()
        self._tell, told = context.Pipe()
        self.process: ForkServerProcess = context.Process(
            target=_wait_and_collect, args=(folder, told), daemon=True
        )
        self.process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process.pid is not None
        return self.process.pid

    def go(self) -> int:
        """Let it collect until it ends, and return its exit code: negative if it was killed."""
        self._tell.send("go")
        self.process.join(60)
        self._tell.close()
        assert self.process.exitcode is not None, "it has not ended"
        return self.process.exitcode


def left(data_dir: Path) -> dict[str, list[Any]]:
    """The rows and the files that are left."""
    with closing(sqlite3.connect(data_dir / "registry.sqlite")) as database:
        rows = {
            table: sorted(database.execute(f"SELECT {columns} FROM {table}"), key=repr)  # noqa: S608
            for table, columns in LEFT.items()
        }
    files = [*(data_dir / "blobs").glob("*/*/*"), *(data_dir / "uploads").iterdir()]
    return {**rows, "files": sorted(str(file.relative_to(data_dir)) for file in files)}


async def _nothing(_: Worker) -> None:
    """The collector stops before or after a step, and nothing else happens."""


class Step(NamedTuple):
    """Where a collector stops: before or after a method of a part, and what happens first."""

    part: str
    when: str
    method: str
    first: Callable[[Worker], Awaitable[None]] = _nothing


def _collect_some(folder: Path, step: Step, stop: Callable[[], None]) -> None:
    async def collect_until_then(worker: Worker) -> None:
        async def end() -> None:
            await step.first(worker)
            stop()
            os._exit(STOPPED)

        getattr(getattr(worker, step.part), step.when)(step.method, end)
        await collect(worker)

    _run(folder, DUE_AT, collect_until_then)


def collect_until(folder: Path, step: Step, stop: Callable[[], None]) -> None:
    """Collect in another process up to this step, which calls `stop` there and does nothing more.

    If `stop` cuts the power, the pages of the database that are mapped may be gone with it.
    """
    process = _forkserver().Process(target=_collect_some, args=(folder, step, stop))
    process.start()
    process.join(60)
    assert process.exitcode in {STOPPED, -SIGBUS}, "it never came to this step"
