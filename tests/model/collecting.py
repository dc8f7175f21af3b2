"""Histories in which time passes and the collector runs: a registry in this process."""

import asyncio
import os
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import apsw
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, rule

from acrux.bootstrap.application import Registry, build
from acrux.settings import Settings
from tests.consistency import faults
from tests.http.caller import HOST, Caller
from tests.http.conftest import HandClock, Lines
from tests.model.client import Client
from tests.model.collected import GRACE, HELD, CollectedRepository
from tests.model.machine import Machine, blobs, manifests, numbers, repositories
from tests.model.model import ACCEPTED, Repository, Upload
from tests.model.universe import REPOSITORIES
from tests.wire.connection import Reply

Result = TypeVar("Result")

hours = st.sampled_from([0, 1, 2, 12, 24, 24])


class InProcess(Client):
    """The administrator of a registry in this process, its clock and its collector."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path) -> None:
        self._loop = loop
        self.folder = folder
        self._known: set[str] = set()
        self.clock = HandClock()
        self.clock.now = datetime.now(UTC)  # files are dated by the machine's clock
        # The collector runs when a history says so, and not by itself.
        settings = Settings(data_dir=folder, login_servers=(HOST,), gc_interval_seconds=86400)
        self.registry: Registry = build(settings, self.clock, Lines())
        self._caller = loop.run_until_complete(self._open())

    async def _open(self) -> Caller:
        await self.registry.lifespan.open()
        created = await self.registry.services.accounts.create_administrator("acrux")
        assert created is not None
        assert created.passwords[0].value is not None
        return Caller(self.registry, created.username, created.passwords[0].value.reveal())

    def close(self) -> None:
        """Close the registry."""
        self._loop.run_until_complete(self.registry.lifespan.close())

    def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Send a request."""
        if self._caller.authorization is None:
            self.log_in()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path, _, query = path.partition("?")
        answer = self._loop.run_until_complete(
            self._caller.call(method, unquote(path), query=query, headers=named, body=body)
        )
        return Reply(answer.status, dict(answer.headers), answer.body)

    def log_in(self) -> None:
        """Get a token for everything."""
        login = self._caller.login(
            "repository:*:*,deleted_read,deleted_restore",
            "registry:catalog:*",
            "registry:deleted_catalog:*",
            "registry:management:*",
        )
        self._caller = self._loop.run_until_complete(login)

    def run(self, task: Coroutine[Any, Any, Result]) -> Result:
        """Run something of the registry's to its end."""
        return self._loop.run_until_complete(task)

    def collect(self) -> None:
        """Run the collector to its end."""
        freed = self.run(self.registry.services.collection.run())
        assert freed is not None

    def new_faults(self) -> list[str]:
        """Where rows and files contradict each other; those of former histories are left out."""
        found = [fault for fault in faults(self.folder) if fault not in self._known]
        self._known.update(found)
        return found

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        with closing(apsw.Connection(str(self.folder / "registry.sqlite"))) as database:
            return database.execute(sql, values).fetchall()


@contextmanager
def in_process(folder: Path) -> Iterator[InProcess]:
    """A registry in this process, with a loop of its own."""
    with closing(asyncio.new_event_loop()) as loop, closing(InProcess(loop, folder)) as client:
        yield client


class CollectingMachine(Machine):
    """A machine whose clock is moved by its steps, and whose collector runs in some of them."""

    client: InProcess
    uploads = Bundle("uploads")

    def __init__(self, client: InProcess, prefix: str) -> None:
        super().__init__(client, prefix)
        self.model: dict[str, Repository] = {
            name: CollectedRepository(now=self.now) for name in REPOSITORIES
        }
        self.grown: dict[int, tuple[int, datetime]] = {}  # the uploads' offsets, and since when
        self.graves: list[tuple[datetime, int]] = []  # of the repositories that were deleted

    def now(self) -> datetime:
        """The present."""
        return self.client.clock()

    @rule(hours=hours)
    def collect(self, hours: int) -> None:
        """Let time pass, and collect all that is due."""
        self.date_uploads()
        self.client.clock.forward(hours=hours)
        self.client.log_in()

        self.client.collect()

        for model in self.model.values():
            assert isinstance(model, CollectedRepository)
            model.collect()
        for upload in self.open_uploads:
            if upload.is_open and self.written_at(upload) + HELD < self.now():
                upload.is_open = False
        self.check_rows()

    def date_uploads(self) -> None:
        """Date the uploads' files by the clock that this machine moves."""
        folder = self.client.folder / "uploads"
        for upload in self.open_uploads:
            at = self.written_at(upload).timestamp()
            for file in folder.glob(f"{upload.location.partition('?')[0].rpartition('/')[2]}*"):
                os.utime(file, (at, at))

    def written_at(self, upload: Upload) -> datetime:
        """When the upload was last written."""
        grown = self.grown.setdefault(id(upload), (upload.offset, self.now()))
        if grown[0] != upload.offset:
            grown = self.grown[id(upload)] = (upload.offset, self.now())
        return grown[1]

    def check_rows(self) -> None:
        """Check that rows and files agree, and that deleted repositories keep theirs in time."""
        found = self.client.new_faults()
        assert not found, "\n".join(found)
        kept = self.client.rows(
            """
            SELECT deleted_at, (SELECT COUNT(*) FROM manifests WHERE repository = key)
            FROM repositories WHERE former_name LIKE ?
            """,
            f"{self.universe.prefix}/%",
        )
        expected = [count for at, count in self.graves if at + GRACE > self.now()]
        assert sorted(count for _, count in kept) == sorted(expected)

    @rule(repository=repositories, blob=blobs)
    def ask_for_a_blob(self, repository: str, blob: str) -> None:
        """HEAD by somebody who may push."""
        self.ask(repository, "blobs", self.universe.blobs[blob].digest)

    @rule(repository=repositories, manifest=manifests)
    def ask_for_a_manifest(self, repository: str, manifest: str) -> None:
        """HEAD by somebody who may push."""
        self.ask(repository, "manifests", self.universe.manifests[manifest].digest)

    def ask(self, repository: str, kind: str, digest: str) -> None:
        """HEAD, and the same of the model."""
        model = self.model[repository]
        assert isinstance(model, CollectedRepository)

        status = self.client.call("HEAD", self.path(repository, f"/{kind}/{digest}")).status

        assert status == model.ask(digest)

    @rule(repository=repositories, number=numbers)
    def untag_and_collect(self, repository: str, number: int) -> None:
        """What most histories do: a release goes, and a day later its bytes do."""
        self.delete_a_tag(repository, number, is_acr=False)
        self.collect(24)

    @rule(repository=repositories)
    def delete_the_repository(self, repository: str) -> None:
        """See Machine."""
        count = len(self.model[repository].manifests)
        path = self.acr_path(repository)

        status = self.client.call("DELETE", path).status

        assert status == self.model[repository].delete()
        if status == ACCEPTED:
            self.graves.append((self.now(), count))
