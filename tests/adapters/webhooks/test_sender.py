"""Messages over real sockets: where they may go, and receivers that misbehave."""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from acrux.adapters.keys.certificates import self_signed
from acrux.adapters.webhooks import sender
from acrux.adapters.webhooks.addresses import resolve
from acrux.adapters.webhooks.sender import MAX_ANSWER_BYTES, HttpSender
from acrux.domain.webhooks.destinations import Address
from acrux.domain.webhooks.standing import Answer
from acrux.domain.webhooks.uri import Uri
from tests.receiver import WebhookReceiver, receiving
from tests.running import free_port

LOOPBACK = (ip_network("127.0.0.0/8"),)
HEADERS = {"Content-Type": "application/json", "webhook-id": "an-id"}


class Names:
    """A resolver: the addresses of each look-up in turn; the last ones stay."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = [[ip_address(text) for text in texts] for texts in answers]
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        """The addresses of the host."""
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A receiver that answers."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may take long."""
    monkeypatch.setattr(sender, "SENT_WITHIN", timedelta(seconds=0.3))


def uri(receiver: WebhookReceiver, host: str = "hook.example.com", scheme: str = "http") -> Uri:
    """The address of the receiver under this name."""
    return Uri.parse(f"{scheme}://{host}:{receiver.port}/in?x=%20y")


async def send(receiver: WebhookReceiver, *, to: Sequence[str] = ("127.0.0.1",)) -> Answer | str:
    """What becomes of a message to the receiver."""
    return await HttpSender(LOOPBACK, Names(to)).send(uri(receiver), HEADERS, b'{"a":1}')


async def test_a_message_arrives_as_it_is(receiver: WebhookReceiver) -> None:
    """Its signature covers each byte."""
    receiver.status, receiver.headers = 202, {"X-Their": "own"}
    answer = await send(receiver)

    [received] = receiver.received
    assert (received.path, received.body) == ("/in?x=%20y", b'{"a":1}')
    assert received.headers["host"] == f"hook.example.com:{receiver.port}"
    assert received.headers["webhook-id"] == "an-id"
    assert "cookie" not in received.headers
    assert isinstance(answer, Answer)
    assert (answer.status, answer.reason, answer.body) == (202, "Accepted", "thanks")
    assert answer.headers["x-their"] == "own"


@pytest.mark.parametrize("to", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "0.0.0.0"])
async def test_an_address_that_is_not_public_is_refused(receiver: WebhookReceiver, to: str) -> None:
    """A webhook must not reach what only the registry can reach."""
    names = Names([to])
    said = await HttpSender((), names).send(uri(receiver, scheme="https"), HEADERS, b"")

    assert isinstance(said, str)
    assert "no public address: allow its network with the setting webhook_networks" in said
    assert receiver.received == []


async def test_a_name_that_leads_elsewhere_a_moment_later_changes_nothing(
    receiver: WebhookReceiver,
) -> None:
    """DNS rebinding: the address that was checked is the one that is connected to."""
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    answer = await HttpSender(LOOPBACK, names).send(uri(receiver), HEADERS, b"")
    second = await HttpSender(LOOPBACK, names).send(uri(receiver), HEADERS, b"")

    assert isinstance(answer, Answer)
    assert names.asked == [("hook.example.com", receiver.port)] * 2
    assert isinstance(second, str)
    assert len(receiver.received) == 1


async def test_of_several_addresses_only_the_allowed_are_tried(
    receiver: WebhookReceiver,
) -> None:
    """A name can lead to both kinds, and one of them can be down."""
    both = await send(receiver, to=("10.0.0.1", "127.0.0.1"))
    next_one = await send(receiver, to=("127.9.9.9", "127.0.0.1"))

    assert isinstance(both, Answer)
    assert isinstance(next_one, Answer)


async def test_http_is_refused_outside_of_the_networks() -> None:
    """Anybody on the way could read it."""
    said = await HttpSender(LOOPBACK, Names(["1.1.1.1"])).send(
        Uri.parse("http://example.com/"), HEADERS, b""
    )

    assert said == "http is allowed in webhook_networks only: use https"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(receiver: WebhookReceiver, status: int) -> None:
    """It could lead to an address that is not allowed."""
    with receiving() as elsewhere:
        receiver.status = status
        receiver.headers = {"Location": f"http://127.0.0.1:{elsewhere.port}/"}
        answer = await send(receiver)

        assert isinstance(answer, Answer)
        assert answer.status == status
        assert elsewhere.received == []


async def test_a_proxy_of_the_environment_is_not_used(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would look up the name by itself, and reach whatever it can."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")

    assert isinstance(await send(receiver), Answer)


async def test_no_cookie_is_kept(receiver: WebhookReceiver) -> None:
    """Two webhooks of one host have nothing to do with each other."""
    receiver.headers = {"Set-Cookie": "session=s3cret"}
    http = HttpSender(LOOPBACK, Names(["127.0.0.1"]))
    answers = [await http.send(uri(receiver), HEADERS, b"") for _ in range(2)]

    assert all("cookie" not in received.headers for received in receiver.received)
    assert "s3cret" not in str(answers)


