"""What holds on every path: routes, names, headers, the log."""

import json
from collections.abc import Mapping

import pytest

from acrux.bootstrap.application import Registry, build
from acrux.domain.content.digest import Digest
from acrux.errors import InvalidSettings
from acrux.http.messages import Response
from acrux.http.routes import Endpoint
from acrux.settings import Settings
from tests.http.caller import Caller
from tests.http.conftest import Lines
from tests.images import image

APP = image(b"layer")

# OCI distribution specification 1.1, "Endpoints", and what ACR adds in acr-protocol.md §2.
SPECIFIED = {"end-1", "end-2", "end-3", "end-4", "end-5", "end-6", "end-7", "end-8", "end-9",
             "end-10", "end-11", "end-13", "end-14", "catalog", "token"}  # fmt: skip


def test_every_endpoint_of_the_specification_has_a_row(registry: Registry) -> None:
    """The table lists everything that the registry can do."""
    numbers = {number for row in registry.rows for number in row.number.split(", ")}

    assert numbers >= SPECIFIED


@pytest.mark.parametrize(
    "name",
    ["a", "a/b/c/d/e", "a.b_c__d---e/f", "0", "manifests/x", "blobs/uploads", "tags/list",
     "a/manifests/b", "a/blobs/uploads/b", "a" * 255],
)  # fmt: skip
async def test_a_name_may_hold_the_words_of_the_paths(admin: Caller, name: str) -> None:
    """The last such word in the path is the one that counts."""
    assert (await admin.push(name, "v1", APP)).status == 201
    assert (await admin.pull(name, "v1")).body == APP.manifest
    assert (await admin.call("GET", f"/v2/{name}/tags/list")).json["name"] == name


@pytest.mark.parametrize(
    "name",
    ["A", "a/", "/a", "a//b", "a/../b", "..", ".", "a..b", "-a", "a-", "_a", "a___b", "a b",
     "a\0b", "a%2Fb", "ä", "a" * 256, "a\nb", "library/Hello"],
)  # fmt: skip
@pytest.mark.parametrize("authorized", [True, False])
async def test_a_name_outside_the_grammar_is_refused_with_its_code(
    admin: Caller, stranger: Caller, name: str, *, authorized: bool
) -> None:
    """It must never become a path or a scope."""
    caller = admin if authorized else stranger

    for method, path in (
        ("PUT", f"/v2/{name}/manifests/v1"),
        ("DELETE", f"/v2/{name}/manifests/v1"),
        ("POST", f"/v2/{name}/blobs/uploads/"),
        ("DELETE", f"/acr/v1/{name}"),
        ("PATCH", f"/acr/v1/{name}/_tags/v1"),
    ):
        answer = await caller.call(method, path)
        assert (answer.status, answer.code) == (400, "NAME_INVALID"), path


