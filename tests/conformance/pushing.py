"""Every way to push a blob, and what the official program checks for each."""

import hashlib
from collections.abc import Callable

from acrux.domain.content.digest import Digest
from tests.conformance.program import Program, with_query
from tests.http.caller import Answer

OCTETS = "application/octet-stream"
MIN_CHUNK_BYTES = 1024
THREE_CHUNKS = 3 * MIN_CHUNK_BYTES - 5

Way = Callable[[Program, str, bytes, str], Answer]


def some_bytes(label: str, size: int) -> bytes:
    """This many bytes, different for each label and the same on every run."""
    return hashlib.shake_256(label.encode()).digest(size)


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """The digest of the content, as text."""
    return str(Digest.of(content, algorithm))


def start(program: Program, repository: str) -> str:
    """Start an upload and return its location (end-4a)."""
    answer = program.call("POST", f"/v2/{repository}/blobs/uploads/")
    assert answer.status == 202, answer.body
    return location_of(answer, repository)


def location_of(answer: Answer, repository: str) -> str:
    """The location of an upload: it must name the repository, or the program cannot continue."""
    location = answer.header("Location") or ""
    assert location.startswith(f"/v2/{repository}/blobs/uploads/"), location
    return location


def post_only(program: Program, repository: str, content: bytes, digest: str) -> Answer:
    """The whole blob in one POST (end-4b)."""
    url = with_query(f"/v2/{repository}/blobs/uploads/", digest=digest)
    return program.call("POST", url, content, Content_Type=OCTETS)


def post_and_put(program: Program, repository: str, content: bytes, digest: str) -> Answer:
    """POST, then the whole blob in a PUT (end-4a, end-6)."""
    location = start(program, repository)
    return program.call("PUT", with_query(location, digest=digest), content, Content_Type=OCTETS)


def streamed(program: Program, repository: str, content: bytes, digest: str) -> Answer:
    """One PATCH without Content-Range and without a length, then PUT (end-5)."""
    parts = [content[:100], content[100:]]
    answer = program.call("PATCH", start(program, repository), parts, Content_Type=OCTETS)
    assert answer.status == 202, answer.body
    return close(program, location_of(answer, repository), digest)


def close(program: Program, location: str, digest: str) -> Answer:
    """PUT without a body: turn the upload into a blob (end-6)."""
    return program.call("PUT", with_query(location, digest=digest), Content_Type=OCTETS)


def chunked(program: Program, repository: str, content: bytes, digest: str) -> Answer:
    """PATCH each chunk, then PUT."""
    location = start(program, repository)
    for first, chunk in chunks(content):
        location = patch(program, repository, location, first, chunk)
    return close(program, location, digest)


def chunked_and_put(program: Program, repository: str, content: bytes, digest: str) -> Answer:
    """Like `chunked`, with the last chunk in the PUT."""
    location = start(program, repository)
    *before, (last_first, last) = chunks(content)
    for first, chunk in before:
        location = patch(program, repository, location, first, chunk)
    return send_chunk(program, "PUT", with_query(location, digest=digest), last_first, last)


def chunks(content: bytes) -> list[tuple[int, bytes]]:
    """The chunks, each with the offset of its first byte; three if the content is long enough."""
    size = max(len(content) // 3 + 1, MIN_CHUNK_BYTES)
    return [(first, content[first : first + size]) for first in range(0, len(content), size)]


def patch(program: Program, repository: str, location: str, first: int, chunk: bytes) -> str:
    """Send the next chunk and return the next location (end-5)."""
    answer = send_chunk(program, "PATCH", location, first, chunk)
    assert answer.status == 202, answer.body
    assert answer.header("Range") == f"0-{first + len(chunk) - 1}"
    return location_of(answer, repository)


def send_chunk(program: Program, method: str, url: str, first: int, chunk: bytes) -> Answer:
    """Send a chunk that claims to begin at `first`."""
    content_range = f"{first}-{first + len(chunk) - 1}"
    return program.call(method, url, chunk, Content_Type=OCTETS, Content_Range=content_range)


WAYS: dict[str, Way] = {
    "post only": post_only,
    "post and put": post_and_put,
    "streamed": streamed,
    "chunked": chunked,
    "chunked and put": chunked_and_put,
}


def push_blob(program: Program, repository: str, content: bytes, algorithm: str = "sha256") -> str:
    """Push a blob in one request, and return its digest."""
    digest = digest_of(content, algorithm)
    check_pushed(program, post_only(program, repository, content, digest), content, digest)
    return digest


def check_pushed(program: Program, answer: Answer, content: bytes, digest: str) -> None:
    """Check the 201, the digest, and that the Location returns the same bytes."""
    assert answer.status == 201, answer.body
    assert answer.header("Docker-Content-Digest") == digest
    location = answer.header("Location")
    assert location
    fetched = program.call("GET", location)
    assert (fetched.status, fetched.body) == (200, content)


def check_blob(program: Program, repository: str, content: bytes, digest: str) -> None:
    """Check that HEAD and GET return the blob with its length and digest (end-2)."""
    for method, body in (("HEAD", b""), ("GET", content)):
        answer = program.call(method, f"/v2/{repository}/blobs/{digest}")
        assert (answer.status, answer.body) == (200, body)
        assert answer.header("Content-Length") == str(len(content))
        assert answer.header("Docker-Content-Digest") == digest


def delete_blob(program: Program, repository: str, digest: str) -> None:
    """Delete the blob; it is gone at once (end-10)."""
    deleted = program.call("DELETE", f"/v2/{repository}/blobs/{digest}")
    assert deleted.status == 202, deleted.body
    assert program.call("HEAD", f"/v2/{repository}/blobs/{digest}").status == 404
