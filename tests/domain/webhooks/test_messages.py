"""What a receiver gets: the body, the signature, and when it is tried again."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acrux.domain.webhooks import payload, retrying, signing
from acrux.domain.webhooks.event import RETENTION, Action, Cause, Event, Subject
from acrux.domain.webhooks.payload import Source
from acrux.domain.webhooks.signing import SigningSecret
from acrux.domain.webhooks.webhook import Format
from acrux.errors import InvalidInput

AT = datetime(2026, 11, 30, 9, 30, 1, 343145, tzinfo=UTC)
SOURCE = Source("acrux", "registry.example.com")
DIGEST = "sha256:" + "0" * 64
TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CAUSE = Cause("PUT", "docker/27.1", "a-request", "other.example.com", "ci-team")
PUSH = Event("an-id", AT, Action.PUSH, Subject("hello-world", DIGEST, "v1", TYPE, 524), CAUSE)
DELETE = Event("an-id", AT, Action.DELETE, Subject("hello-world", DIGEST, "", TYPE), RETENTION)

# acr-protocol.md §5.9, from container-registry-webhook-reference.
IN_ACR: dict[str, Any] = {
    "id": "an-id",
    "timestamp": "2026-11-30T09:30:01.343145Z",
    "action": "push",
    "target": {
        "mediaType": TYPE,
        "size": 524,
        "digest": DIGEST,
        "length": 524,
        "repository": "hello-world",
        "tag": "v1",
    },
    "request": {
        "id": "a-request",
        "host": "other.example.com",
        "method": "PUT",
        "useragent": "docker/27.1",
    },
    "actor": {"name": "ci-team"},
}


def test_a_push_is_told_in_acrs_form() -> None:
    """Receivers that were written for Azure read these fields."""
    assert json.loads(payload.body(PUSH, Format.ACR, SOURCE)) == IN_ACR
    assert payload.content_type(Format.ACR) == "application/json"


def test_a_deletion_by_a_rule_names_the_rule_and_this_registry() -> None:
    """No request made it, but receivers read `request` all the same."""
    assert json.loads(payload.body(DELETE, Format.ACR, SOURCE)) == {
        "id": "an-id",
        "timestamp": "2026-11-30T09:30:01.343145Z",
        "action": "delete",
        "target": {"mediaType": TYPE, "digest": DIGEST, "repository": "hello-world"},
        "request": {
            "id": "an-id",
            "host": "registry.example.com",
            "method": "DELETE",
            "useragent": "acrux retention",
        },
    }


def test_a_deleted_repository_has_no_digest() -> None:
    """All that it held is gone."""
    event = Event("an-id", AT, Action.DELETE, Subject("hello-world"), CAUSE)

    assert payload.acr(event, SOURCE)["target"] == {"repository": "hello-world"}


def test_a_push_by_digest_has_no_tag() -> None:
    """An empty tag would be taken for one."""
    event = Event("an-id", AT, Action.PUSH, Subject("hello-world", DIGEST, "", TYPE, 524), CAUSE)

    assert "tag" not in payload.acr(event, SOURCE)["target"]


def test_a_ping_says_nothing_else() -> None:
    """As ACR's does."""
    ping = Event("an-id", AT, Action.PING)

    assert json.loads(payload.body(ping, Format.ACR, SOURCE)) == {
        "id": "an-id",
        "timestamp": "2026-11-30T09:30:01.343145Z",
        "action": "ping",
    }
    assert "subject" not in json.loads(payload.body(ping, Format.CLOUD_EVENTS, SOURCE))


@pytest.mark.parametrize(
    ("event", "type_", "subject"),
    [
        (PUSH, "Microsoft.ContainerRegistry.ImagePushed", "hello-world:v1"),
        (DELETE, "Microsoft.ContainerRegistry.ImageDeleted", "hello-world"),
    ],
)
def test_a_cloud_event_has_the_types_and_the_data_of_event_grid(
    event: Event, type_: str, subject: str
) -> None:
    """Functions that Event Grid calls read it unchanged."""
    shown = json.loads(payload.body(event, Format.CLOUD_EVENTS, SOURCE))

    assert shown == {
        "specversion": "1.0",
        "id": "an-id",
        "source": "/registries/acrux",
        "type": type_,
        "subject": subject,
        "time": "2026-11-30T09:30:01.343145Z",
        "datacontenttype": "application/json",
        "data": payload.acr(event, SOURCE),
    }
    assert payload.content_type(Format.CLOUD_EVENTS).startswith("application/cloudevents+json")


def test_a_signature_is_the_one_of_the_specification() -> None:
    """Receivers use the libraries of Standard Webhooks, which compute it so."""
    key = bytes(range(24))
    secret = "whsec_" + base64.b64encode(key).decode()
    headers = signing.signatures("an-id", AT, b"{}", [SigningSecret(secret)])

    expected = hmac.new(key, b"an-id.1796031001.{}", hashlib.sha256).digest()
    assert headers == {
        "webhook-id": "an-id",
        "webhook-timestamp": "1796031001",
        "webhook-signature": f"v1,{base64.b64encode(expected).decode()}",
    }


def test_a_replaced_secret_signs_until_its_time_is_over() -> None:
    """A receiver can learn the new secret without missing an event."""
    new, old = (signing.written(bytes([number] * 32)) for number in (1, 2))
    secrets = [SigningSecret(new), SigningSecret(old, AT)]

    before = signing.signatures("an-id", AT - timedelta(seconds=1), b"{}", secrets)
    after = signing.signatures("an-id", AT, b"{}", secrets)

    assert len(before["webhook-signature"].split()) == 2
    assert len(after["webhook-signature"].split()) == 1


@pytest.mark.parametrize(
    "text", ["", "x", "whsec_", "whsec_!!!", signing.written(bytes(23)), signing.written(bytes(65))]
)
def test_what_cannot_sign_is_refused(text: str) -> None:
    """A short secret can be guessed from one message."""
    with pytest.raises(InvalidInput) as refused:
        signing.key_of(text)

    assert not text or text not in refused.value.message.replace("whsec_", "")


def test_waits_grow_up_to_hours_and_a_day_has_about_fourteen_attempts() -> None:
    """A receiver that is back is told soon, and one that is down is left alone."""
    waits = [retrying.wait_after(failures, 0.5) for failures in range(1, 40)]
    waited, attempts = timedelta(), 1
    while not retrying.is_given_up(waited):
        waited += waits[attempts - 1]
        attempts += 1

    assert waits[:3] == [timedelta(seconds=5), timedelta(seconds=15), timedelta(seconds=45)]
    assert waits == sorted(waits)
    assert waits[-1] == retrying.LONGEST_WAIT
    assert attempts == 14


def test_a_wait_differs_by_a_fifth() -> None:
    """A thousand repositories that failed together must not be tried together."""
    shortest, longest = (retrying.wait_after(1, random) for random in (0, 1))

    assert (shortest, longest) == (timedelta(seconds=4), timedelta(seconds=6))
