"""What arrives on the socket is read as it was meant, or refused."""

import pytest

from tests.images import image
from tests.running import RunningRegistry
from tests.wire.connection import Connection, read_until_closed

APP = image(b"layer")


@pytest.fixture(scope="module")
def pushed(registry: RunningRegistry) -> None:
    """The repository library/hello holds an image."""
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)
    connection.push_image(APP, "v1", "library/hello")
    connection.close()


@pytest.mark.usefixtures("pushed")
@pytest.mark.parametrize(
    "path",
    [
        "/v2/library/hello/manifests/v1",
        "/v2/library%2Fhello/manifests/v1",
        "/v2/library%2fhello/manifests/v1",
        f"/v2/library%2Fhello/manifests/sha256%3A{APP.digest.encoded}",
        f"/v2/library/hello/manifests/sha256:{APP.digest.encoded}",
    ],
)
def test_names_and_digests_may_be_percent_encoded(connection: Connection, path: str) -> None:
    """Azure's SDKs encode both; everyone else encodes neither."""
    reply = connection.call("GET", path)

    assert reply.status == 200
    assert reply.body == APP.manifest


@pytest.mark.parametrize(
    "path",
    [
        "/v2/%ff/manifests/v1",
        "/v2/a%00b/manifests/v1",
        "/v2/..%2f..%2fetc/manifests/v1",
        "/v2/%2e%2e/manifests/v1",
        "/v2/a%252Fb/manifests/v1",
        "/v2/a/blobs/..%2f..%2fregistry.sqlite",
        "/v2/a/blobs/uploads/..%2f..%2fsecrets",
        "/v2/a/manifests/%0d%0aX:y",
        "/v2/a/tags/list?n=%0d%0a",
        "/v2/" + "a" * 5000 + "/tags/list",
        "//v2/a/tags/list",
        "/%76%32/%zz",
        "http://other.test/v2/",
        "*",
    ],
)
def test_a_path_outside_the_grammar_is_refused_and_never_a_failure(
    connection: Connection, path: str
) -> None:
    """None of these may become a path on disk, a header, or a 500."""
    raw = connection.raw()
    raw.sendall(connection.head("GET", path, Connection="close"))

    status = int(read_until_closed(raw).split()[1])

    raw.close()
    assert 400 <= status < 500 or (status == 200 and path == "http://other.test/v2/")


def test_a_head_that_is_too_long_is_refused(connection: Connection) -> None:
    """Headers must not fill the memory."""
    raw = connection.raw()
    raw.sendall(connection.head("GET", "/v2/", X_Long="a" * 1_000_000))

    status = int(read_until_closed(raw).split()[1])

    raw.close()
    assert status == 431
