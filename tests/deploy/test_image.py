"""The container image: built, pushed into acrux, pulled and run as production runs it."""

import json
import os
import secrets
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx2
import pytest

from acrux import __version__
from tests.running import ROOT, RunningRegistry, free_port, running
from tests.tools import missing, require_tool

MEGABYTE: Final = 1_000_000
START_SECONDS: Final = 60
URL: Final = "http://127.0.0.1:4318"

# In one process, because each process of a test run would build the images again.
of_one_build = pytest.mark.xdist_group("image")

# A base like Debian's own image, only with Python: what the public default of BASE is elsewhere.
BASE_PACKAGES: Final = "base-files,base-passwd,coreutils,dash,python3,python3-venv"


def run(*command: str) -> str:
    """Run a command that must succeed, and return its output."""
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Store:
    """A store of images of its own."""

    root: Path
    runroot: str

    def buildah(self, *arguments: str) -> str:
        """Run buildah."""
        return run(require_tool("buildah", package="buildah"), *self._options(), *arguments)

    def podman(self, *arguments: str) -> str:
        """Run podman, with runc, which knows every kind of cgroups."""
        return run(
            require_tool("podman", package="podman"), *self._options(),
            "--cgroup-manager", "cgroupfs", "--events-backend", "file",
            "--runtime", require_tool("runc", package="runc"), *arguments,
        )  # fmt: skip

    def _options(self) -> tuple[str, ...]:
        return (
            "--root", str(self.root), "--runroot", self.runroot, "--storage-driver", "vfs",
        )  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """An empty store."""
    # podman accepts a runroot of at most 50 characters.
    with TemporaryDirectory(prefix="acrux-") as runroot:
        yield Store(tmp_path_factory.mktemp("store"), runroot)


