"""The endpoints one by one: what each answers, and whom it challenges."""

import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from acrux.domain.content.media_types import OCI_MANIFEST
from tests.conformance import manifest_steps, pushing
from tests.conformance.content import Data
from tests.conformance.program import MANIFESTS, Program, with_query
from tests.http.caller import Answer, basic
from tests.running import RunningRegistry
from tests.wire.connection import Connection

pytestmark = pytest.mark.xdist_group("conformance")

BLOB = b"a blob of the checklist"
BLOB_DIGEST = pushing.digest_of(BLOB)
NOWHERE = "sha256:" + 64 * "0"
NO_UPLOAD = "00000000-0000-4000-8000-000000000000"


def prepared(program: Program, repository: str) -> Data:
    """A repository with an image, tagged v1, and a blob."""
    data = Data(repository)
    data.image("v1")
    manifest_steps.push(program, repository, data)
    pushing.push_blob(program, repository, BLOB)
    return data


def upload(program: Program, repository: str) -> str:
    """An upload that already holds the blob."""
    location = pushing.start(program, repository)
    return pushing.patch(program, repository, location, 0, BLOB)


Call = Callable[[Program, str], Answer]


def calling(method: str, path: str, body: bytes = b"", **headers: str) -> Call:
    """A call of a path of the repository."""

    def call(program: Program, repository: str) -> Answer:
        return program.call(method, f"/v2/{repository}{path}", body, **headers)

    return call


def on_upload(method: str, body: bytes = b"", digest: str = "", **headers: str) -> Call:
    """A call of an upload that is under way."""

    def call(program: Program, repository: str) -> Answer:
        location = upload(program, repository)
        url = with_query(location, digest=digest) if digest else location
        return program.call(method, url, body, **headers)

    return call


UPLOADS = "/blobs/uploads/"
TYPE = {"Content_Type": OCI_MANIFEST}

# token-auth-and-oci.md §4.1: the endpoint, a call of it, and the expected answers.
ENDPOINTS: list[tuple[str, Call, int]] = [
    ("end-1", lambda program, _: program.call("GET", "/v2/"), 200),
    ("end-2", calling("GET", f"/blobs/{BLOB_DIGEST}"), 200),
    ("end-2", calling("HEAD", f"/blobs/{BLOB_DIGEST}"), 200),
    ("end-2", calling("GET", f"/blobs/{NOWHERE}"), 404),
    ("end-2", calling("HEAD", f"/blobs/{NOWHERE}"), 404),
    ("end-3", calling("GET", "/manifests/v1", Accept=MANIFESTS), 200),
    ("end-3", calling("HEAD", "/manifests/v1", Accept=MANIFESTS), 200),
    ("end-3", calling("GET", "/manifests/v2", Accept=MANIFESTS), 404),
    ("end-3", calling("HEAD", "/manifests/v2", Accept=MANIFESTS), 404),
    ("end-4a", calling("POST", UPLOADS), 202),
    ("end-4b", calling("POST", f"{UPLOADS}?digest={BLOB_DIGEST}", BLOB), 201),
    ("end-4b", calling("POST", f"{UPLOADS}?digest={NOWHERE}", BLOB), 400),
    ("end-4c", calling("POST", f"{UPLOADS}?digest-algorithm=sha512"), 202),
    ("end-4c", calling("POST", f"{UPLOADS}?digest-algorithm=md5"), 400),
    ("end-5", on_upload("PATCH", b"more"), 202),
    ("end-5", on_upload("PATCH", b"more", Content_Range="99-102"), 416),
    ("end-5", calling("PATCH", f"{UPLOADS}{NO_UPLOAD}", b"more"), 404),
    ("end-6", on_upload("PUT", digest=BLOB_DIGEST), 201),
    ("end-6", on_upload("PUT", digest=NOWHERE), 400),
    ("end-6", on_upload("PUT"), 400),
    ("end-6", on_upload("PUT", b"more", BLOB_DIGEST, Content_Range="99-102"), 416),
    ("end-6", calling("PUT", f"{UPLOADS}{NO_UPLOAD}?digest={BLOB_DIGEST}"), 404),
    ("end-7a", calling("PUT", "/manifests/v2", b"no manifest", **TYPE), 400),
    ("end-7a", calling("PUT", "/manifests/v2", b" " * (4 * 1024 * 1024 + 1), **TYPE), 413),
    ("end-8a", calling("GET", "/tags/list"), 200),
    ("end-8a", calling("GET", "/nobody/tags/list"), 404),
    ("end-8b", calling("GET", "/tags/list?n=1&last=v0"), 200),
    ("end-9", calling("DELETE", "/manifests/v1"), 202),
    ("end-9", calling("DELETE", "/manifests/v2"), 404),
    ("end-9", calling("DELETE", f"/manifests/{NOWHERE}"), 404),
    ("end-10", calling("DELETE", f"/blobs/{BLOB_DIGEST}"), 202),
    ("end-10", calling("DELETE", f"/blobs/{NOWHERE}"), 404),
    ("end-11", calling("POST", f"/second{UPLOADS}?mount={BLOB_DIGEST}"), 201),
    ("end-11", calling("POST", f"/second{UPLOADS}?mount={NOWHERE}"), 202),
    ("end-12a", calling("GET", f"/referrers/{NOWHERE}"), 200),
    ("end-12a", calling("GET", "/referrers/sha256:short"), 400),
    ("end-12b", calling("GET", f"/referrers/{NOWHERE}?artifactType=a/b"), 200),
    ("end-13", on_upload("GET"), 204),
    ("end-13", calling("GET", f"{UPLOADS}{NO_UPLOAD}"), 404),
    ("end-14", on_upload("DELETE"), 204),
    ("end-14", calling("DELETE", f"{UPLOADS}{NO_UPLOAD}"), 404),
]


