"""Uploaders that take a Location for a URL as it is, such as ollama's."""

import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import pytest

from acrux.domain.content.digest import Digest
from tests.running import running
from tests.wire.connection import MEBIBYTE, Connection

PART_BYTES = MEBIBYTE


def call(method: str, url: str, authorization: str, body: bytes = b"", **headers: str) -> str:
    """Send a request to the URL, which is resolved against nothing; return the Location."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(  # noqa: S310 -- the registry that the test started
        url, body, {"Authorization": authorization, **named}, method=method
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 -- the same
        return str(answer.headers["Location"])


def upload(url: str, authorization: str, content: bytes) -> None:
    """Upload a blob as ollama 0.4.7 does: in parts by Content-Range, then an empty PUT."""
    location = call("POST", url, authorization)
    for offset in range(0, len(content), PART_BYTES):
        part = content[offset : offset + PART_BYTES]
        location = call(
            "PATCH", location, authorization, part, Content_Type="application/octet-stream",
            Content_Range=f"{offset}-{offset + len(part) - 1}", X_Redirect_Uploads="1",
        )  # fmt: skip
    ending = urlencode({"digest": Digest.of(content), "etag": "d41d8cd98f00b204e9800998ecf8427e-3"})
    call("PUT", f"{location}&{ending}", authorization, Content_Type="application/octet-stream")


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, 2 * PART_BYTES + 5])
def test_a_blob_is_pushed_in_parts_by_an_uploader_that_resolves_no_path(
    tmp_path: Path, size: int
) -> None:
    """With --absolute-locations every Location on the way is a whole URL."""
    content = bytes(size)
    with running(tmp_path / "data", "--absolute-locations") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        authorization = connection.authorization["Authorization"]

        upload(f"{registry.url}/v2/models/app/blobs/uploads/", authorization, content)

        path = f"/v2/models/app/blobs/{Digest.of(content)}"
        assert connection.call("GET", path).body == content
        connection.close()
