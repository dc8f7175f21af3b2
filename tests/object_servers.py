"""Servers of object stores, each a program of its own on a socket."""

import base64
import fcntl
import hashlib
import hmac
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import pytest

from tests.clients import go_tools, npm_packages
from tests.running import free_port, until
from tests.tools import shared_folder

SOURCES: Final = Path(__file__).parent / "objects"
STOP_SECONDS: Final = 30

# Azurite's only account (docs/designs of Azurite; it is the same everywhere, and opens nothing).
ACCOUNT: Final = "devstoreaccount1"
ACCOUNT_KEY: Final = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
S3_KEYS: Final = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "opens nothing"}


class ObjectServer(Protocol):
    """A running server, and how programs reach it."""

    @property
    def scheme(self) -> str:
        """That of its locations."""

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables that say how to reach it."""

    def make(self, bucket: str) -> None:
        """Make an empty bucket or container."""

    def unfinished(self, bucket: str) -> set[str]:
        """Objects of which only parts were sent, as far as the server tells."""


class Program:
    """A program that serves on `port`, and can be killed and started again."""

    def __init__(self, command: list[str], port: int, **variables: str) -> None:
        self.port = port
        self._command = command
        self._variables = variables
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            self._command, env={**os.environ, **self._variables},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        until(self._answers, 60)

    def kill(self) -> None:
        """Stop it without a word."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS)

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"{self._command[0]} ended at its start"
        with suppress(OSError):
            ask("GET", f"http://127.0.0.1:{self.port}/")
            return True
        return False


class Moto(Program):
    """S3 in memory, in Python: for every day."""

    scheme = "s3"

    def __init__(self) -> None:
        port = free_port()
        program = str(Path(sys.executable).parent / "moto_server")
        super().__init__([program, "-H", "127.0.0.1", "-p", str(port)], port)
        self.variables = _s3(port)

    def make(self, bucket: str) -> None:
        """See ObjectServer."""
        assert ask("PUT", f"http://127.0.0.1:{self.port}/{bucket}") == 200

    def unfinished(self, bucket: str) -> set[str]:
        """See ObjectServer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{bucket}?uploads") as answer:
            return set(re.findall("<Key>(.*?)</Key>", answer.read().decode()))


class Versity(Program):
    """S3 on a folder, in Go: it checks signatures, and limits parts as S3 does."""

    scheme = "s3"

    def __init__(self, program: str, folder: Path) -> None:
        port = free_port()
        self.folder = folder / "buckets"
        self.folder.mkdir()
        sidecar = folder / "attributes"
        sidecar.mkdir()
        super().__init__(
            [program, "--port", f"127.0.0.1:{port}", "posix", "--sidecar", str(sidecar),
             str(self.folder)],
            port,
            ROOT_ACCESS_KEY=S3_KEYS["AWS_ACCESS_KEY_ID"],
            ROOT_SECRET_KEY=S3_KEYS["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip
        self.variables = _s3(port)

    def make(self, bucket: str) -> None:
        """See ObjectServer."""
        (self.folder / bucket).mkdir()

    def unfinished(self, bucket: str) -> set[str]:
        """See ObjectServer: the folders of their parts."""
        parts = self.folder / bucket / ".sgwtmp" / "multipart"
        return {str(part) for part in parts.glob("*/*")}


class Azurite(Program):
    """Azure Blob Storage, by Azure's own emulator."""

    scheme = "az"

    def __init__(self, package: Path, folder: Path) -> None:
        port = free_port()
        program = str(package / "node_modules" / ".bin" / "azurite-blob")
        super().__init__(
            [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location",
             str(folder), "--silent", "--disableTelemetry", "--skipApiVersionCheck"],
            port,
        )  # fmt: skip
        self.variables = {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": ACCOUNT_KEY,
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{ACCOUNT}",
            "AZURE_ALLOW_HTTP": "true",
        }

    def make(self, bucket: str) -> None:
        """See ObjectServer."""
        headers = {
            "x-ms-date": datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "x-ms-version": "2021-12-02",
        }
        signed = "\n".join(
            ["PUT", *[""] * 11, *(f"{name}:{headers[name]}" for name in sorted(headers)),
             f"/{ACCOUNT}/{ACCOUNT}/{bucket}", "restype:container"]
        )  # fmt: skip
        key = base64.b64decode(ACCOUNT_KEY)
        digest = base64.b64encode(hmac.digest(key, signed.encode(), hashlib.sha256)).decode()
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{digest}"
        url = f"http://127.0.0.1:{self.port}/{ACCOUNT}/{bucket}?restype=container"
        assert ask("PUT", url, headers) == 201

    def unfinished(self, bucket: str) -> set[str]:
        """See ObjectServer. Blocks that were not committed end by themselves."""
        return set()


def ask(
    method: str, url: str, headers: Mapping[str, str] = {}, content: bytes | None = None
) -> int:
    """The status of an answer."""
    request = urllib.request.Request(url, content, dict(headers), method=method)  # noqa: S310 -- of these servers
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 -- as above
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def _s3(port: int) -> dict[str, str]:
    return S3_KEYS | {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
    }


Start = Callable[[pytest.TempPathFactory, Path], Moto | Versity | Azurite]

KINDS: Final[Mapping[str, Start]] = {
    "moto": lambda _, __: Moto(),
    "versitygw": lambda factory, folder: Versity(versitygw(factory), folder),
    "azurite": lambda factory, folder: Azurite(npm_package(factory, "azurite"), folder),
}

VERSITYGW: Final = "github.com/versity/versitygw/cmd/versitygw"


@contextmanager
def running(kind: str, factory: pytest.TempPathFactory) -> Iterator[Moto | Versity | Azurite]:
    """A server of this kind; all processes of a test run share its program."""
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory()))
        server = KINDS[kind](factory, folder)
        ending.callback(server.kill)
        yield server


def versitygw(factory: pytest.TempPathFactory) -> str:
    """The path of the program, which tests/objects/go pins; it is built once for a test run."""
    return go_tools.built_once(factory, VERSITYGW, SOURCES / "go")


def npm_package(factory: pytest.TempPathFactory, name: str) -> Path:
    """The folder of a package from npm that tests/objects pins, installed once for a test run."""
    shared = shared_folder(factory)
    with _alone(shared / f"{name}.lock"):
        package = shared / name
        if not (package / "installed").exists():
            npm_packages.installed(SOURCES / name, shared)
            (package / "installed").touch()
    return package


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
