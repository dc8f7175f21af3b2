"""Killed at any moment: everything acknowledged is there afterwards."""

import http.client
import json
import queue
import random
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from tests.images import Image, image
from tests.running import RunningRegistry, running
from tests.wire.connection import Connection

PUSHES = 50
PUSHERS = 4
KILL_AFTER_AT_MOST = 25  # acknowledged requests, about five for each push


@dataclass
class Acknowledged:
    """What the registry acknowledged, by path."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    content: dict[str, bytes] = field(default_factory=dict)
    news: threading.Condition = field(default_factory=threading.Condition)

    def add(self, path: str, content: bytes) -> None:
        """Record that this was acknowledged."""
        with self.news:
            self.content[path] = content
            self.news.notify_all()

    def wait_for(self, count: int, finished: threading.Event) -> None:
        """Wait until this much is acknowledged, or all pushes have finished."""
        with self.news:
            self.news.wait_for(lambda: len(self.content) >= count or finished.is_set(), 60)


def images(seed: int) -> "queue.Queue[tuple[str, Image]]":
    """The images to push, each with its own layers and one that all share."""
    chance = random.Random(seed)
    waiting: queue.Queue[tuple[str, Image]] = queue.Queue()
    for number in range(PUSHES):
        layer = chance.randbytes(chance.randrange(1, 300_000))
        waiting.put((f"v{number}", image(layer, b"shared layer", number.to_bytes(2, "big"))))
    return waiting


@dataclass
class Pusher:
    """Pushes images until the registry dies; unfinished ones go back to the queue."""

    registry: RunningRegistry
    waiting: "queue.Queue[tuple[str, Image]]"
    acknowledged: Acknowledged

    def run(self) -> None:
        """Push one image after the other."""
        connection = Connection(self.registry.port)
        while True:
            try:
                tag, pushed = self.waiting.get_nowait()
            except queue.Empty:
                return
            try:
                if not connection.authorization:
                    connection.login("acrux", self.registry.password)
                self._push(connection, tag, pushed)
            except (OSError, http.client.HTTPException):
                self.waiting.put((tag, pushed))
                return
            finally:
                connection.close()

    def _push(self, connection: Connection, tag: str, pushed: Image) -> None:
        for blob in pushed.blobs:
            digest = Digest.of(blob)
            location = connection.start_upload("team/app")
            patched = connection.call("PATCH", location, blob)
            assert patched.status == 202, patched.body
            put = connection.call("PUT", f"{location}&digest={digest}")
            assert put.status == 201, put.body
            self.acknowledged.add(f"/v2/team/app/blobs/{digest}", blob)
        path = f"/v2/team/app/manifests/{tag}"
        put = connection.call("PUT", path, pushed.manifest, Content_Type=pushed.media_type)
        assert put.status == 201, put.body
        self.acknowledged.add(path, pushed.manifest)


def push_until(
    registry: RunningRegistry,
    waiting: "queue.Queue[tuple[str, Image]]",
    acknowledged: Acknowledged,
    kill_after: int,
) -> None:
    """Push with several clients and kill the registry once this much more is acknowledged."""
    finished = threading.Event()
    enough = len(acknowledged.content) + kill_after
    pushers = [
        threading.Thread(target=Pusher(registry, waiting, acknowledged).run) for _ in range(PUSHERS)
    ]
    registry.password  # noqa: B018 -- renewed once, before the pushers request it at the same time
    for pusher in pushers:
        pusher.start()
    threading.Thread(target=_tell, args=(pushers, finished, acknowledged)).start()
    acknowledged.wait_for(enough, finished)
    registry.kill()
    for pusher in pushers:
        pusher.join()


def _tell(
    pushers: list[threading.Thread], finished: threading.Event, acknowledged: Acknowledged
) -> None:
    for pusher in pushers:
        pusher.join()
    finished.set()
    with acknowledged.news:
        acknowledged.news.notify_all()


def verify(registry: RunningRegistry, acknowledged: Acknowledged) -> None:
    """Check that everything acknowledged is there, byte for byte."""
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)
    for path, content in acknowledged.content.items():
        reply = connection.call("GET", path)
        assert (reply.status, reply.body) == (200, content), path
    tags = {path.rpartition("/")[2] for path in acknowledged.content if "/manifests/" in path}
    if tags:
        listed = json.loads(connection.call("GET", "/v2/team/app/tags/list?n=1000").body)["tags"]
        assert tags <= set(listed)
    connection.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_everything_acknowledged_survives_kills_at_random_moments(
    tmp_path: Path, seed: int
) -> None:
    """Power fails; what was pushed must not be lost."""
    chance, waiting, acknowledged = random.Random(seed), images(seed), Acknowledged()

    kills = 0
    while not waiting.empty():
        with running(tmp_path / "data", "--workers", "2") as registry:
            verify(registry, acknowledged)
            push_until(registry, waiting, acknowledged, chance.randrange(1, KILL_AFTER_AT_MOST))
            kills += 1

    assert kills > 1
    with running(tmp_path / "data", "--workers", "2") as registry:
        verify(registry, acknowledged)
    assert sum("/manifests/" in path for path in acknowledged.content) == PUSHES
