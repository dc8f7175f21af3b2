"""acrux doctor on registries that answer in other ways than acrux."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest

from acrux.cli.caller.http_client import Tls
from acrux.cli.doctor import challenge
from acrux.cli.doctor.answers import MAX_BYTES, Answer
from acrux.cli.doctor.visit import Plan, Visit
from acrux.domain.server.findings import Ended, Finding
from tests.client.doctor.diagnosis import Diagnosis, as_user, examine
from tests.client.registry import Answered, Asked, FakeRegistry

V2 = "/v2/"


def answering(
    status: int, body: bytes = b"", headers: dict[str, str] | None = None
) -> Callable[[Asked], Answered]:
    """An answer that is always the same."""
    return lambda _: (status, headers or {}, body)


@pytest.mark.parametrize(
    ("status", "headers", "error", "said"),
    [
        (403, {}, "CONNECTIVITY_FORBIDDEN_ERROR", "firewall"),
        (404, {}, "CONNECTIVITY_CHALLENGE_ERROR", "a registry at this address"),
        (400, {}, "CONNECTIVITY_CHALLENGE_ERROR", "https"),
        (429, {}, "CONNECTIVITY_TOOMANYREQUESTS_ERROR", "Retry-After"),
        (502, {}, "CONNECTIVITY_CHALLENGE_ERROR", "does not reach the registry"),
        (401, {}, "CONNECTIVITY_WWW_AUTHENTICATE_ERROR", "expected Bearer realm"),
        (401, {"WWW-Authenticate": "Negotiate"}, "CONNECTIVITY_WWW_AUTHENTICATE_ERROR", "Bearer"),
        (
            301,
            {"Location": "https://registry.example.com/v2/"},
            "CONNECTIVITY_CHALLENGE_ERROR",
            "acrux doctor https://registry.example.com",
        ),
        (302, {"Location": "http://a:b/"}, "CONNECTIVITY_CHALLENGE_ERROR", "not a URL"),
        (304, {}, "CONNECTIVITY_CHALLENGE_ERROR", "redirections"),
    ],
)
def test_an_answer_that_is_no_challenge_is_named_as_az_names_it(
    registry: FakeRegistry, status: int, headers: dict[str, str], error: str, said: str
) -> None:
    """Each has another cause, and another person who can mend it."""
    registry.answers[V2] = answering(status, headers=headers)

    found = examine(registry.url)

    assert found.code == 1
    assert found.named("failed") == {"challenge"}
    assert found["challenge"]["error"] == error
    assert said in found["challenge"]["advice"]


def test_an_open_registry_is_a_warning(registry: FakeRegistry) -> None:
    """It works; and whoever reaches it may push."""
    registry.answers[V2] = answering(200)

    found = examine(registry.url, "--read-only")

    assert found.code == 0, found.printed
    assert found["challenge"]["status"] == "warning"
    assert found["token"]["detail"] == "the registry asks for no login"


def basic_only(asked: Asked) -> Answered:
    """A registry that takes alice's password with each request."""
    expected = base64.b64encode(b"alice:wonderland").decode()
    if asked.authorization == f"Basic {expected}":
        return 200, {}, b"{}"
    return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""


@pytest.mark.parametrize(("password", "code"), [("wonderland", 0), ("looking-glass", 1)])
def test_a_registry_without_tokens_is_examined_too(
    registry: FakeRegistry, password: str, code: int
) -> None:
    """A registry with an htpasswd file is the most common one at home."""
    registry.answers[V2] = basic_only

    found = as_user("alice", password, registry.url, "--read-only")

    assert found.code == code
    assert found["realm"]["detail"] == "this registry has no tokens"
    assert found["token"]["status"] == ("failed" if code else "ok")


def test_a_realm_at_another_place_gets_no_password(registry: FakeRegistry) -> None:
    """A proxy that loses the Host makes the registry name a realm that leads nowhere."""
    headers = {"WWW-Authenticate": 'Bearer realm="http://inside:5000/token",service="inside"'}
    registry.answers[V2] = answering(401, headers=headers)

    found = as_user("alice", "wonderland", registry.url)

    assert found["realm"]["status"] == "failed"
    assert "let the proxy pass Host on" in found["realm"]["advice"]
    assert found["token"]["detail"] == "needs the check 'realm'"
    assert registry.steps == [(V2, "-")]


def test_a_realm_that_gives_no_tokens_is_named(registry: FakeRegistry) -> None:
    """The token server may be another program, and that one may be down."""
    registry.answers["/oauth2/token"] = answering(503)

    found = examine(registry.url)

    assert found["realm"]["detail"].endswith("gives no tokens: 503 Service Unavailable")


def test_a_token_that_the_registry_does_not_take_is_told_from_a_wrong_password(
    registry: FakeRegistry,
) -> None:
    """The realm and the registry may disagree on the key or the service."""
    registry.answers[V2] = lambda _: registry.challenge("")

    found = as_user("alice", "wonderland", registry.url)

    assert found["token"]["detail"].startswith("the registry does not take the realm's token")
    assert found["token"]["error"] == "CONNECTIVITY_ACCESS_TOKEN_ERROR"


def test_a_failed_exchange_is_the_one_that_az_makes_first(registry: FakeRegistry) -> None:
    """az acr login exchanges a token, and names this step so."""
    found = examine(registry.url, "--token-stdin", stdin="unknown")

    assert found["token"]["error"] == "CONNECTIVITY_REFRESH_TOKEN_ERROR"


