"""All attacks on memory at once: it stays bounded, and others are served."""

import json
import re
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

import pytest

from tests.processes import told
from tests.running import RunningRegistry, acrux, running
from tests.wire.connection import MEBIBYTE, Connection
from tests.wire.held_connections import (
    NO_SETTINGS,
    PREFACE,
    close_all,
    need_descriptors,
    newcomer,
    saying,
    slowest_answers,
)
from tests.wire.test_headers import (
    END_OF_STREAM_AND_HEADERS,
    HEADERS,
    STREAMS,
    TIMES,
    answered,
    frame,
    literal,
    question,
)

MOST_BYTES = 450_000_000  # of all processes: it is 370 to 420 MB, as the threads meet
LONGEST = 1.0  # until a new client's answer, in seconds
ATTACK_SECONDS = 240.0  # all attacks together take a minute on two cores

LIVES = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
SILENT = (b"", b"P", PREFACE[:12], LIVES[:-4], PREFACE + NO_SETTINGS, LIVES)
SETTINGS, NO_WINDOW = 4, b"\x00\x04\x00\x00\x00\x00"  # RFC 9113 §6.5: INITIAL_WINDOW_SIZE
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def within_time(times: int) -> Iterator[int]:
    """Numbers from 0 on; raises TimeoutError where these times take longer than ATTACK_SECONDS."""
    end = time.monotonic() + ATTACK_SECONDS
    for number in range(times):
        if time.monotonic() > end:
            raise TimeoutError(f"{number} of {times} times took {ATTACK_SECONDS:g} seconds")
        yield number


class Attackers:
    """Each method is one attack; `held` are the connections that they keep open."""

    def __init__(self, registry: RunningRegistry, held: int) -> None:
        self.held: list[socket.socket] = []
        self._port, self._many = registry.port, held
        self._admin = Connection(self._port)
        self._admin.login("acrux", registry.password)
        self._digest = self._admin.push_blob(bytes(64 * MEBIBYTE))
        self._puller = _puller(registry)

    def hold_connections(self) -> None:
        """Send nothing, half of something, or one thing (A1)."""
        for number in range(self._many):
            self.held.append(saying(SILENT[number % len(SILENT)])(self._port))

    def unfold_headers(self) -> None:
        """Send small blocks of HPACK that expand to large headers (A2)."""
        for _ in range(8):
            with suppress(OSError):
                answered(self._port, STREAMS, question() + b"\xbe" * TIMES)

    def ask_at_length(self) -> None:
        """Send token requests of 60 KB of distinct scopes (A3)."""
        asking = Connection(self._port)
        for number in within_time(300):
            scopes = "+".join(f"repository:a{number}b{each}:pull" for each in range(2000))
            asking.call("GET", self._token(scopes))
        asking.close()

    def call_themselves_names(self) -> None:
        """Send a User-Agent of 60 KB that grows when it is escaped, and one of 240 KB (A4)."""
        for number in within_time(260):
            agent = b"\xff" * (60_000 if number % 2 else 240_000)
            with suppress(OSError), saying()(self._port) as connection:
                connection.sendall(LIVES[:-2] + b"User-Agent: " + agent + b"\r\n\r\n")
                connection.recv(4096)

    def end_no_manifest(self) -> None:
        """Send manifests of four megabytes less a byte (A5)."""
        head = self._admin.head(
            "PUT", "/v2/app/manifests/big", Content_Type=MANIFEST, Content_Length=str(4 * MEBIBYTE)
        )
        for _ in within_time(100):
            self._send_some(head, 4 * MEBIBYTE - 1)

    def end_no_upload(self) -> None:
        """Send blobs that stop in the middle (A5)."""
        starting = Connection(self._port, self._admin.authorization)
        for _ in within_time(200):
            place = starting.start_upload()
            head = starting.head("PATCH", place, Content_Length=str(64 * MEBIBYTE))
            self._send_some(head, 250_000)
        starting.close()

    def want_many_tokens(self) -> None:
        """Get tokens for many repositories each, use them, and fill the audit log (A5)."""
        asking = Connection(self._port)
        for number in within_time(1500):
            scopes = "+".join(
                f"repository:team/{number:05}-{each:05}-{'x' * 90}:pull" for each in range(118)
            )
            asking.authorization = self._puller
            token = json.loads(asking.call("GET", self._token(scopes)).body)["access_token"]
            asking.authorization = {}
            asking.call("GET", "/v2/", Authorization=f"Bearer {token}")
        asking.close()

    def take_nothing(self) -> None:
        """Request a blob, or a part of it, and read nothing (A5)."""
        whole = self._admin.head("GET", f"/v2/app/blobs/{self._digest}")
        part = self._admin.head("GET", f"/v2/app/blobs/{self._digest}", Range="bytes=1-")
        for number in range(500):
            reader = socket.socket()
            self.held.append(reader)
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", self._port))
            reader.sendall(part if number % 2 else whole)

    def shut_windows(self) -> None:
        """Request a blob on streams of HTTP/2 without a window (A5)."""
        token = self._admin.authorization["Authorization"].encode()
        path = f"/v2/app/blobs/{self._digest}".encode()
        asked = b"\x82\x86" + literal(b":path", path) + literal(b":authority", b"localhost")
        asked += literal(b"authorization", token)
        for _ in range(10):
            connection = saying(PREFACE + frame(SETTINGS, 0, 0, NO_WINDOW))(self._port)
            self.held.append(connection)
            for stream in range(1, 200, 2):
                connection.sendall(frame(HEADERS, END_OF_STREAM_AND_HEADERS, stream, asked))

    def all(self) -> tuple[Callable[[], None], ...]:
        """Every attack."""
        return (
            self.hold_connections, self.unfold_headers, self.ask_at_length,
            self.call_themselves_names, self.end_no_manifest, self.end_no_upload,
            self.want_many_tokens, self.take_nothing, self.shut_windows,
        )  # fmt: skip

    def close(self) -> None:
        """Close all connections."""
        self._admin.close()
        close_all(self.held)

    def _token(self, scopes: str) -> str:
        return f"/oauth2/token?service=127.0.0.1:{self._port}&scope={scopes}"

    def _send_some(self, head: bytes, size: int) -> None:
        connection = saying(head)(self._port)
        self.held.append(connection)
        connection.settimeout(5)
        with suppress(OSError):  # it may be refused meanwhile
            connection.sendall(bytes(size))


