"""The harness's own client, against a real acrux."""

import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from bench import baseline
from bench.content import HOT, TAG, Blob, Content
from bench.peers import start_baseline
from bench.processes import Processes
from bench.pushing import push_in_three_requests, push_in_two_requests, time_images, time_push
from bench.scenario import fill
from bench.servers import Acrux, AcruxPlan, Server, basic
from bench.wire import Connection, UnexpectedAnswer
from bench.workloads.memory import resident_bytes

CONTENT = Content(Blob(b"small" * 100), Blob(b"large" * 1000), ("bench/many-0000",))


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Where servers are started; they stop with the module."""
    with Processes(tmp_path_factory.mktemp("processes")) as processes:
        yield processes


@pytest.fixture(scope="module")
def acrux(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Acrux:
    """A filled acrux."""
    server = AcruxPlan(folder=tmp_path_factory.mktemp("acrux")).start(processes)
    fill(server, CONTENT)
    return server


@pytest.fixture(scope="module")
def baseline_server(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The baseline with the same content."""
    folder = tmp_path_factory.mktemp("baseline")
    CONTENT.write_files(folder / "blobs")
    return start_baseline(processes, folder, CONTENT)


def get(server: Server, path: str, authorization: str) -> bytes:
    """The body of a successful answer."""
    with Connection(server.port) as connection:
        answer = connection.ask("GET", path, {"Authorization": authorization})
    assert answer.status == 200
    return answer.body


@pytest.mark.parametrize("push", [push_in_two_requests, push_in_three_requests])
def test_a_push_is_timed(acrux: Acrux, push: object) -> None:
    """In megabytes a second, for a blob that was really stored."""
    assert callable(push)

    sample = time_push(acrux, HOT, bytes(300_000), push)

    assert sample.failures == 0
    assert sample.value > 0


def test_images_are_timed(acrux: Acrux) -> None:
    """Every image of every client is counted."""
    sample = time_images([acrux], ["bench/a", "bench/b"], clients=3, images_each=2)

    assert sample.failures == 0
    assert sample.value > 0
    assert sample.p50 is not None
    tags = get(acrux, "/v2/bench/a/tags/list", f"Bearer {acrux.token('bench/a', 'pull')}")
    assert tags.count(b",") > 1


class Stranger(Acrux):
    """An acrux that issues worthless tokens."""

    def token(self, repository: str, *actions: str) -> str:
        """A worthless token."""
        return "worthless"


def test_a_refused_push_is_a_failure(acrux: Acrux) -> None:
    """A refusal must not pass for a fast push."""
    stranger = Stranger(acrux.name, acrux.port, acrux.process, acrux.password, acrux.folder)

    assert time_push(stranger, HOT, bytes(1000), push_in_two_requests).failures == 1
    assert time_images([stranger], [HOT], clients=2, images_each=2).failures == 4


def test_the_bare_application_answers_the_same_bytes(acrux: Acrux, baseline_server: Server) -> None:
    """A baseline with other answers is not a ceiling."""
    paths = [f"/v2/{HOT}/manifests/{TAG}"]
    paths += [f"/v2/{HOT}/blobs/{blob.digest}" for blob in (CONTENT.small, CONTENT.large)]

    for path in paths:
        ours, theirs = (
            get(server, path, f"Bearer {server.token(HOT, 'pull')}")
            for server in (acrux, baseline_server)
        )
        assert ours == theirs
    token = get(baseline_server, "/oauth2/token", basic(baseline.USER, baseline.PASSWORD))
    assert token.startswith(b'{"access_token":"ey')


def test_the_bare_application_refuses_strangers(baseline_server: Server) -> None:
    """It does check the token."""
    with Connection(baseline_server.port) as connection:
        answer = connection.ask("GET", f"/v2/{HOT}/manifests/{TAG}", {"Authorization": "Bearer a"})

    assert answer.status == 401


def test_memory_is_that_of_all_processes(acrux: Acrux) -> None:
    """The workers hold most of it."""
    assert resident_bytes(acrux.process) > 20_000_000


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "without a length"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "closed instead of an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "closed instead of an answer"),
    ],
)
def test_an_answer_that_is_not_whole_is_reported(sent: bytes, expected: str) -> None:
    """Half an answer is not a success."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Thread(target=_answer_once, args=(listener, sent))
        server.start()

        with (
            Connection(listener.getsockname()[1]) as connection,
            pytest.raises(UnexpectedAnswer, match=expected),
        ):
            connection.ask("GET", "/", {})
        server.join()


def _answer_once(listener: socket.socket, sent: bytes) -> None:
    accepted, _ = listener.accept()
    with accepted:
        accepted.recv(1 << 16)
        accepted.sendall(sent)
