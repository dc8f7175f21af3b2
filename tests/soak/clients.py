"""Clients that push, pull, list and delete until they are stopped, and count what they get."""

import base64
import http.client
import json
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

from acrux.domain.content.digest import Digest
from tests.images import Image, image

TIMEOUT: Final = 60
TAGS: Final = 20
LAYER_BYTES: Final = 200_000
SCOPE: Final = "repository:{}:pull,push,delete,metadata_read"


@dataclass(frozen=True)
class Entrance:
    """An address at which the registry takes https: its own, or a proxy's."""

    name: str
    port: int
    ca: Path

    def connect(self) -> http.client.HTTPSConnection:
        """A connection that checks the certificate."""
        context = ssl.create_default_context(cafile=self.ca)
        return http.client.HTTPSConnection("localhost", self.port, timeout=TIMEOUT, context=context)


@dataclass(frozen=True)
class Window:
    """From one instant to another, of time.monotonic."""

    began: float
    ended: float


@dataclass(frozen=True)
class Failure:
    """A request without the answer that its client expected."""

    entrance: str
    request: str
    problem: str
    is_first: bool  # on its connection
    began: float  # of time.monotonic
    ended: float

    def was_open_in(self, window: Window) -> bool:
        """Whether its connection was in use at some instant of the window."""
        return self.began <= window.ended and window.began <= self.ended


@dataclass
class Tally:
    """What all clients counted."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    instants: list[float] = field(default_factory=list)  # of each answer, of time.monotonic
    failures: list[Failure] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, method: str, status: int) -> None:
        """Count an answer."""
        with self.lock:
            self.answers[method, status] += 1
            self.instants.append(time.monotonic())


class FailedError(Exception):
    """A step cannot go on; its failure is in the tally."""


class Client(threading.Thread):
    """One client with a repository of its own; it goes on after a failure."""

    def __init__(
        self, entrance: Entrance, number: int, password: Callable[[], str], tally: Tally
    ) -> None:
        super().__init__(name=f"{entrance.name}-{number}")
        self._entrance = entrance
        self._chance = random.Random(number)
        self._repository = f"soak/{entrance.name}-{number}"
        self._password = password
        self._tally = tally
        self._stopped = threading.Event()
        self._connection = entrance.connect()
        self._idle_since = time.monotonic()
        self._pushed: dict[str, Image] = {}
        self._unknown: set[str] = set()  # tags whose last change was not answered
        self._token = ""
        self._is_first = True

    def stop(self) -> None:
        """End after the current step."""
        self._stopped.set()

    def run(self) -> None:
        """Take steps until it is stopped."""
        steps = (self._push, self._push_in_chunks, self._delete, self._list, self._log_in,
                 *[self._pull] * 8)  # fmt: skip
        while not self._stopped.is_set():
            try:
                if not self._token:
                    self._log_in()
                self._chance.choice(steps)()
            except FailedError:
                self._connection.close()
        self._connection.close()

    def _log_in(self) -> None:
        credential = base64.b64encode(f"acrux:{self._password()}".encode()).decode()
        scope = SCOPE.format(self._repository)
        service = f"localhost:{self._entrance.port}"
        path = f"/oauth2/token?service={service}&scope={scope}"
        _, body = self._send(200, "GET", path, b"", {"Authorization": f"Basic {credential}"})
        self._token = json.loads(body)["access_token"]

    def _push(self) -> None:
        pushed = image(self._chance.randbytes(self._chance.randrange(1, LAYER_BYTES)))
        for blob in pushed.blobs:
            self._call(201, "POST", f"{self._uploads}?digest={Digest.of(blob)}", blob)
        self._tag(pushed)

    def _push_in_chunks(self) -> None:
        pushed = image(self._chance.randbytes(LAYER_BYTES))
        for blob in pushed.blobs:
            location, _ = self._send(202, "POST", self._uploads, b"", {})
            half = len(blob) // 2
            for chunk in (blob[:half], blob[half:]):
                location, _ = self._send(202, "PATCH", location, chunk, {})
            separator = "&" if "?" in location else "?"
            self._call(201, "PUT", f"{location}{separator}digest={Digest.of(blob)}")
        self._tag(pushed)

    def _tag(self, pushed: Image) -> None:
        tag = f"v{self._chance.randrange(TAGS)}"
        path = self._path("manifests", tag)
        self._pushed.pop(tag, None)
        self._unknown.add(tag)
        self._call(201, "PUT", path, pushed.manifest, content_type=pushed.media_type)
        self._unknown.remove(tag)
        self._pushed[tag] = pushed

    def _pull(self) -> None:
        if not self._pushed:
            self._push()
        tag = self._chance.choice(sorted(self._pushed))
        pushed = self._pushed[tag]
        self._call(200, "HEAD", self._path("manifests", tag))
        self._expect(self._call(200, "GET", self._path("manifests", tag)), pushed.manifest)
        for blob in pushed.blobs:
            self._expect(self._call(200, "GET", self._path("blobs", str(Digest.of(blob)))), blob)

    def _list(self) -> None:
        if self._pushed:
            listed = json.loads(self._call(200, "GET", self._path("tags", "list")))
            known = [tag for tag in listed["tags"] if tag not in self._unknown]
            self._expect(json.dumps(known).encode(), json.dumps(sorted(self._pushed)).encode())

    def _delete(self) -> None:
        if self._pushed:
            tag, _ = self._pushed.popitem()
            self._unknown.add(tag)
            self._call(202, "DELETE", self._path("manifests", tag))
            self._unknown.remove(tag)

    @property
    def _uploads(self) -> str:
        return self._path("blobs", "uploads/")

    def _path(self, *parts: str) -> str:
        return "/".join(("/v2", self._repository, *parts))

    def _expect(self, got: bytes, wanted: bytes) -> None:
        if got != wanted:
            self._fail("answer", f"{got[:60]!r} instead of {wanted[:60]!r}")

    def _call(
        self, status: int, method: str, path: str, body: bytes = b"",
        content_type: str = "application/octet-stream",
    ) -> bytes:  # fmt: skip
        return self._send(status, method, path, body, {"Content-Type": content_type})[1]

    def _send(
        self, status: int, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[str, bytes]:
        """Send a request; return the location and the body of its answer."""
        request = f"{method} {path}"
        self._is_first = self._connection.sock is None
        try:
            self._connection.request(
                method, path, body or None, {"Authorization": f"Bearer {self._token}", **headers}
            )
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as failed:
            self._fail(request, repr(failed))
        self._tally.answered(method, response.status)
        if response.status != status:
            self._fail(request, f"{response.status} {content[:300]!r}")
        self._idle_since = time.monotonic()
        return response.getheader("Location", ""), content

    def _fail(self, request: str, problem: str) -> NoReturn:
        now = time.monotonic()
        failure = Failure(
            self._entrance.name, request, problem, self._is_first, self._idle_since, now
        )
        self._idle_since = now
        with self._tally.lock:
            self._tally.failures.append(failure)
        raise FailedError
