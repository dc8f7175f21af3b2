"""Runs of the collection: one at a time, ended early, and what is said of them."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from acrux.services.content.collection import LEASE, Freed
from tests.http.conftest import HandClock
from tests.services.content.workers import APP, V1, Worker, image

ONE = image("one", "base")


@pytest.fixture
def worker(tmp_path: Path, clock: HandClock) -> Iterator[Worker]:
    """A worker."""
    worker = Worker(tmp_path, clock)
    yield worker
    worker.close()


async def _delete_one(worker: Worker) -> None:
    await worker.push(ONE, V1)
    await worker.metadata.delete_tag(APP, V1)
    worker.clock.forward(hours=25)


async def test_one_run_at_a_time_in_a_process(worker: Worker) -> None:
    """The lease is the process's: a command over HTTP would run beside the background task."""
    await _delete_one(worker)

    first, second = await asyncio.gather(worker.collection.run(), worker.collection.run())
    third = await worker.collection.run()

    assert first is not None
    assert (first.manifests, second, third) == (1, None, Freed())


async def test_a_run_that_is_ended_early_leaves_the_rest_to_the_next(worker: Worker) -> None:
    """A request would wait until a million images are removed."""
    await _delete_one(worker)
    said: list[Freed] = []

    def once(freed: Freed) -> bool:
        said.append(freed)
        return False

    part = await worker.collection.run(once)
    is_any_due = await worker.collection.is_any_due()
    rest = await worker.collection.run()

    assert said == [part]
    assert is_any_due
    assert not await worker.collection.is_any_due()
    assert part is not None
    assert rest is not None
    assert (part.manifests + rest.manifests, (part + rest).copies) == (1, 2)


async def test_the_status_names_who_collects(worker: Worker) -> None:
    """Whoever waits for space wants to know whether anybody does it."""
    await _delete_one(worker)
    now = worker.clock()
    await worker.leases.acquire(LEASE, "another", now + timedelta(minutes=1), now)

    status = await worker.collection.status()

    assert status.lease is not None
    assert (status.lease.holder, status.queue.due) == ("another", 1)