@pytest.mark.parametrize(
    ("call", "status"),
    [pytest.param(call, status, id=f"{number} {status}") for number, call, status in ENDPOINTS],
)
def test_each_end_point_answers_as_the_specification_says(
    program: Program, repository: str, call: Call, status: int
) -> None:
    """A client written against the specification alone must work."""
    prepared(program, repository)

    answer = call(program, repository)

    assert answer.status == status, answer.body
    if status >= 400 and answer.body:
        assert answer.code.isupper()
        assert all(error["message"] for error in answer.json["errors"])


def test_a_manifest_is_put_by_tag_by_digest_and_with_tags_in_the_query(
    program: Program, repository: str
) -> None:
    """Clients use each of these ways (end-7a, end-7b)."""
    data = prepared(program, repository)
    ((digest, content),) = data.manifests.items()

    by_tag = manifest_steps.put_content(program, repository, "v2", content)
    by_digest = manifest_steps.put_content(program, repository, digest, content)
    with_tags = manifest_steps.put_content(program, repository, digest, content, ["v3", "v4"])

    assert [answer.status for answer in (by_tag, by_digest, with_tags)] == [201, 201, 201]
    assert manifest_steps.tags(program, repository) == ["v1", "v2", "v3", "v4"]


def test_a_fresh_repository_has_no_tags_and_no_referrers(program: Program, repository: str) -> None:
    """The program asks before it pushes anything."""
    assert program.call("GET", f"/v2/{repository}/tags/list").status == 404
    assert manifest_steps.referrers(program, repository, NOWHERE).json["manifests"] == []


@pytest.mark.parametrize(
    "name", ["UPPER", "a//b", "-a", "a-", "a..b", "a___b", "a/", "a b", "ä", "a" * 256, "a/../b"]
)
def test_a_name_outside_the_grammar_is_refused(registry: RunningRegistry, name: str) -> None:
    """Two spellings of one name would have two sets of permissions."""
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)

    reply = connection.call("POST", f"/v2/{quote(name)}/blobs/uploads/")

    connection.close()
    assert reply.status in (400, 404)
    assert json.loads(reply.body)["errors"]


@pytest.mark.parametrize("tag", ["-a", ".a", "a" * 129, "a%20b", "%C3%A4", "a%2Fb"])
def test_a_tag_outside_the_grammar_is_refused(program: Program, repository: str, tag: str) -> None:
    """A tag that some clients cannot pull must not be pushed."""
    data = prepared(program, repository)
    ((_, content),) = data.manifests.items()

    assert manifest_steps.put_content(program, repository, tag, content).status in (400, 404)
    assert manifest_steps.tags(program, repository) == ["v1"]


def test_a_cached_token_is_enough_for_all_that_the_program_does(
    program: Program, repository: str
) -> None:
    """The program requests one token for each repository and kind of method, and no other."""
    prepared(program, repository)
    first = list(program.tokens_asked)

    prepared(program, repository)

    assert program.tokens_asked == first
    assert len(set(first)) == len(first)


def test_the_program_works_without_caching_tokens_too(
    registry: RunningRegistry, repository: str
) -> None:
    """Then every request is challenged, with and without a body (OCI_CACHE_AUTH=false)."""
    program = Program(registry, cache=False)

    data = prepared(program, repository)
    manifest_steps.pull(program, repository, data)

    program.close()


def test_nobody_is_refused_with_403(registry: RunningRegistry, repository: str) -> None:
    """The program never retries after a 403, although more scope could have helped."""
    connection = Connection(registry.port)
    credential = basic("acrux", registry.password)
    url = f"/oauth2/token?service={registry.host}&scope=repository:{repository}:pull"
    token = json.loads(connection.call("GET", url, Authorization=credential).body)
    bearer = f"Bearer {token['access_token']}"

    reply = connection.call("POST", f"/v2/{repository}/blobs/uploads/", Authorization=bearer)

    connection.close()
    assert reply.status == 401
    assert f'scope="repository:{repository}:pull,push"' in reply.header("WWW-Authenticate")
    assert 'error="insufficient_scope"' in reply.header("WWW-Authenticate")


def test_an_empty_credential_is_anonymous(registry: RunningRegistry) -> None:
    """Without a password, the program sends `Og==`; this must not count as a wrong one."""
    connection = Connection(registry.port)
    empty, wrong = basic("", ""), basic("acrux", "wrong")

    replies = [
        connection.call("GET", "/v2/", Authorization=credential) for credential in (empty, wrong)
    ]

    connection.close()
    assert [reply.status for reply in replies] == [401, 401]
    nobody, somebody = (json.loads(reply.body)["errors"][0]["message"] for reply in replies)
    assert nobody == "authentication required"
    assert somebody.startswith("the user name or the password is wrong")