def _endless() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n\r\n"
    while True:
        yield b"x" * 65536


def _endless_header() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-Long: " + b"x" * 65536 + b"\r\n"


async def test_of_a_long_answer_only_the_beginning_is_read(receiver: WebhookReceiver) -> None:
    """A receiver must not fill the registry's memory."""
    receiver.writes = _endless
    answer = await send(receiver)

    assert isinstance(answer, Answer)
    assert answer.body == "x" * MAX_ANSWER_BYTES


@pytest.mark.parametrize(
    "writes",
    [
        _endless_header,
        lambda: iter([b"HTTP/1.1 999999 What\r\n\r\n"]),
        lambda: iter([b"SSH-2.0-OpenSSH\r\n"]),
        lambda: iter([b""]),
        lambda: iter([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"]),
    ],
)
async def test_what_is_no_answer_is_a_failure(receiver: WebhookReceiver, writes: object) -> None:
    """Nothing that a receiver sends may stop the deliveries of others."""
    receiver.writes = writes  # type: ignore[assignment]

    assert isinstance(await send(receiver), str)


async def test_many_headers_are_cut(receiver: WebhookReceiver) -> None:
    """They are kept with each event."""
    receiver.headers = {f"X-{number}": "x" * 300 for number in range(50)}
    answer = await send(receiver)

    assert isinstance(answer, Answer)
    assert len(answer.headers) <= sender.MAX_HEADERS
    assert max(map(len, answer.headers.values())) == sender.MAX_HEADER_CHARACTERS


@pytest.mark.usefixtures("short")
async def test_a_receiver_that_hangs_is_left(receiver: WebhookReceiver) -> None:
    """It must not hold its place for ever."""
    receiver.answering.clear()

    assert await send(receiver) == "no answer within 0.3 seconds"


@pytest.mark.usefixtures("short")
async def test_a_receiver_that_trickles_is_left(receiver: WebhookReceiver) -> None:
    """A byte now and then is no answer either."""
    left = asyncio.Event()

    def trickle() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        while not left.is_set():
            yield b"X: y\r\n"
            receiver.answering.wait(0.05)
            receiver.answering.clear()

    receiver.writes = trickle
    said = await send(receiver)
    left.set()

    assert isinstance(said, str)


async def test_a_receiver_that_is_not_there_is_a_failure() -> None:
    """The operator reads why."""
    names = Names(["127.0.0.1"])
    said = await HttpSender(LOOPBACK, names).send(
        Uri.parse(f"http://hook.example.com:{free_port()}/"), HEADERS, b""
    )

    assert isinstance(said, str)
    assert said.startswith("ConnectError")


async def test_a_name_that_is_not_known_is_a_failure() -> None:
    """The system's resolver is asked, and says so."""
    said = await HttpSender(LOOPBACK).send(Uri.parse("https://nowhere.invalid/"), HEADERS, b"")

    assert isinstance(said, str)
    assert "gaierror" in said


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001"])
async def test_unusual_ways_to_write_an_address_are_seen_through(host: str) -> None:
    """What counts is the address that the system makes of it."""
    said = await HttpSender(()).send(Uri.parse(f"https://{host}/"), HEADERS, b"")

    assert isinstance(said, str)
    assert "no public address" in said or "gaierror" in said


async def test_an_address_is_its_own() -> None:
    """Many receivers have no name."""
    assert await resolve("127.0.0.1", 80) == [ip_address("127.0.0.1")]
    assert await resolve("::1", 80) == [ip_address("::1")]


def _served(folder: Path, name: str) -> ssl.SSLContext:
    files = self_signed(folder, (name,), datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context


async def test_a_certificate_must_be_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection goes to an address, but the certificate is of the host of the URI."""
    context = _served(tmp_path / "tls", "hook.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "tls" / "ca.pem"))
    with receiving(tls=context) as receiver:
        http = HttpSender(LOOPBACK, Names(["127.0.0.1"]))
        right = await http.send(uri(receiver, scheme="https"), HEADERS, b"")
        wrong = await http.send(uri(receiver, "other.example.com", "https"), HEADERS, b"")

    assert isinstance(right, Answer)
    assert isinstance(wrong, str)
    assert "CERTIFICATE_VERIFY_FAILED" in wrong
    assert len(receiver.received) == 1


async def test_a_certificate_that_nobody_trusts_is_refused(tmp_path: Path) -> None:
    """Anybody could make one."""
    with receiving(tls=_served(tmp_path / "tls", "hook.example.com")) as receiver:
        http = HttpSender(LOOPBACK, Names(["127.0.0.1"]))
        said = await http.send(uri(receiver, scheme="https"), HEADERS, b"")

    assert isinstance(said, str)
    assert "CERTIFICATE_VERIFY_FAILED" in said


async def test_certificates_that_cannot_be_read_are_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A typo in SSL_CERT_FILE must be found in the state of the webhook."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/bundle.pem")
    said = await HttpSender(()).send(Uri.parse("https://example.com/"), HEADERS, b"")

    assert isinstance(said, str)
    assert "trusted certificates" in said
