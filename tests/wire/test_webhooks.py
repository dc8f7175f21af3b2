"""Webhooks of a real registry: real pushes, a real receiver, kills."""

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.images import image
from tests.receiver import PATIENCE, Received, WebhookReceiver, receiving
from tests.running import RunningRegistry, acrux, running, until, write_layout
from tests.tools import require_tool
from tests.wire.connection import Connection
from tests.wire.test_supervision import answers, children

SERVE = ("--workers", "2", "--webhook-network", "127.0.0.0/8")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RunningRegistry]:
    """A registry of two workers that may reach this machine."""
    with running(tmp_path / "data", *SERVE) as registry:
        yield registry


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A receiver that answers."""
    with receiving() as receiver:
        yield receiver


def webhook(data_dir: Path, *arguments: str) -> Any:
    """What `acrux webhook` prints for programs."""
    done = acrux("webhook", *arguments, "--data-dir", str(data_dir), "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def create(registry: RunningRegistry, receiver: WebhookReceiver, name: str = "deploy") -> str:
    """A webhook that is told of everything; returns its secret."""
    uri = f"http://localhost:{receiver.port}/hook"
    created = webhook(
        registry.data_dir, "create", "-n", name, "--uri", uri, "--actions", "push", "delete"
    )
    return str(created["secret"])


def connected(registry: RunningRegistry) -> Connection:
    """A connection with a token for everything."""
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)
    return connection


def is_signed(received: Received, secret: str) -> bool:
    """Whether the message is signed with the secret, computed as the specification says."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    headers = received.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + received.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in headers["webhook-signature"].split()