def _puller(registry: RunningRegistry) -> dict[str, str]:
    """The Authorization of an account that may only pull a team's repositories."""
    given = ("--data-dir", str(registry.data_dir), "--output", "json")
    done = acrux("token", "create", "--name", "puller", "--repository", "team/*", "content/read",
                 *given)  # fmt: skip
    assert done.returncode == 0, done.stderr
    [password, _] = json.loads(done.stdout)["credentials"]["passwords"]
    encoded = b64encode(f"puller:{password['value']}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


def _taken(registry: RunningRegistry) -> int:
    """The memory of all its processes in bytes; shared memory counts once."""
    taken = 0
    for pid in registry.worker_pids():
        found = re.search(r"^Pss:\s+(\d+) kB", told(pid, "smaps_rollup"), re.MULTILINE)
        taken += int(found[1]) * 1024 if found else 0
    return taken


@pytest.fixture
def attacked(tmp_path: Path) -> Iterator[RunningRegistry]:
    """A registry with default settings, on two workers."""
    with running(tmp_path / "data", "--workers", "2") as registry:
        yield registry


@pytest.fixture
def attackers(attacked: RunningRegistry, request: pytest.FixtureRequest) -> Iterator[Attackers]:
    """Attackers that hold as many silent connections as `--held` says."""
    held = int(request.config.getoption("--held"))
    need_descriptors(held + 2048)
    attackers = Attackers(attacked, held)
    yield attackers
    attackers.close()


def test_all_attacks_at_once_take_no_more_memory_than_documented(
    attacked: RunningRegistry, attackers: Attackers
) -> None:
    """Single bounds would be worth little without a bound of their sum: it was 1,676 MB."""
    most = 0
    attacks = attackers.all()
    with ThreadPoolExecutor(len(attacks)) as threads:
        under_way = [threads.submit(attack) for attack in attacks]
        while wait(under_way, timeout=0.1).not_done:
            most = max(most, _taken(attacked))
    for attack in under_way:
        attack.result()
    slowest = slowest_answers(newcomer(attacked.port))
    most = max(most, _taken(attacked))

    assert most < MOST_BYTES
    assert slowest < LONGEST
