"""azure-containers-containerregistry: the Java SDK, unmodified, over TLS."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running import RunningRegistry, environment
from tests.tools import missing, require_tool

SOURCES = Path(__file__).parent / "java"
GET_LIBRARIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
SECONDS = 300
STORE_PASSWORD = "changeit"  # Java reads no certificate from a store without one


def run(command: list[str], folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in the folder and wait for it."""
    return subprocess.run(
        command, cwd=folder, env=environment(**variables), capture_output=True, text=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The compiled tests, and the SDK in the very files that libraries.sha256 pins."""
    javac = require_tool("javac", package="default-jdk-headless")
    maven = require_tool("mvn", package="maven")
    project = tmp_path / "java"
    shutil.copytree(SOURCES, project)
    got = run([maven, "-B", "-q", GET_LIBRARIES, "-DoutputDirectory=lib"], project)
    if got.returncode != 0:
        missing(f"Maven could not get the SDK: {got.stdout[-500:]}")
    assert hashes(project / "lib") == (project / "libraries.sha256").read_text()
    compiled = run([javac, "-d", "classes", "-cp", "lib/*", "ContainerRegistryTest.java"], project)
    assert compiled.returncode == 0, compiled.stderr
    return project


def hashes(folder: Path) -> str:
    """The files of a folder as sha256sum prints them."""
    return "".join(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in sorted(folder.iterdir())
    )


def trust_store(ca_file: Path, folder: Path) -> Path:
    """The CA in the form that Java reads."""
    store = folder / "trust.p12"
    done = run(
        [require_tool("keytool", package="default-jdk-headless"), "-importcert", "-noprompt",
         "-file", str(ca_file), "-keystore", str(store), "-storepass", STORE_PASSWORD],
        folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return store


def test_every_promise_of_the_java_sdk_is_kept(
    secure_registry: RunningRegistry, ca_file: Path, project: Path
) -> None:
    """Build servers are written with it; the promises are in java/*.java."""
    trusting = [
        f"-Djavax.net.ssl.trustStore={trust_store(ca_file, project)}",
        f"-Djavax.net.ssl.trustStorePassword={STORE_PASSWORD}",
    ]
    launcher = ["-cp", "classes:lib/*", "org.junit.platform.console.ConsoleLauncher"]

    done = run(
        ["java", *trusting, *launcher, "execute", "--scan-class-path=classes",
         "--disable-banner"],
        project,
        REGISTRY_URL=f"https://localhost:{secure_registry.port}",
        REGISTRY_PASSWORD=secure_registry.password,
    )  # fmt: skip

    counts = {
        what: int(count) for count, what in re.findall(r"\[ *(\d+) tests (\w+) ", done.stdout)
    }
    assert done.returncode == 0, done.stdout + done.stderr
    assert counts["successful"] == counts["found"] >= 11