@pytest.mark.parametrize("name", ["A", "a//b", "a" * 256, "ä", "library/Hello", "Nonexistent"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("authorized", [True, False])
async def test_there_is_nothing_to_read_under_a_name_outside_the_grammar(
    admin: Caller, stranger: Caller, name: str, method: str, *, authorized: bool
) -> None:
    """`az` tries again for 16 seconds after a 400, and an SDK takes it for a fault of its own."""
    caller = admin if authorized else stranger

    for path in (
        f"/v2/{name}/manifests/v1",
        f"/v2/{name}/blobs/sha256:{'0' * 64}",
        f"/v2/{name}/tags/list",
        f"/v2/{name}/referrers/sha256:{'0' * 64}",
        f"/acr/v1/{name}",
        f"/acr/v1/{name}/_tags",
        f"/acr/v1/{name}/_tags/v1",
        f"/acr/v1/{name}/_manifests",
        f"/acr/v1/_deleted/{name}/_tags",
    ):
        answer = await caller.call(method, path)
        assert answer.status == 404, path
        assert method == "HEAD" or answer.code == "NAME_UNKNOWN"


@pytest.mark.parametrize("digest", ["sha256:abc", "sha256:zz", "sha999:00", "nothing"])
async def test_there_is_no_manifest_to_read_under_what_is_no_digest(
    admin: Caller, digest: str
) -> None:
    """For the same reason; what changes something is refused as malformed."""
    await admin.push("app", "v1", image(b"layer"))

    read = await admin.call("GET", f"/acr/v1/app/_manifests/{digest}")
    changed = await admin.call("PATCH", f"/acr/v1/app/_manifests/{digest}")

    assert (read.status, read.code) == (404, "MANIFEST_UNKNOWN")
    assert (changed.status, changed.code) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize(
    "path", ["/", "", "/v1/", "/v2/x", "/v2/a/b", "/v2//tags/list", "/oauth2", "/oauth2/token/",
             "/v2/a/manifests/", "/v2/a/manifests/b/c", "/v3/", "/livez/"],
)  # fmt: skip
async def test_an_unknown_path_is_404_with_the_envelope(admin: Caller, path: str) -> None:
    """Clients probe for paths."""
    answer = await admin.call("GET", path)

    assert answer.status == 404
    assert answer.json["errors"][0]["message"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/v2/app/manifests/v1", "GET, HEAD, PUT, DELETE"),
        ("GET", "/v2/app/blobs/uploads/", "POST"),
        ("GET", "/v2/app/blobs/uploads", "POST"),
        ("PUT", "/v2/app/tags/list", "GET, HEAD"),
        ("PUT", "/oauth2/token", "GET, HEAD, POST"),
        ("GET", "/oauth2/exchange", "POST"),
        ("BREW", "/v2/", "GET, HEAD"),
    ],
)
async def test_an_unsupported_method_is_405_and_the_answer_lists_the_supported_ones(
    admin: Caller, method: str, path: str, allow: str
) -> None:
    """A client that guesses wrong learns what to send."""
    answer = await admin.call(method, path)

    assert (answer.status, answer.code) == (405, "UNSUPPORTED")
    assert answer.header("Allow") == allow


@pytest.mark.parametrize("path", ["/v2/", "/v2/app/manifests/v1", "/nowhere", "/livez"])
async def test_every_answer_carries_an_id_and_forbids_guessing_its_type(
    stranger: Caller, path: str
) -> None:
    """The id finds the line in the log; `az` prints it."""
    first, second = await stranger.call("GET", path), await stranger.call("GET", path)

    name = "X-Ms-Correlation-Request-Id"
    assert len(first.header(name) or "") == 36
    assert first.header(name) != second.header(name)
    assert first.header("X-Content-Type-Options") == "nosniff"
    version = "registry/2.0" if path.startswith("/v2/") else None
    assert first.header("Docker-Distribution-Api-Version") == version


async def test_what_a_request_logs_holds_no_secret(
    admin: Caller, stranger: Caller, log: Lines
) -> None:
    """Logs are stored, and many people read them."""
    await stranger.call("GET", "/v2/", headers={"Authorization": stranger.basic})
    await admin.call("GET", "/v2/_catalog", query={"password": stranger.password})

    text = json.dumps(log.lines)
    assert log.lines
    for secret in (stranger.password, stranger.basic.split()[1], admin.authorization or ""):
        assert secret.removeprefix("Bearer ") not in text


async def test_one_line_per_request_says_who_did_what_and_how_it_ended(
    admin: Caller, log: Lines
) -> None:
    """It is all that an operator has."""
    log.lines.clear()

    answer = await admin.call("GET", "/v2/_catalog", headers={"User-Agent": "curl/8"})

    (line,) = log.lines
    assert line.pop("ms") is not None
    assert line == {
        "event": "request",
        "method": "GET",
        "path": "/v2/_catalog",
        "status": 200,
        "received": 0,
        "sent": len(answer.body),
        "principal": "acrux",
        "peer": "192.0.2.7",
        "agent": "curl/8",
        "id": answer.header("X-Ms-Correlation-Request-Id"),
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Authorization", "Bearer a"), ("Authorization", "Bearer b")], 400),
        ([("Authorization", "")], 401),
        ([("Authorization", "Bearer")], 401),
        ([("Authorization", "Bearer \xff")], 401),
        ([("Authorization", "Bearer a b")], 401),
        ([("Authorization", "Bearer " + "a" * 60_000)], 401),
        ([("Authorization", "Bearer a.b.c")], 401),
        ([("Authorization", "Basic \xff")], 401),
        ([("Authorization", "Negotiate abc")], 401),
        ([("Authorization", "Basic Og==")], 401),
    ],
)
async def test_an_authorization_that_cannot_be_read_is_refused(
    stranger: Caller, headers: list[tuple[str, str]], status: int
) -> None:
    """Never a 500, never a guess."""
    answer = await stranger.call("GET", "/v2/app/manifests/v1", headers=headers)

    assert answer.status == status


