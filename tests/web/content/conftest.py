"""A registry with something to look at."""

import random
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.images import Image
from tests.running import RunningRegistry, running
from tests.web.content.artifacts import (
    CYCLONEDX,
    HELM,
    IN_TOTO,
    LINUX,
    PROVENANCE_V1,
    SPDX,
    artifact,
    cyclonedx,
    image,
    index,
    referrer,
    spdx,
    statement,
)
from tests.wire.connection import Connection

NOTARY = "application/vnd.cncf.notary.signature"
PACKAGES = [(f"lib{number}", f"1.{number}") for number in range(40)]
CHART = {
    "name": "app", "version": "1.2.0", "appVersion": "3", "description": "An app",
    "maintainers": [{"name": "Ada", "email": "ada@example.test"}],
    "dependencies": [{"name": "redis", "version": "7.x", "repository": "oci://x.test/charts"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry with images, what refers to them, and a chart."""
    with running(tmp_path_factory.mktemp("web") / "data", "--workers", "1") as registry:
        connection = Connection(registry.port)
        with closing(connection):
            connection.login("acrux", registry.password)
            _fill(connection)
        yield registry


def _fill(connection: Connection) -> None:
    drawn = random.Random(7)
    base, small, old, new = map(drawn.randbytes, (3_000_000, 20_000, 900_000, 950_000))
    notes = {"org.opencontainers.image.source": "https://git.example/app", "odd": "\u202egnp.exe"}
    first = artifact(_config(), base, small, old, annotations=notes)
    second = artifact(_config(Cmd=["--port", "81"]), base, small, new, annotations=notes)
    arm = image(b"arm", new, architecture="arm64")
    both = index(
        (second, {"os": "linux", "architecture": "amd64"}, {}),
        (arm, {"os": "linux", "architecture": "arm64", "variant": "v8"}, {}),
    )
    bill = referrer(second, CYCLONEDX, cyclonedx(*PACKAGES[:38], ("openssl", "3.0.2")))
    built = statement("https://slsa.dev/provenance/v1", PROVENANCE_V1, second)
    for tag, one in {
        "1.0.0": first, "1.1.0": second, "arm": arm, "latest": both, "sbom": bill,
        "provenance": referrer(second, IN_TOTO, built),
        "signature": referrer(bill, NOTARY, b"signature"),
        "sbom-of-first": referrer(first, SPDX, spdx(*PACKAGES)),
    }.items():  # fmt: skip
        connection.push_image(one, tag, "team/app")
    connection.push_image(artifact(CHART, b"chart", config_type=HELM), "1.2.0", "charts/app")
    throwaway: Image = image(b"to be deleted")
    for name in ("hello", "tools/lint", "tools/build/go"):
        connection.push_image(throwaway, "v1", name)


def _config(**changes: object) -> dict[str, object]:
    steps = [
        "/bin/sh -c #(nop) ADD file:8d8f in /",
        "RUN /bin/sh -c apt-get update && apt-get install -y --no-install-recommends # buildkit",
        "COPY app /bin/app # buildkit",
    ]
    history = [{"created": "2026-11-20T08:00:00Z", "created_by": step} for step in steps]
    return {**LINUX, "config": {**LINUX["config"], **changes}, "history": history}
