"""Locations: paths by default, and URLs by setting."""

from dataclasses import replace

import pytest

from acrux.domain.content.digest import Digest
from acrux.settings import Settings
from tests.http.caller import HOST, Caller
from tests.images import image

APP = image(b"layer")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings for clients that cannot resolve a path."""
    return replace(settings, absolute_locations=True)


@pytest.mark.parametrize(
    ("scheme", "host", "shown"),
    [("http", HOST, HOST), ("https", HOST, HOST), ("http", "evil.test", HOST)],
)
async def test_every_location_of_a_push_is_a_url(
    admin: Caller, scheme: str, host: str, shown: str
) -> None:
    """ollama takes the location for a URL as it is, and fails at a path."""
    locations = []
    blob = b"a blob"
    headers = {"Host": host}
    path = "/v2/app/blobs/uploads/"
    for method, query, body in (
        ("POST", "", b""),
        ("PATCH", "", blob),
        ("GET", "", b""),
        ("PUT", f"&digest={Digest.of(blob)}", b""),
    ):
        answer = await admin.call(method, path + query, headers=headers, body=body, scheme=scheme)
        assert answer.status < 300, answer.body
        location = answer.header("Location") or ""
        locations.append(location)
        path = location.removeprefix(f"{scheme}://{shown}")
    await admin.push("app", "v1", APP)
    put = await admin.put_manifest("app", "v1", APP.manifest, APP.media_type)

    assert all(location.startswith(f"{scheme}://{shown}/v2/app/") for location in locations)
    assert put.header("Location") == f"http://{HOST}/v2/app/manifests/{APP.digest}"