def debian(folder: Path) -> Path:
    """A root file system of this machine's Debian, from its packages."""
    program = require_tool("mmdebstrap", package="mmdebstrap")
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if line
    )
    tar = folder / "base.tar"
    done = subprocess.run(
        [program, "--quiet", "--variant=extract", f"--include={BASE_PACKAGES}",
         "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
         release["VERSION_CODENAME"], str(tar)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        missing(f"mmdebstrap could not fetch Debian's packages: {done.stderr[-500:]}")
    return tar


def wheels(folder: Path, base: Path) -> Path:
    """The packages of the locks, for the Python of the base."""
    with tarfile.open(base) as packed:
        [python] = {
            Path(name).name.removeprefix("python")
            for name in packed.getnames() if "/usr/bin/python3." in name
        }  # fmt: skip
    machine = os.uname().machine
    platforms = [f"--platform={one}_{machine}" for one in ("manylinux_2_28", "manylinux2014")]
    for lock in ("requirements-otel.lock", "requirements-build.lock"):
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes",
            "--only-binary=:all:", f"--python-version={python}", *platforms,
            f"--requirement={lock}", f"--dest={folder}")  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """The registry that keeps the image."""
    with running(tmp_path_factory.mktemp("registry") / "data", "--workers", "1") as registry:
        yield registry


def build(store: Store, packages: Path, name: str, *arguments: str) -> None:
    """Build the image from localhost/base and these packages."""
    store.buildah(
        "build", "--quiet", "--isolation=chroot", "--format=docker", "--layers=false",
        "--file=deploy/Dockerfile", "--build-arg=BASE=localhost/base", f"--tag={name}",
        f"--build-arg=VERSION={__version__}", "--build-arg=PIP_NO_INDEX=1", *arguments,
        "--build-arg=PIP_FIND_LINKS=/wheels", f"--volume={packages}:/wheels:ro", ".",
    )  # fmt: skip


@pytest.fixture(scope="module")
def images(
    store: Store, registry: RunningRegistry, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    """The image, after it was built, pushed and pulled; and one with the extra `otel`."""
    base = debian(tmp_path_factory.mktemp("base"))
    packages = wheels(tmp_path_factory.mktemp("wheels"), base)
    container = store.buildah("from", "scratch").strip()
    store.buildah("add", "--quiet", container, str(base), "/")
    store.buildah("commit", "--quiet", "--rm", container, "localhost/base")
    name, traced = f"{registry.host}/acrux:{__version__}", "localhost/traced"
    build(store, packages, name)
    build(store, packages, traced, "--build-arg=EXTRAS=otel")
    access = ("--tls-verify=false", "--creds", f"acrux:{registry.password}")
    store.buildah("push", "--quiet", *access, name, f"docker://{name}")
    store.buildah("rmi", "--force", name)
    store.podman("pull", "--quiet", *access, name)
    return name, traced


@pytest.fixture(scope="module")
def image(images: tuple[str, str]) -> str:
    """The name of the image."""
    return images[0]


def described(store: Store, image: str) -> dict[str, Any]:
    """What the image says of itself."""
    (found,) = json.loads(store.podman("image", "inspect", image))
    assert isinstance(found, dict)
    return found


def pushed_bytes(registry: RunningRegistry) -> int:
    """What the layers of the image take in the registry."""
    with httpx2.Client(auth=("acrux", registry.password)) as client:
        answer = client.get(
            f"{registry.url}/v2/acrux/manifests/{__version__}",
            headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
        )
    return sum(layer["size"] for layer in answer.json()["layers"])


# What lets podman run a container here.
HERE: Final = (
    "--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096",  # podman's may be more than ours
    "--no-healthcheck",  # podman repeats it by systemd, which may not run here
)  # fmt: skip


@contextmanager
def contained(store: Store, image: str, volume: str, user: str) -> Iterator[tuple[str, int]]:
    """A container of the image, restricted as far as podman can; its name and its port."""
    name, port = f"acrux-test-{secrets.token_hex(4)}", free_port()
    store.podman(
        "run", "--detach", f"--name={name}", "--read-only", "--read-only-tmpfs=false",
        f"--user={user}", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=host",
        f"--volume={volume}:/var/lib/acrux", "--log-driver=k8s-file",
        *HERE, f"--env=ACRUX_PORT={port}", "--env=ACRUX_HOST=127.0.0.1", "--env=ACRUX_WORKERS=1",
        image,
    )  # fmt: skip
    try:
        yield name, port
    finally:
        store.podman("rm", "--force", "--time=30", name)


def wait_until_it_answers(store: Store, name: str, port: int) -> None:
    """Wait until the registry in the container answers, or fail with what it said."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            assert httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        except httpx2.TransportError:
            assert time.monotonic() < deadline, store.podman("logs", name)
        else:
            return


@of_one_build
def test_the_image_traces_if_it_was_built_with_the_extra(
    store: Store, images: tuple[str, str]
) -> None:
    """What the image lacks cannot be added to a container, whose root is read-only."""
    asked = f"from acrux.bootstrap.tracing import *; print(obstacle({{ENDPOINTS[0]: {URL!r}}}))"
    plain, traced = (
        store.podman("run", "--rm", *HERE, "--network=host", "--entrypoint=python3", name, "-c",
                     asked).strip()
        for name in images
    )  # fmt: skip

    assert "--build-arg EXTRAS=otel" in plain
    assert traced == ""


@of_one_build
def test_the_image_holds_what_a_cluster_needs(store: Store, image: str) -> None:
    """A node could not reach its database or its bucket, and a package cannot be added."""
    store.podman("run", "--rm", *HERE, "--network=host", "--entrypoint=python3", image, "-c",
                 "import asyncpg, obstore")  # fmt: skip


@of_one_build
def test_the_image_is_small_and_runs_with_nothing_but_its_volume(
    store: Store, registry: RunningRegistry, image: str
) -> None:
    """As any user, without a capability and without a file that it may change elsewhere."""
    found = described(store, image)
    volume = store.podman("volume", "create").strip()
    user = f"{secrets.randbelow(60000) + 1000}:{secrets.randbelow(60000) + 1000}"
    with contained(store, image, volume, user) as (name, port):
        wait_until_it_answers(store, name, port)
        health = store.podman("exec", name, *found["Healthcheck"]["Test"][1:])
        renewed = store.podman("exec", name, "acrux", "credential", "renew",
                               "--password-name", "password", "--output", "json")  # fmt: skip
        password = json.loads(renewed)["passwords"][0]["value"]
        store.podman("stop", "--time=30", name)
        code = store.podman("inspect", "--format={{.State.ExitCode}}", name).strip()
    with contained(store, image, volume, user) as (name, port):
        wait_until_it_answers(store, name, port)
        token = httpx2.get(
            f"http://127.0.0.1:{port}/oauth2/token", auth=("acrux", password),
            params={"service": f"127.0.0.1:{port}", "scope": "registry:catalog:*"},
        )  # fmt: skip

    assert json.loads(health) == {"status": "live"}
    assert (code, token.status_code) == ("0", 200)
    assert pushed_bytes(registry) < 100 * MEGABYTE
    assert found["Size"] < 250 * MEGABYTE
    assert found["User"] == "65532:65532"
    assert list(found["Config"]["ExposedPorts"]) == ["5000/tcp"]
    assert list(found["Config"]["Volumes"]) == ["/var/lib/acrux"]
    assert found["Config"]["StopSignal"] in ("SIGTERM", "15")
    assert found["Labels"]["org.opencontainers.image.version"] == __version__


def test_only_what_the_image_needs_is_sent_to_the_builder() -> None:
    """A data directory or a key in the checkout must not end up in a layer."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    copied = {
        word
        for line in (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }

    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied
