"""Multipart uploads of processes that were killed do not stay in the bucket for ever."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import uvloop

from acrux.adapters.objects import keys, multipart, multipart_sweep
from acrux.adapters.objects.bucket import PART_BYTES
from acrux.adapters.objects.location import Location
from acrux.adapters.objects.multipart import MultipartUploads
from acrux.errors import StorageUnavailable
from tests.contracts.object_stores import ObjectBlobStores

DAY = timedelta(days=1)

# Sends one part, and waits to be killed.
SENDER = """
import sys, time, obstore
from obstore.store import S3Store as Store
bucket, prefix, key, size = sys.argv[1:]
writer = obstore.open_writer(Store(bucket, prefix=prefix), key, buffer_size=int(size))
writer.write(bytes(2 * int(size)))
print("sent", flush=True)
time.sleep(600)
"""


@pytest.fixture
def stores(on_objects: Callable[[str], ObjectBlobStores]) -> ObjectBlobStores:
    """A prefix on a server that says truly when an upload began, which moto does not."""
    return on_objects("versitygw")


def killed(bucket: str, prefix: str, key: str) -> None:
    """A process that is killed while it sends this object."""
    process = subprocess.Popen(
        [sys.executable, "-c", SENDER, bucket, prefix, key, str(PART_BYTES)],
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"sent\n"
        process.kill()


def sweep(location: Location, after: timedelta) -> int:
    """Abort strays when so much time has passed, in the event loop that workers have."""
    uploads = MultipartUploads(location, os.environ, lambda: datetime.now(UTC) + after)
    return uvloop.run(uploads.abort_strays())


def test_those_of_killed_processes_are_aborted_when_they_are_old(stores: ObjectBlobStores) -> None:
    """Nobody sees such parts, and every one is paid for, for ever."""
    others = stores.unfinished()
    for key in (keys.of_segment(keys.new_segment()), "blobs/sha256/ab/abcd"):
        killed(stores.name, stores.location.prefix, key)
    left = stores.unfinished() - others
    assert len(left) == 2

    assert sweep(stores.location, 7 * DAY) == 0
    assert stores.unfinished() - others == left
    assert sweep(stores.location, 9 * DAY) == 2
    assert stores.unfinished() == others
    assert sweep(stores.location, 9 * DAY) == 0


def test_those_of_other_programs_are_left_alone(stores: ObjectBlobStores) -> None:
    """Several programs may share a bucket, and even a prefix."""
    stores.server.make("shared")
    for prefix, key in (("registry", "elsewhere/file"), ("another", "uploads/file")):
        killed("shared", prefix, key)

    assert sweep(Location("s3", "shared", "registry"), 9 * DAY) == 0
    assert len(stores.server.unfinished("shared")) == 2


async def test_what_the_store_refuses_is_said_without_an_address(
    stores: ObjectBlobStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator has to give a right, or to set a rule in the bucket."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    uploads = MultipartUploads(stores.location, os.environ, lambda: datetime.now(UTC))

    with pytest.raises(StorageUnavailable, match=r"stay in the bucket: .*credentials are wrong"):
        await uploads.abort_strays()


async def test_a_store_that_is_away_is_said_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log says so, and the next hour tries again."""
    place = Location("s3", "bucket", "")
    variables = {**os.environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "here"}
    uploads = MultipartUploads(
        place,
        {**variables, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"},
        lambda: datetime.now(UTC),
    )
    with pytest.raises(StorageUnavailable, match="cannot be reached"):
        await uploads.abort_strays()

    monkeypatch.setattr(multipart, "SECONDS", 0.0)
    with pytest.raises(StorageUnavailable, match="does not answer in time"):
        await uploads.abort_strays()


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({"AWS_REGION": "eu-west-1"}, "https://s3.eu-west-1.amazonaws.com/bucket"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "https://s3.eu-west-1.amazonaws.com/bucket"),
        (
            {"AWS_REGION": "eu-west-1", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true"},
            "https://bucket.s3.eu-west-1.amazonaws.com/",
        ),
        ({"AWS_ENDPOINT": "http://store:9000"}, "http://store:9000/bucket"),
        ({"AWS_ENDPOINT_URL": "http://store:9000"}, "http://store:9000/bucket"),
        (
            {
                "AWS_ENDPOINT_URL": "https://bucket.store.example",
                "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
            },
            "https://bucket.store.example/",
        ),
    ],
)
def test_variables_mean_what_they_mean_for_blobs(
    variables: dict[str, str], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two libraries that read them differently would look at two stores."""
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    client = multipart_sweep.connect(Location("s3", "bucket", ""), variables)

    signed = client.generate_presigned_url("list_multipart_uploads", {"Bucket": "bucket"})

    assert signed.split("?")[0] == address