def test_a_push_and_a_deletion_by_skopeo_are_told(
    registry: RunningRegistry, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    """What a deployment waits for, with a signature that it can verify."""
    tool = require_tool("skopeo", package="skopeo")
    secret, pushed = create(registry, receiver), image(b"a layer")
    layout, there = write_layout(tmp_path / "layout", pushed, "v1"), f"{registry.host}/team/app:v1"
    for arguments in (
        ("copy", "--preserve-digests", "--dest-tls-verify=false", "--dest-creds",
         f"acrux:{registry.password}", f"oci:{layout}:v1", f"docker://{there}"),
        ("delete", "--tls-verify=false", "--creds", f"acrux:{registry.password}",
         f"docker://{there}"),
    ):  # fmt: skip
        done = subprocess.run(
            [tool, "--insecure-policy", *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    push, deletion = receiver.wait_for(2)

    assert (push.json["action"], push.json["target"]["digest"]) == ("push", str(pushed.digest))
    assert (push.json["target"]["repository"], push.json["target"]["tag"]) == ("team/app", "v1")
    assert push.json["request"]["host"] == registry.host
    assert "skopeo" in push.json["request"]["useragent"]
    assert deletion.json["action"] == "delete"
    assert deletion.json["target"]["digest"] == str(pushed.digest)
    assert all(is_signed(received, secret) for received in (push, deletion))
    assert not is_signed(push, "whsec_" + base64.b64encode(bytes(32)).decode())


def test_pushes_through_all_workers_are_told_in_order(
    registry: RunningRegistry, receiver: WebhookReceiver
) -> None:
    """Any worker answers a push, and one of them delivers."""
    create(registry, receiver)
    tags, pushed = [f"v{number}" for number in range(12)], image(b"a layer")
    for tag in tags:
        connection = connected(registry)
        connection.push_image(pushed, tag)
        connection.close()
    receiver.wait_for(len(tags))

    assert receiver.actions == [("push", tag) for tag in tags]


def test_order_is_kept_when_the_receiver_fails(
    registry: RunningRegistry, receiver: WebhookReceiver
) -> None:
    """What was pushed last must be deployed last."""
    create(registry, receiver)
    receiver.status = 503
    connection, pushed = connected(registry), image(b"a layer")
    connection.push_image(pushed, "v1")
    receiver.wait_for(1)
    connection.push_image(pushed, "v2")
    receiver.status = 200
    receiver.wait_for(3)

    assert receiver.actions == [("push", "v1"), ("push", "v1"), ("push", "v2")]
    first, again, _ = receiver.received
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    connection.close()


def test_what_was_committed_is_told_after_a_kill(tmp_path: Path, receiver: WebhookReceiver) -> None:
    """The push was answered with 201: its event must not be lost with the process."""
    receiver.answering.clear()
    with running(tmp_path / "data", *SERVE) as registry:
        create(registry, receiver)
        connection = connected(registry)
        connection.push_image(image(b"a layer"), "v1")
        connection.close()
        receiver.wait_for(1)  # it was sent, and the registry does not know whether it arrived
        registry.kill()
    receiver.answering.set()
    before = webhook(tmp_path / "data", "show", "-n", "deploy")
    with running(tmp_path / "data", *SERVE):
        first, again = receiver.wait_for(2)

    assert (before["waitingEvents"], before["lastSuccess"]) == (1, None)
    assert first.headers["webhook-id"] == again.headers["webhook-id"]


def test_other_workers_go_on_when_those_that_deliver_are_killed(
    registry: RunningRegistry, receiver: WebhookReceiver
) -> None:
    """The lease expires, and nothing is lost."""
    create(registry, receiver)
    connection = connected(registry)
    connection.push_image(image(b"a layer"), "v1")
    receiver.wait_for(1)
    before = children(registry)
    for worker in before:
        os.kill(worker, signal.SIGKILL)
    connection.close()
    until(lambda: set(children(registry)).isdisjoint(before) and answers(registry))
    again = connected(registry)
    again.push_image(image(b"a layer"), "v2")
    until(lambda: ("push", "v2") in receiver.actions, PATIENCE)
    again.close()

    assert receiver.actions in (  # at least once
        [("push", "v1"), ("push", "v2")],
        [("push", "v1"), ("push", "v1"), ("push", "v2")],
    )


def _flood() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n\r\n"
    while True:
        yield b"x" * 65536


def test_receivers_that_hang_and_flood_touch_no_request_and_no_other_receiver(
    registry: RunningRegistry, receiver: WebhookReceiver
) -> None:
    """A broken program somewhere must not stop the pushes of everybody."""
    with receiving() as hanging, receiving() as flooding:
        hanging.answering.clear()
        flooding.writes = _flood
        for name, broken in (("hanging", hanging), ("flooding", flooding), ("deploy", receiver)):
            create(registry, broken, name)
        connection = connected(registry)
        for number in range(6):
            connection.push_image(image(b"a layer"), "v1", f"team/app-{number}")
        receiver.wait_for(6)
        flooding.wait_for(6)

        assert connection.call("GET", "/v2/").status == 200
        assert len(hanging.received) <= 4
        connection.close()


def test_a_private_address_and_a_redirect_to_one_are_refused(
    tmp_path: Path, receiver: WebhookReceiver
) -> None:
    """A webhook must not reach what only the registry can reach."""
    data_dir, workers = tmp_path / "data", ("--workers", "1")
    with receiving(host="127.0.0.2") as private:
        uri = f"http://127.0.0.2:{private.port}/"
        receiver.status = 307
        receiver.headers = {"Location": uri}
        with running(data_dir, *workers, "--webhook-network", "127.0.0.0/8") as registry:
            create(registry, receiver)
            webhook(data_dir, "create", "-n", "private", "--uri", uri, "--actions", "push")
        with running(data_dir, *workers, "--webhook-network", "127.0.0.1"):  # narrowed since
            for name in ("private", "deploy"):
                webhook(data_dir, "ping", "-n", name)
            receiver.wait_for(1)
            states = {name: _ended(data_dir, name)["problem"] for name in ("private", "deploy")}

    assert "no public address" in states["private"]
    assert "redirects are not followed" in states["deploy"]
    assert private.received == []


def _ended(data_dir: Path, name: str) -> dict[str, Any]:
    """The ping of the webhook, once it has failed."""
    while True:
        [event] = webhook(data_dir, "list-events", "-n", name)
        if event["state"] == "dead":
            return dict(event)
