"""The number of statements of a request, counted in the whole application."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from acrux.adapters.sql.database import Statement
from acrux.bootstrap.application import build
from acrux.domain.content.digest import Digest
from acrux.settings import Settings
from tests.http.caller import HOST, Answer, Caller
from tests.http.conftest import HandClock, Lines
from tests.images import descriptor, image

APP = image(b"layer")
LAYER = Digest.of(b"layer")
SIGNATURE = image(b"signature", subject=descriptor(APP.manifest, APP.media_type))

# Method, path, query and the statements that the request executes. Each is one lookup in an index,
# in the event loop; the numbers are those that issue 3 promises, or fewer.
READS: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/v2/", {}, 0),
    ("GET", "/v2/hello/manifests/v1", {}, 1),
    ("HEAD", "/v2/hello/manifests/v1", {}, 1),
    ("GET", f"/v2/hello/manifests/{APP.digest}", {}, 1),
    ("GET", f"/v2/hello/blobs/{LAYER}", {}, 1),
    ("GET", "/v2/hello/tags/list", {}, 1),
    ("GET", "/v2/hello/tags/list", {"n": "1", "last": "v1"}, 1),
    ("GET", "/v2/hello/tags/list", {"last": "v9"}, 2),  # empty: does the repository exist at all?
    ("GET", f"/v2/hello/referrers/{APP.digest}", {}, 1),
    ("GET", "/v2/_catalog", {}, 3),  # two ask what the account may see, and what everybody may
    ("GET", "/acr/v1/hello", {}, 1),
    ("GET", "/acr/v1/hello/_tags", {}, 2),
    ("GET", "/acr/v1/hello/_tags", {"orderby": "timedesc", "last": "v1"}, 2),
    ("GET", "/acr/v1/hello/_tags/v1", {}, 2),
    ("GET", "/acr/v1/hello/_manifests", {}, 1),
    ("GET", f"/acr/v1/hello/_manifests/{APP.digest}", {}, 1),
]


class Counting:
    """A filled registry, its administrator, and every statement that it executes."""

    def __init__(self, caller: Caller, statements: list[Statement]) -> None:
        self.caller = caller
        self.statements = statements

    async def count(self, method: str, path: str, **request: Any) -> tuple[Answer, list[str]]:
        """The answer to a request, and its statements."""
        before = len(self.statements)
        answer = await self.caller.call(method, path, **request)
        return answer, [statement.sql for statement in self.statements[before:]]


@pytest.fixture
async def counting(tmp_path: Path) -> AsyncIterator[Counting]:
    """An image with two tags and a signature, in the repository `hello`."""
    statements: list[Statement] = []
    settings = Settings(data_dir=tmp_path / "data", login_servers=(HOST,))
    registry = build(settings, HandClock(), Lines(), statements.append)
    await registry.lifespan.open()
    created = await registry.services.accounts.create_administrator("acrux")
    assert created is not None
    assert created.passwords[0].value is not None
    stranger = Caller(registry, created.username, created.passwords[0].value.reveal())
    admin = await stranger.login("repository:*:*", "registry:catalog:*")
    for tag in ("v1", "v2"):
        await admin.push("hello", tag, APP)
    await admin.push("hello", "signature", SIGNATURE)
    yield Counting(admin, statements)
    await registry.lifespan.close()


async def test_a_probe_asks_for_one_name(counting: Counting) -> None:
    """Anybody may probe, and somebody may have made a million repositories without an image."""
    before = len(counting.statements)

    assert (await counting.caller.call("GET", "/readyz")).status == 200

    [statement] = counting.statements[before:]
    asked = statement.parameters
    assert (asked["first"], asked["end"]) == ("readyz", "readyz ")  # the next name in order


@pytest.mark.parametrize(("method", "path", "query", "expected"), READS)
async def test_a_read_takes_no_more_lookups_than_promised(
    counting: Counting, method: str, path: str, query: dict[str, Any], expected: int
) -> None:
    """One more would slow down every pull of every layer, on the one thread that serves all."""
    answer, statements = await counting.count(method, path, query=query)

    assert answer.status == 200, answer.body
    assert len(statements) == expected, statements


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
async def test_a_push_that_asks_what_is_there_writes_once(counting: Counting, kind: str) -> None:
    """A push checks each layer: it would wait for one sync each, every time."""
    path = f"/v2/hello/{kind}/{APP.digest if kind == 'manifests' else LAYER}"
    _, first = await counting.count("HEAD", path)
    _, again = await counting.count("HEAD", path)

    assert (first.count("COMMIT"), again.count("COMMIT")) == (1, 0)
    assert len(again) <= 2, again


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
async def test_a_pull_that_asks_what_is_there_writes_nothing(counting: Counting, kind: str) -> None:
    """Pulls are most of the load, and a read-only replica could not answer them."""
    puller = Counting(await counting.caller.login("repository:hello:pull"), counting.statements)
    path = f"/v2/hello/{kind}/{APP.digest if kind == 'manifests' else LAYER}"
    answer, statements = await puller.count("HEAD", path)

    assert answer.status == 200
    assert len(statements) == 1, statements


async def test_a_token_takes_one_lookup_and_writes_nothing(counting: Counting) -> None:
    """docker requests a token before each pull: a request must not change the state."""
    answer, statements = await counting.count(
        "GET",
        "/oauth2/token",
        query={"service": HOST, "scope": "repository:hello:pull"},
        headers={"Authorization": counting.caller.basic},
    )

    assert answer.status == 200, answer.body
    assert len(statements) == 1, statements


async def test_a_request_without_credentials_reaches_no_database(counting: Counting) -> None:
    """Otherwise a flood of strangers would slow down legitimate users."""
    for path in ("/v2/", "/v2/hello/manifests/v1", "/acr/v1/hello"):
        answer, statements = await counting.count(
            "GET", path, headers={"Authorization": "Bearer a.b.c"}
        )

        assert (answer.status, statements) == (401, [])


@pytest.mark.parametrize("reference", ["v1", str(APP.digest)])
async def test_a_push_of_existing_content_is_one_transaction(
    counting: Counting, reference: str
) -> None:
    """A push would be visible in part, or be synced to the disk several times."""
    answer, statements = await counting.count(
        "PUT",
        f"/v2/hello/manifests/{reference}",
        headers={"Content-Type": APP.media_type},
        body=APP.manifest,
    )

    assert answer.status == 201, answer.body
    assert [text for text in statements if text.startswith(("BEGIN", "COMMIT"))] == [
        "BEGIN IMMEDIATE",
        "COMMIT",
    ]
    assert len(statements) <= 18, statements


async def test_a_blob_pushed_in_three_requests_is_one_transaction(counting: Counting) -> None:
    """Every push of every layer would wait for one more sync."""
    content = b"pushed in three"
    post, begun = await counting.count("POST", "/v2/hello/blobs/uploads/")
    path, _, query = (post.header("Location") or "").partition("?")
    state = {"_state": query.removeprefix("_state=")}
    patch, appended = await counting.count("PATCH", path, query=state, body=content)
    put, finished = await counting.count(
        "PUT", path, query={**state, "digest": str(Digest.of(content))}
    )

    assert (post.status, patch.status, put.status) == (202, 202, 201)
    steps = (begun, appended, finished)
    assert [statements.count("COMMIT") for statements in steps] == [0, 0, 1]
    # The statement of a chunk asks which logins were revoked meanwhile.
    for statements, most in zip(steps, (2, 1, 12), strict=True):
        assert len(statements) <= most, statements