def test_a_secret_that_comes_back_is_not_printed(registry: FakeRegistry) -> None:
    """The output of a doctor is pasted into tickets."""

    def echo(asked: Asked) -> Answered:
        if asked.authorization is None:
            return registry.challenge("repository:team/app:pull,push")
        token = asked.authorization.removeprefix("Bearer ")
        body = {"errors": [{"code": "DENIED", "message": f"not with {token}"}]}
        return 403, {}, json.dumps(body).encode()

    registry.answers["/v2/team/app/blobs/uploads/"] = echo

    found = as_user("alice", "wonderland", registry.url, "--repository", "team/app")

    assert found["upload"]["detail"].endswith("403 Forbidden: DENIED not with ***")


def test_an_answer_without_end_is_not_read_to_its_end(registry: FakeRegistry) -> None:
    """The address may be that of any server."""
    registry.answers[V2] = answering(200, bytes(MAX_BYTES + 1))

    found = examine(registry.url)

    assert found["http"]["status"] == "failed"
    assert f"more than {MAX_BYTES} bytes" in found["http"]["detail"]


@pytest.mark.parametrize(
    ("location", "detail"),
    [
        (
            "http://inside:5000/v2/x",
            "uploads go to http://inside:5000, and not to http://127.0.0.1",
        ),
        ("http://x:y", "the upload's Location is missing, or not a URL"),
    ],
)
def test_a_location_that_leads_elsewhere_is_explained(
    registry: FakeRegistry, location: str, detail: str
) -> None:
    """A push begins well, and its first layer fails without a reason."""
    registry.answers[V2] = answering(200)
    uploads = "/v2/team/app/blobs/uploads/"
    registry.answers[uploads] = answering(202, headers={"Location": location})

    found = examine(registry.url, "--repository", "team/app")

    assert found["location"]["detail"].startswith(detail)
    assert found["chunks"]["detail"] == "needs the check 'location'"


@pytest.fixture
def lying(registry: FakeRegistry) -> FakeRegistry:
    """A registry that lists a tag, and whose answers a test then replaces."""
    registry.answers[V2] = answering(200)
    registry.answers["/v2/team/app/tags/list"] = answering(200, b'{"tags":["v1"]}')
    return registry


def read(registry: FakeRegistry) -> Diagnosis:
    """The diagnosis of a registry from which is only read."""
    return examine(registry.url, "--read-only", "--repository", "team/app")


def test_a_manifest_that_changes_on_its_way_is_noticed(lying: FakeRegistry) -> None:
    """A proxy that rewrites bodies breaks every digest."""
    contents = iter([b'{"a": 1}', b'{"a":1}'])
    lying.answers["/v2/team/app/manifests/v1"] = lambda asked: (
        200, {}, b"" if asked.method == "HEAD" else next(contents)
    )  # fmt: skip

    found = read(lying)

    assert found["pull"]["detail"] == "the manifest v1 came back with other bytes"
    assert "leave bodies as they are" in found["pull"]["advice"]
    assert found.code == 1


def test_a_head_that_names_another_digest_fails(lying: FakeRegistry) -> None:
    """A client would refuse the manifest, or take a wrong one from its cache."""
    wrong = {"Docker-Content-Digest": f"sha256:{'0' * 64}"}
    lying.answers["/v2/team/app/manifests/v1"] = answering(200, b"{}", wrong)

    found = read(lying)

    assert found["head"]["detail"].endswith("which is not the manifest's")


def test_what_head_lacks_is_a_warning(lying: FakeRegistry) -> None:
    """Some proxies drop headers, and containerd then pulls everything twice."""
    lying.answers["/v2/team/app/manifests/v1"] = answering(200, b"{}")

    found = read(lying)

    assert found["head"]["status"] == "warning"
    assert "Docker-Content-Digest" in found["head"]["detail"]


def test_a_tag_that_is_none_is_not_called(lying: FakeRegistry) -> None:
    """A registry must not be able to choose the path of a request that holds a token."""
    lying.answers["/v2/team/app/tags/list"] = answering(200, b'{"tags":["../../../x?y"]}')

    found = read(lying)

    assert found["manifest"]["detail"] == "the repository lists a tag that is none"


def test_a_repository_without_a_tag_is_no_failure(lying: FakeRegistry) -> None:
    """There is nothing to pull, and nothing is wrong."""
    lying.answers["/v2/team/app/tags/list"] = answering(200, b'{"tags":null}')

    found = read(lying)

    assert found.code == 0
    assert found["manifest"]["detail"] == "the repository has no tag"


def clock_of(**headers: str) -> Finding:
    """What the check finds on an answer with these headers."""
    url = httpx2.URL("https://registry.example.com/v2/")
    plan = Plan("", "v1", is_ours=False, read_only=True)
    with httpx2.Client() as client:
        visit = Visit(url, client, Tls(None, insecure=False), None, (), plan)
        visit.answer = Answer(httpx2.Response(401, headers=headers), b"")
        try:
            return challenge.clock(visit)
        except Ended as ended:
            return ended.finding


@pytest.mark.parametrize(
    ("ahead", "status", "said"),
    [
        (timedelta(), "ok", "the clocks differ by about"),
        (timedelta(minutes=5), "warning", "s ahead of this machine's"),
        (-timedelta(minutes=5), "warning", "s behind this machine's"),
    ],
)
def test_clocks_that_differ_are_a_warning(ahead: timedelta, status: str, said: str) -> None:
    """Tokens of other issuers are refused as not valid yet, and nobody thinks of the clock."""
    found = clock_of(Date=format_datetime(datetime.now(UTC) + ahead))

    assert found.status.value == status
    assert said in found.detail


@pytest.mark.parametrize("headers", [{}, {"Date": "soon"}])
def test_a_clock_that_is_not_shown_is_skipped(headers: dict[str, str]) -> None:
    """Not every server sends a Date."""
    assert clock_of(**headers).status.value == "skipped"
