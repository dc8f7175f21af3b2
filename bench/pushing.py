"""Pushes as clients make them: uploads in two requests or three, whole images."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, repeat

from bench.content import (
    LAYER,
    LAYERS,
    check,
    digest_of,
    image_manifest,
    push_manifest,
    with_digest,
)
from bench.figures import Sample, percentile
from bench.servers import Server
from bench.wire import Bytes, Connection, UnexpectedAnswer

LAYER_BYTES = 100_000
MARK_BYTES = 32  # at the beginning of each blob, so that no two are alike
OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True)
class Upload:
    """A blob to push, in parts, and its digest."""

    parts: tuple[Bytes, ...]
    digest: str

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return sum(map(len, self.parts))


def new_upload(rest: bytes) -> Upload:
    """A new blob: `rest`, with a random mark in place of its first bytes."""
    parts = (os.urandom(MARK_BYTES), memoryview(rest)[MARK_BYTES:])
    return Upload(parts, digest_of(*parts))


def settle_disk() -> None:
    """Wait until everything that was written is on the disk.

    Otherwise the kernel would write what one server left to it while the next one is measured.
    """
    os.sync()


Push = Callable[[Connection, str, str, Upload], None]


def push_in_two_requests(
    connection: Connection, token: str, repository: str, upload: Upload
) -> None:
    """POST, then PUT with all bytes. Raises UnexpectedAnswer."""
    place = _begin(connection, token, repository)
    _send(connection, "PUT", with_digest(place, upload.digest), token, upload, 201)


def push_in_three_requests(
    connection: Connection, token: str, repository: str, upload: Upload
) -> None:
    """POST, PATCH with all bytes, then PUT, as docker does. Raises UnexpectedAnswer."""
    place = _begin(connection, token, repository)
    place = _send(connection, "PATCH", place, token, upload, 202)
    nothing = Upload((), upload.digest)
    _send(connection, "PUT", with_digest(place, upload.digest), token, nothing, 201)


def time_push(server: Server, repository: str, rest: bytes, push: Push) -> Sample:
    """One push of a new blob, in MB/s."""
    upload, token = new_upload(rest), server.token(repository, "pull", "push")
    settle_disk()
    with Connection(server.port, tls=server.tls) as connection:
        began = time.perf_counter()
        try:
            push(connection, token, repository, upload)
        except (UnexpectedAnswer, OSError):
            return Sample(0, failures=1)
        return Sample(upload.size / 1e6 / (time.perf_counter() - began))


@dataclass(frozen=True)
class Image:
    """The layers of an image and its configuration, and the manifest that names them."""

    blobs: tuple[Upload, ...]
    manifest: bytes


def new_image(rest: bytes) -> Image:
    """A new image: a small configuration, and layers."""
    config = new_upload(rest[:500])
    layers = tuple(new_upload(rest) for _ in range(LAYERS))
    described = [(LAYER, layer.digest, layer.size) for layer in layers]
    return Image((config, *layers), image_manifest((config.digest, config.size), described))


def time_images(
    servers: Sequence[Server], repositories: Sequence[str], clients: int, images_each: int
) -> Sample:
    """Push images by several clients at once: images/s, and milliseconds for each image.

    The clients take the repositories in turn, and the servers, which are nodes of one registry.
    """
    rest = os.urandom(LAYER_BYTES)
    shares = [
        (repositories[number % len(repositories)], [new_image(rest) for _ in range(images_each)])
        for number in range(clients)
    ]
    tokens = {name: servers[0].token(name, "pull", "push") for name in repositories}
    settle_disk()
    with ThreadPoolExecutor(clients) as pool:
        began = time.perf_counter()
        results = list(pool.map(_push_images, cycle(servers), repeat(tokens), shares))
        seconds = time.perf_counter() - began
    times = [taken for result in results for taken in result]
    failures = clients * images_each - len(times)
    if not times:
        return Sample(0, failures=failures)
    return Sample(len(times) / seconds, percentile(times, 50), percentile(times, 99), failures)


def _push_images(
    server: Server, tokens: dict[str, str], share: tuple[str, list[Image]]
) -> list[float]:
    # The milliseconds of each image that was pushed; a client stops at its first failure.
    repository, images = share
    times: list[float] = []
    with Connection(server.port, tls=server.tls) as connection:
        for image in images:
            began = time.perf_counter()
            try:
                _push_image(connection, tokens[repository], repository, image)
            except (UnexpectedAnswer, OSError):
                break
            times.append((time.perf_counter() - began) * 1000)
    return times


def _push_image(connection: Connection, token: str, repository: str, image: Image) -> None:
    bearer = {"Authorization": f"Bearer {token}"}
    for blob in image.blobs:  # clients ask first
        held = connection.ask("HEAD", f"/v2/{repository}/blobs/{blob.digest}", bearer)
        check(held.status, 404)
        push_in_three_requests(connection, token, repository, blob)
    tag = digest_of(image.manifest).removeprefix("sha256:")[:12]
    push_manifest(connection, token, repository, tag, image.manifest)


def _begin(connection: Connection, token: str, repository: str) -> str:
    bearer = {"Authorization": f"Bearer {token}"}
    begun = connection.ask("POST", f"/v2/{repository}/blobs/uploads/", bearer)
    check(begun.status, 202)
    return begun.location


def _send(
    connection: Connection, method: str, place: str, token: str, upload: Upload, expected: int
) -> str:
    headers = {"Authorization": f"Bearer {token}", **OCTETS}
    answer = connection.ask(method, place, headers, *upload.parts)
    check(answer.status, expected)
    return answer.location
