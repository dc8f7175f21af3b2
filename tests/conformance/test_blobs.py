"""Blobs by sha256 and by sha512, as the official program requests them."""

import pytest

from tests.conformance import pushing
from tests.conformance.program import Program, with_query
from tests.conformance.pushing import WAYS, digest_of, some_bytes

pytestmark = pytest.mark.xdist_group("conformance")

each_algorithm = pytest.mark.parametrize("algorithm", ["sha256", "sha512"])


@each_algorithm
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_blob_that_was_never_pushed_is_404(
    program: Program, repository: str, method: str, algorithm: str
) -> None:
    """A client asks first, and pushes what is missing."""
    digest = digest_of(some_bytes(repository, 512), algorithm)

    answer = program.call(method, f"/v2/{repository}/blobs/{digest}")

    assert answer.status == 404
    assert method == "HEAD" or answer.code == "BLOB_UNKNOWN"


@each_algorithm
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [512, pushing.THREE_CHUNKS])
def test_a_blob_is_pushed_pulled_and_deleted(
    program: Program, repository: str, size: int, way: str, algorithm: str
) -> None:
    """Each client pushes in its own way, and each way must produce the same bytes."""
    content = some_bytes(repository, size)
    digest = digest_of(content, algorithm)

    pushed = WAYS[way](program, repository, content, digest)

    pushing.check_pushed(program, pushed, content, digest)
    pushing.check_blob(program, repository, content, digest)
    pushing.delete_blob(program, repository, digest)


@each_algorithm
@pytest.mark.parametrize("last_in_put", [False, True])
def test_a_chunk_out_of_order_is_416_and_the_upload_goes_on(
    program: Program, repository: str, algorithm: str, last_in_put: bool
) -> None:
    """A client that lost an answer asks for the offset, and need not start again."""
    content = some_bytes(repository, pushing.THREE_CHUNKS)
    digest = digest_of(content, algorithm)
    due = pushing.chunks(content)
    location = pushing.start(program, repository)
    for number, (first, chunk) in enumerate(due):
        # One chunk too far; the program sends the first chunk again if there is no further one.
        wrong_first, wrong = due[number + 1] if number + 1 < len(due) else due[0]
        is_last = last_in_put and wrong_first == due[-1][0]
        method, url = (
            ("PUT", with_query(location, digest=digest)) if is_last else ("PATCH", location)
        )
        refused = pushing.send_chunk(program, method, url, wrong_first, wrong)
        status = program.call("GET", url)

        assert refused.status == 416
        assert refused.code
        assert (status.status, status.body) == (204, b"")
        assert status.header("Range") == f"0-{max(first - 1, 0)}"
        location = pushing.location_of(status, repository)
        if not (last_in_put and number == len(due) - 1):
            location = pushing.patch(program, repository, location, first, chunk)

    if last_in_put:
        url = with_query(location, digest=digest)
        pushed = pushing.send_chunk(program, "PUT", url, *due[-1])
    else:
        pushed = pushing.close(program, location, digest)
    pushing.check_pushed(program, pushed, content, digest)


@each_algorithm
def test_a_blob_is_mounted_from_another_repository(
    program: Program, repository: str, second_repository: str, algorithm: str
) -> None:
    """Layers that the registry has are not sent again, whichever token the client cached."""
    content = some_bytes(repository, 512)
    pushing.push_blob(program, repository, b"so that a token to push is kept")
    digest = pushing.push_blob(program, second_repository, content, algorithm)

    mounted = program.call(
        "POST",
        with_query(f"/v2/{repository}/blobs/uploads/", mount=digest, **{"from": second_repository}),
    )

    pushing.check_pushed(program, mounted, content, digest)
    pushing.check_blob(program, repository, content, digest)
    pushing.delete_blob(program, repository, digest)
    pushing.check_blob(program, second_repository, content, digest)
    pushing.delete_blob(program, second_repository, digest)


@each_algorithm
def test_a_blob_is_mounted_from_any_repository_that_has_it(
    program: Program, repository: str, second_repository: str, algorithm: str
) -> None:
    """`from` may be absent: the registry knows best which repository has the blob (end-11)."""
    content = some_bytes(repository, 512)
    pushing.push_blob(program, repository, b"so that a token to push is kept")
    digest = pushing.push_blob(program, second_repository, content, algorithm)

    mounted = program.call("POST", with_query(f"/v2/{repository}/blobs/uploads/", mount=digest))

    pushing.check_pushed(program, mounted, content, digest)
    pushing.check_blob(program, repository, content, digest)


@each_algorithm
@pytest.mark.parametrize("named", [False, True])
def test_a_mount_of_a_missing_blob_is_an_upload(
    program: Program, repository: str, second_repository: str, algorithm: str, named: bool
) -> None:
    """The client continues with the upload, without another round trip."""
    content = some_bytes(repository, 512)
    digest = digest_of(content, algorithm)
    source = {"from": second_repository} if named else {}

    answer = program.call(
        "POST", with_query(f"/v2/{repository}/blobs/uploads/", mount=digest, **source)
    )
    location = pushing.location_of(answer, repository)
    pushed = program.call("PUT", with_query(location, digest=digest), content)

    assert answer.status == 202
    pushing.check_pushed(program, pushed, content, digest)


@each_algorithm
def test_an_upload_is_cancelled(program: Program, repository: str, algorithm: str) -> None:
    """An abandoned upload need not take up space (end-14)."""
    location = pushing.start(program, repository)
    location = pushing.patch(program, repository, location, 0, b"the beginning")

    cancelled = program.call("DELETE", location)

    assert (cancelled.status, cancelled.body) == (204, b"")
    assert program.call("GET", location).status == 404
    assert program.call("DELETE", location).status == 404
    digest = digest_of(b"the beginning", algorithm)
    assert pushing.close(program, location, digest).code == "BLOB_UPLOAD_UNKNOWN"


RANGES = {
    "bytes=500-1499": (500, 1500),
    "bytes=500-": (500, 2048),
    "bytes=-500": (1548, 2048),
    "bytes=2000-5000": (2000, 2048),
}


@each_algorithm
@pytest.mark.parametrize("asked", RANGES)
def test_a_part_of_a_blob_is_206(
    program: Program, repository: str, asked: str, algorithm: str
) -> None:
    """An interrupted download resumes where it stopped; the Azure SDK always downloads this way."""
    content = some_bytes(repository, 2048)
    digest = pushing.push_blob(program, repository, content, algorithm)
    first, stop = RANGES[asked]

    answer = program.call("GET", f"/v2/{repository}/blobs/{digest}", Range=asked)

    assert (answer.status, answer.body) == (206, content[first:stop])
    assert answer.header("Content-Length") == str(stop - first)
    assert answer.header("Content-Range") == f"bytes {first}-{stop - 1}/2048"


@each_algorithm
@pytest.mark.parametrize("asked", ["bytes=500-0", "bytes=5000-10000"])
def test_a_part_beyond_the_end_is_416(
    program: Program, repository: str, asked: str, algorithm: str
) -> None:
    """A client that asks beyond the end must not mistake the answer for content."""
    digest = pushing.push_blob(program, repository, some_bytes(repository, 2048), algorithm)

    answer = program.call("GET", f"/v2/{repository}/blobs/{digest}", Range=asked)

    assert answer.status == 416
    assert answer.header("Content-Range") == "bytes */2048"


@each_algorithm
@pytest.mark.parametrize("content", [b"", b"{}"], ids=["empty", "empty JSON"])
@pytest.mark.parametrize("way", ["post only", "post and put", "streamed"])
def test_the_smallest_blobs_are_blobs(
    program: Program, repository: str, way: str, content: bytes, algorithm: str
) -> None:
    """Artifacts use `{}` as their configuration, and some layers are empty."""
    digest = digest_of(content, algorithm)

    pushed = WAYS[way](program, repository, content, digest)

    pushing.check_pushed(program, pushed, content, digest)
    pushing.check_blob(program, repository, content, digest)
    pushing.delete_blob(program, repository, digest)


@each_algorithm
@pytest.mark.parametrize("way", WAYS)
def test_a_blob_that_does_not_match_its_digest_is_400(
    program: Program, repository: str, way: str, algorithm: str
) -> None:
    """The content under a digest must match it, or nothing built on digests can be trusted."""
    content = some_bytes(repository, pushing.THREE_CHUNKS)
    digest = digest_of(content, algorithm)

    refused = WAYS[way](program, repository, content + b"oh no", digest)

    assert (refused.status, refused.code) == (400, "DIGEST_INVALID")
    assert program.call("HEAD", f"/v2/{repository}/blobs/{digest}").status == 404


@each_algorithm
def test_an_upload_can_announce_its_digest(
    program: Program, repository: str, algorithm: str
) -> None:
    """A registry that hashes while it receives must know the algorithm in advance (end-4c)."""
    content = some_bytes(repository, 512)
    digest = digest_of(content, algorithm)
    url = with_query(f"/v2/{repository}/blobs/uploads/", **{"digest-algorithm": algorithm})

    started = program.call("POST", url)
    location = pushing.patch(
        program, repository, pushing.location_of(started, repository), 0, content
    )
    pushed = pushing.close(program, location, digest)

    assert started.status == 202
    pushing.check_pushed(program, pushed, content, digest)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "SHA256", "sha256:", "../sha256", ""])
def test_an_upload_of_an_unknown_algorithm_is_refused_before_it_begins(
    program: Program, repository: str, algorithm: str
) -> None:
    """Better before a gigabyte is sent than after."""
    url = with_query(f"/v2/{repository}/blobs/uploads/", **{"digest-algorithm": algorithm})

    refused = program.call("POST", url)

    assert (refused.status, refused.code) == (400, "DIGEST_INVALID")
