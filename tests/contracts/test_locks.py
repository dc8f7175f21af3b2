"""Locks apply to every operation, at the instant it is carried out (§5.5)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from threading import Event
from typing import Any

import pytest

from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.database import Statement
from acrux.adapters.sql.properties import SqlProperties
from acrux.domain.content.attributes import AttributesChange
from acrux.errors import Disallowed, Unknown, UnknownManifest
from acrux.ports.content.metadata import Metadata, Properties
from tests.contracts.content import AT, GRACE, HELLO, LATEST, index
from tests.contracts.databases import Open, Places
from tests.contracts.lock_operations import (
    LOCKS,
    OPERATIONS,
    SUBJECTS,
    SWITCHES,
    Operation,
    Scene,
    columns,
    rows,
)
from tests.postgresql import PATIENCE

LOCK = AttributesChange(write_enabled=False)
HELD, NEXT = index("held"), index("next")


class TestTable:
    """The table covers everything."""

    def test_every_attribute_of_everything_that_can_be_locked_has_a_column(self) -> None:
        """A new attribute would lock nothing, and nobody would notice."""
        assert columns() == [(subject, switch[0]) for subject, switch in LOCKS]
        assert len({switch[0] for switch in SWITCHES}) == len(SWITCHES)

    def test_every_operation_has_a_row(self) -> None:
        """A new way to read or write would bypass the locks."""
        assert rows().keys() == OPERATIONS.keys()
        for port in (Metadata, Properties):
            methods = {name for name in vars(port) if not name.startswith("_")}
            tried = {
                operation.method for operation in OPERATIONS.values() if operation.port is port
            }
            assert tried == methods

    @pytest.mark.parametrize("name", OPERATIONS)
    async def test_each_lock_forbids_what_the_table_says_and_nothing_else(
        self, metadata: SqlMetadata, properties: SqlProperties, name: str
    ) -> None:
        """Locked content would be lost, or unlocked content would be stuck."""
        operation, outcomes = OPERATIONS[name], {}
        for number, (subject, switch) in enumerate(LOCKS):
            scene = Scene.number(number)
            await scene.prepare(metadata)
            await scene.lock(properties, subject, switch)
            adapter = _adapter(operation, metadata, properties)
            outcomes[subject, switch] = await operation.outcome(adapter, scene)

        assert outcomes == rows()[name]

    @pytest.mark.parametrize("name", OPERATIONS)
    async def test_unlocking_restores_the_former_state(
        self, metadata: SqlMetadata, properties: SqlProperties, name: str
    ) -> None:
        """A lock that nobody can remove would be worse than none."""
        operation, scene = OPERATIONS[name], Scene.number(0)
        await scene.prepare(metadata)
        for enabled in (False, True):
            for subject, switch in LOCKS:
                await scene.lock(properties, subject, switch, enabled=enabled)

        adapter = _adapter(operation, metadata, properties)
        assert await operation.outcome(adapter, scene) == "."

    async def test_what_a_lock_forbids_changes_nothing(
        self, metadata: SqlMetadata, properties: SqlProperties
    ) -> None:
        """The part of an operation before its refusal would remain."""
        scene = Scene.number(0)
        await scene.prepare(metadata)
        await scene.lock(properties, "tag", "write")
        before = await _everything(metadata, properties, scene)
        forbidden = [name for name, row in rows().items() if row["tag", "write"] == "X"]
        for name in forbidden:
            assert await OPERATIONS[name].outcome(metadata, scene) == "X"

        assert "push to two tags" in forbidden
        assert await _everything(metadata, properties, scene) == before

    @pytest.mark.parametrize("subject", SUBJECTS)
    async def test_missing_content_is_unknown_and_not_disallowed(
        self, metadata: SqlMetadata, properties: SqlProperties, subject: str
    ) -> None:
        """A lock would reveal what a repository contains that cannot be read."""
        scene = Scene.number(0)
        await scene.prepare(metadata)
        await scene.lock(properties, subject, "read")

        with pytest.raises(UnknownManifest):
            await metadata.get_manifest(scene.name, NEXT.digest)


def _adapter(operation: Operation, metadata: SqlMetadata, properties: SqlProperties) -> Any:
    return metadata if operation.port is Metadata else properties


async def _everything(metadata: SqlMetadata, properties: SqlProperties, scene: Scene) -> list[Any]:
    shown = [name for name in OPERATIONS if name.startswith(("show", "list", "pull"))]
    return [
        await getattr(_adapter(operation, metadata, properties), operation.method)(
            *operation.arguments(scene)
        )
        for operation in map(OPERATIONS.__getitem__, shown)
    ]


class Watch:
    """Notices the first statement with this beginning; if `holds`, that waits for a release."""

    def __init__(self, beginning: str, *, holds: bool) -> None:
        self.reached = Event()
        self.go_on = Event()
        self.is_armed = False
        self._beginning = beginning
        self._holds = holds

    def __call__(self, statement: Statement) -> None:
        """Inspect a statement that is about to be executed."""
        if self.is_armed and statement.sql.strip().startswith(self._beginning):
            self.reached.set()
            if self._holds and not self.go_on.wait(PATIENCE):
                raise TimeoutError


class Worker:
    """One of several workers that share a database."""

    def __init__(self, place: Open, watch: Watch) -> None:
        self.watch = watch
        self.database = place(watch)
        self.metadata = SqlMetadata(self.database, GRACE)
        self.properties = SqlProperties(self.database)


async def locked(worker: Worker, subject: str) -> None:
    """Lock the repository, the tag or the manifest against writing."""
    match subject:
        case "repository":
            await worker.properties.change_repository(HELLO, LOCK)
        case "tag":
            await worker.properties.change_tag(HELLO, LATEST, LOCK)
        case "manifest":
            await worker.properties.change_manifest(HELLO, HELD.digest, LOCK)


async def pushed(worker: Worker) -> None:
    """Move the tag."""
    await worker.metadata.put_manifest(HELLO, NEXT, (LATEST,), AT)


async def deleted(worker: Worker) -> None:
    """Delete the manifest, and with it the tag."""
    await worker.metadata.delete_manifest(HELLO, HELD.digest)


async def untagged(worker: Worker) -> None:
    """Delete the tag."""
    await worker.metadata.delete_tag(HELLO, LATEST)


async def removed(worker: Worker) -> None:
    """Delete the repository."""
    await worker.metadata.delete_repository(HELLO)


Write = Callable[[Worker], Awaitable[None]]

# The operations that a lock against writing forbids, each with the statement at which the locks
# have been read and nothing is written yet.
WRITES: list[tuple[Write, str, str]] = [
    (pushed, "repository", "INSERT INTO manifests"),
    (pushed, "tag", "INSERT INTO manifests"),
    (deleted, "repository", "DELETE FROM tags"),
    (deleted, "tag", "DELETE FROM tags"),
    (deleted, "manifest", "DELETE FROM tags"),
    (untagged, "repository", "DELETE FROM tags"),
    (untagged, "tag", "DELETE FROM tags"),
    (removed, "repository", "UPDATE repositories"),
    (removed, "tag", "UPDATE repositories"),
    (removed, "manifest", "UPDATE repositories"),
]


@asynccontextmanager
async def two_workers(places: Places, beginning: str) -> AsyncIterator[tuple[Worker, Worker]]:
    """HELD is put and tagged; the first worker pauses there, the second reports when it begins."""
    with places() as place:
        first = Worker(place, Watch(beginning, holds=True))
        second = Worker(place, Watch("BEGIN", holds=False))
        await first.metadata.put_manifest(HELLO, HELD, (LATEST,), AT)
        first.watch.is_armed = second.watch.is_armed = True
        try:
            yield first, second
        finally:
            first.watch.go_on.set()
            for worker in (first, second):
                worker.database.close()


async def interleave(
    first: Worker, write: Write, second: Worker, other: Write
) -> tuple[BaseException | None, BaseException | None]:
    """Begin the second write while the first pauses within its transaction: the outcome of both."""
    running = asyncio.ensure_future(write(first))
    assert await asyncio.to_thread(first.watch.reached.wait, PATIENCE)
    waiting = asyncio.ensure_future(other(second))
    assert await asyncio.to_thread(second.watch.reached.wait, PATIENCE)
    first.watch.go_on.set()
    outcomes = await asyncio.gather(running, waiting, return_exceptions=True)
    return outcomes[0], outcomes[1]


async def is_held(worker: Worker) -> bool:
    """Whether LATEST still points to HELD."""
    try:
        return (await worker.metadata.get_manifest(HELLO, LATEST)).digest == HELD.digest
    except UnknownManifest:
        return False


class TestRaces:
    """A lock and a write at the same time: one of them comes first."""

    @pytest.mark.parametrize(("write", "subject"), [row[:2] for row in WRITES])
    async def test_a_lock_that_came_first_forbids_the_write(
        self, places: Places, write: Write, subject: str
    ) -> None:
        """After an image is locked, a delete already on its way could remove it."""
        async with two_workers(places, "COMMIT") as (locker, writer):
            lock = partial(locked, subject=subject)
            outcome, refusal = await interleave(locker, lock, writer, write)

            assert outcome is None
            assert isinstance(refusal, Disallowed)
            assert await is_held(writer)

    @pytest.mark.parametrize(("write", "subject", "written"), WRITES)
    async def test_a_write_that_came_first_is_done_before_the_lock(
        self, places: Places, write: Write, subject: str, written: str
    ) -> None:
        """The lock would be set between its check and the write that it forbids."""
        async with two_workers(places, written) as (writer, locker):
            lock = partial(locked, subject=subject)
            outcome, refusal = await interleave(writer, write, locker, lock)

            assert outcome is None
            assert refusal is None or isinstance(refusal, Unknown)
            assert not await is_held(locker)