@pytest.mark.parametrize("query", ["n=%ff", "n=1&" * 600, "%"])
async def test_a_query_that_cannot_be_read_is_refused(admin: Caller, query: str) -> None:
    """Never a 500."""
    answer = await admin.call("GET", "/v2/_catalog", query=query)

    assert answer.status in (200, 400)
    assert answer.status == (200 if query == "%" else 400)


async def test_an_unexpected_failure_is_a_500_without_details_and_a_log_line_with_them(
    admin: Caller, registry: Registry, log: Lines
) -> None:
    """The traceback is for the operator alone."""
    await admin.push("app", "v1", APP)
    await registry.lifespan.close()

    answer = await admin.pull("app", "v1")

    await registry.lifespan.open()
    assert answer.status == 500
    assert b"Traceback" not in answer.body
    assert "failure" in [line["event"] for line in log.lines]


async def test_the_body_of_a_refused_request_is_read_so_that_its_client_reads_the_answer(
    stranger: Caller, log: Lines
) -> None:
    """Azure's Python SDK first sends each chunk of 4 MiB without credentials."""
    content = bytes(4 * 1024 * 1024)

    answer = await stranger.call(
        "POST",
        "/v2/app/blobs/uploads/",
        query={"digest": str(Digest.of(content))},
        body=content,
    )

    assert answer.status == 401
    assert log.lines[-1]["received"] == len(content)


async def test_a_client_that_waits_before_it_sends_its_body_is_refused_without_it(
    stranger: Caller, log: Lines
) -> None:
    """Expect: 100-continue exists for this."""
    answer = await stranger.call(
        "POST", "/v2/app/blobs/uploads/", headers={"Expect": "100-continue"}, body=b"content"
    )

    assert answer.status == 401
    assert log.lines[-1]["received"] == 0


@pytest.mark.parametrize(
    "path",
    ["/v2/", "/v2/_catalog", "/v2/app/tags/list", "/livez", "/readyz", "/.well-known/jwks.json"],
)
async def test_every_get_has_a_head(admin: Caller, path: str) -> None:
    """Load balancers probe with HEAD (RFC 9110 §9.1)."""
    await admin.push("app", "v1", APP)

    get, head = await admin.call("GET", path), await admin.call("HEAD", path)

    assert (head.status, head.body) == (200, b"")
    assert head.header("Content-Length") == get.header("Content-Length")


async def test_a_worker_that_cannot_open_its_database_says_so_and_does_not_serve(
    settings: Settings,
) -> None:
    """It would answer 500 for ever, and nobody would know why."""
    registry = build(settings)
    (settings.data_dir / "registry.sqlite").write_bytes(b"no database" * 100)
    sent: list[Mapping[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "lifespan.startup"}

    async def send(message: Mapping[str, object]) -> None:
        sent.append(message)

    await registry.app({"type": "lifespan"}, receive, send)

    (message,) = sent
    assert message["type"] == "lifespan.startup.failed"
    assert "registry.sqlite" in str(message["message"])


async def test_a_failure_without_a_row_is_logged(
    admin: Caller, registry: Registry, log: Lines
) -> None:
    """The caller does not see its message, so the operator must find it."""
    await admin.push("app", "v1", APP)
    (row,) = (row for row in registry.rows if row.path.endswith("/tags/list"))

    async def fail(_: object) -> Response:
        raise InvalidSettings("the cause")

    row.methods["GET"] = Endpoint(row.methods["GET"].requires, fail)  # type: ignore[index]  # a dict underneath
    answer = await admin.call("GET", "/v2/app/tags/list")

    assert answer.status == 500
    assert b"the cause" not in answer.body
    assert "failure" in [line["event"] for line in log.lines]


async def test_a_registry_is_ready_only_while_its_database_answers(
    admin: Caller, registry: Registry
) -> None:
    """A load balancer would send requests to a worker that can serve none."""
    ready = await admin.call("GET", "/readyz")
    await registry.lifespan.close()
    closed = await admin.call("GET", "/readyz")
    live = await admin.call("GET", "/livez")

    await registry.lifespan.open()
    assert (ready.status, closed.status, live.status) == (200, 500, 200)
