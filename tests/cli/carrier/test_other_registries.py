"""Registries that answer otherwise than ours."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.places import Place
from tests.client.registry import Answered, Asked, FakeRegistry, serving

Answer = Callable[[Asked], Answered]


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    """A registry on a socket, whose answers a test defines."""
    with serving(FakeRegistry()) as registry:
        yield registry


@pytest.fixture
def place(other: FakeRegistry, tmp_path: Path) -> Place:
    """Commands at it, as alice."""
    login = {"ACRUX_USERNAME": "alice", "ACRUX_PASSWORD": "wonderland", "HOME": str(tmp_path)}
    return Place(("--registry", other.url), login)


def always(status: int, body: bytes, **headers: str) -> Answer:
    """The same answer to every request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: (status, {"Content-Length": str(len(body)), **named}, body)


def error(code: str, message: str, detail: object = None) -> bytes:
    """The body of a refusal."""
    return json.dumps({"errors": [{"code": code, "message": message, "detail": detail}]}).encode()


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (always(404, b"404 page not found"), 1, "only acrux does"),
        (always(404, error("NOT_FOUND", "route")), 1, "only acrux does"),
        (always(404, error("UNSUPPORTED", "no endpoint has this path")), 1, "only acrux does"),
        (always(404, error("NAME_UNKNOWN", "no such \x1b[2Jaccount")), 4, "no such ?[2Jaccount"),
        (always(200, b"<html>welcome</html>"), 1, "something else than expected"),
        (always(200, b'{"value": [{"name": 7}]}'), 1, "something else than expected"),
        (always(400, error("UNSUPPORTED", "wrong", {"name": "x"})), 2, "wrong, name: x"),
        (always(403, error("DENIED", "no"), X_Acrux_Case="k7"), 1, "acrux auth explain k7"),
        (always(409, error("NAME_INVALID", "taken")), 5, "taken"),
        (always(429, error("TOOMANYREQUESTS", "busy"), Retry_After="9"), 1, "again in 9 seconds"),
        (always(429, error("TOOMANYREQUESTS", "busy"), Retry_After="1"), 1, "in 1 second\n"),
        (always(429, error("TOOMANYREQUESTS", "busy")), 1, "busy: busy. Try again later\n"),
        (
            always(429, error("TOOMANYREQUESTS", "try again in 1 second"), Retry_After="1"),
            1,
            "is busy: try again in 1 second\n",
        ),
        (always(400, b"Client sent an HTTP request to an HTTPS server."), 2, "call it as https://"),
        (always(405, error("REGISTRY_DISALLOWED_OPERATION", "locked")), 1, "refuses this: locked"),
        (always(503, b""), 1, "answered 503"),
        (always(405, error("UNSUPPORTED", "not so")), 1, "cannot do GET"),
        (always(401, b""), 1, "does not let the credentials of 'alice' do this"),
    ],
)
def test_every_answer_becomes_a_sentence_and_a_code(
    other: FakeRegistry, place: Place, answer: Answer, code: int, said: str
) -> None:
    """What is behind a URL may be anything: a proxy, an old release, another product."""
    other.answers["/management/v1/tokens"] = answer

    exited, printed = place.refused("token", "list")

    assert (exited, said in printed) == (code, True), printed


def test_a_listing_without_an_end_is_ended(other: FakeRegistry, place: Place) -> None:
    """A page that links to itself would be fetched for ever."""
    link = '</v2/_catalog?n=1000>; rel="next"'
    other.answers["/v2/_catalog"] = always(200, b'{"repositories": ["a"]}', Link=link)

    code, said = place.refused("repository", "list")

    assert (code, "the same page again and again" in said) == (1, True)


def test_pages_are_followed_by_the_query_alone(other: FakeRegistry, place: Place) -> None:
    """A link to another host must not get our token, nor make us ask there."""
    pages = [
        (b'{"repositories": ["a"]}', '<http://evil.example/v2/_catalog?last=a&n=1>; rel="next"'),
        (b'{"repositories": ["b"]}', '<//x?n=1>; rel="prev", <//x>; title="next"'),
    ]
    answered = iter(pages)

    def answer(_: Asked) -> Answered:
        body, link = next(answered)
        return 200, {"Content-Length": str(len(body)), "Link": link}, body

    other.answers["/v2/_catalog"] = answer

    assert place.json("repository", "list") == ["a", "b"]
    assert other.asked[-1].path == "/v2/_catalog?last=a&n=1"


@pytest.mark.parametrize("listed", [b'{"repositories": 7}', b'{"repositories": [7]}', b"[]"])
def test_a_list_that_is_none_is_refused(other: FakeRegistry, place: Place, listed: bytes) -> None:
    """A traceback would not say whose fault it is."""
    other.answers["/v2/_catalog"] = always(200, listed)

    assert place.refused("repository", "list")[0] == 1


def test_content_that_has_another_digest_is_refused(other: FakeRegistry, place: Place) -> None:
    """Who pins a digest must not be shown what a registry likes to send."""
    digest = f"sha256:{0:064}"
    other.answers[f"/v2/app/manifests/{digest}"] = always(200, b"{}")

    code, said = place.refused("manifest", "show", "-n", f"app@{digest}")

    assert (code, "sent other content" in said) == (1, True)


def test_a_warning_of_the_registry_is_printed(other: FakeRegistry, place: Place) -> None:
    """A policy that matches nothing may be mistyped: that must reach the laptop, too."""
    warning = '299 - "no repository matches \\"x\\" at present"'
    other.answers["/management/v1/quotas"] = always(200, b'{"value": []}', Warning=warning)

    result = place.run("quota", "list")

    assert 'acrux: warning: no repository matches "x" at present' in result.stderr


def test_deleting_ends_a_listing_that_has_no_content(other: FakeRegistry, place: Place) -> None:
    """ACR answers null where a repository has no tags."""
    other.answers["/acr/v1/app/_tags"] = always(200, b'{"tags": null}')

    assert place.json("repository", "show-tags", "--repository", "app") == []
