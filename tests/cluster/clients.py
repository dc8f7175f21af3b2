"""Real clients that push, pull and delete; each knows what was acknowledged to it."""

import json
import re
import subprocess
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import requests
from oras.client import OrasClient

from acrux.domain.content.digest import Digest
from tests.clients.layouts import gzip_image
from tests.clients.test_crane import Crane
from tests.clients.test_docker import Docker
from tests.images import Image
from tests.running import RunningRegistry, write_layout
from tests.tools import require_tool

SECONDS: Final = 180

# What no client may be told because something fails: it would act on it.
WRONG: Final = re.compile(
    r"\b(?:400|401|403|404|405|409|413|416|500)\b|unauthorized|denied|not found|_invalid"
    r"|(?:blob|manifest|name)[ _]unknown|internal server error",
    re.IGNORECASE,
)


class FailedError(Exception):
    """A command failed; the text is what it printed."""


def run(*command: str) -> str:
    """What a command prints. Raises FailedError."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode != 0:
        raise FailedError(done.stdout + done.stderr)
    return done.stdout


class Client:
    """A program with a repository of its own. All methods raise FailedError."""

    deletes = True

    def __init__(self, registry: RunningRegistry, folder: Path) -> None:
        self.repository = f"storm/{type(self).__name__.lower()}"
        self.name = f"{registry.host}/{self.repository}"
        self.credentials = f"acrux:{registry.password}"
        self.folder = folder
        folder.mkdir()

    @abstractmethod
    def push(self, tag: str) -> str:
        """Push something new under the tag, and return its digest."""

    @abstractmethod
    def pull(self, tag: str) -> str:
        """Pull all of it, which the program verifies, and return the digest of the manifest."""

    def delete(self, tag: str) -> None:
        """Delete the manifest of the tag, if this client `deletes`."""

    def layout(self, tag: str) -> tuple[Path, Image]:
        """A new image on the disk; whoever pushes it again for the same tag pushes the same."""
        made = gzip_image(f"{self.repository}:{tag}")
        return write_layout(self.folder / "layouts" / tag, made, tag), made


class Skopeo(Client):
    """skopeo, which podman, buildah and CRI-O share their code with."""

    def push(self, tag: str) -> str:
        """See Client."""
        layout, made = self.layout(tag)
        self._run("copy", "--dest-tls-verify=false", "--dest-creds", self.credentials,
                  f"oci:{layout}:{tag}", f"docker://{self.name}:{tag}")  # fmt: skip
        return str(made.digest)

    def pull(self, tag: str) -> str:
        """See Client."""
        back = self.folder / f"pulled-{tag}"
        self._run("copy", "--src-tls-verify=false", "--src-creds", self.credentials,
                  f"docker://{self.name}:{tag}", f"oci:{back}:{tag}")  # fmt: skip
        (entry,) = json.loads((back / "index.json").read_text())["manifests"]
        return str(entry["digest"])

    def delete(self, tag: str) -> None:
        """See Client."""
        self._run("delete", "--tls-verify=false", "--creds", self.credentials,
                  f"docker://{self.name}:{tag}")  # fmt: skip

    def _run(self, *words: str) -> None:
        run(require_tool("skopeo", package="skopeo"), "--insecure-policy", *words)


class GoContainerRegistry(Client):
    """crane, of go-containerregistry."""

    def __init__(self, registry: RunningRegistry, folder: Path, crane: Crane) -> None:
        super().__init__(registry, folder)
        self._crane = crane

    def push(self, tag: str) -> str:
        """See Client."""
        layout, made = self.layout(tag)
        self._run("push", str(layout), f"{self.name}:{tag}")
        return str(made.digest)

    def pull(self, tag: str) -> str:
        """See Client."""
        self._run("validate", "--remote", f"{self.name}:{tag}")
        return self._run("digest", f"{self.name}:{tag}").strip()

    def delete(self, tag: str) -> None:
        """See Client."""
        self._run("delete", f"{self.name}@{self._run('digest', f'{self.name}:{tag}').strip()}")

    def _run(self, *words: str) -> str:
        done = self._crane(*words)
        if done.returncode != 0:
            raise FailedError(done.stderr)
        return done.stdout


class Oras(Client):
    """oras, the client in Python."""

    def __init__(self, registry: RunningRegistry, folder: Path) -> None:
        super().__init__(registry, folder)
        self._oras = OrasClient(hostname=registry.host, insecure=True, auth_backend="basic")
        self._oras.auth.set_basic_auth("acrux", registry.password)

    def push(self, tag: str) -> str:
        """See Client."""
        file = self.folder / f"{tag}.txt"
        file.write_text(f"{self.repository}:{tag}" * 1000)
        pushed = self._try(
            lambda: self._oras.push(
                f"{self.name}:{tag}", files=[str(file)], disable_path_validation=True, quiet=True
            )
        )
        return str(Digest.of(pushed.request.body))

    def pull(self, tag: str) -> str:
        """See Client; this one verifies nothing."""
        manifest = self._try(lambda: self._oras.get_manifest(f"{self.name}:{tag}"))
        [file] = self._try(
            lambda: self._oras.pull(f"{self.name}:{tag}", outdir=str(self.folder / "pulled"))
        )
        [layer] = manifest["layers"]
        if str(Digest.of(Path(file).read_bytes())) != layer["digest"]:
            raise FailedError(f"{file} is not {layer['digest']}")
        head = self._try(lambda: self._oras.do_request(
            f"http://{self.name.replace('/', '/v2/', 1)}/manifests/{tag}", "HEAD"
        ))  # fmt: skip
        return str(head.headers["Docker-Content-Digest"])

    def delete(self, tag: str) -> None:
        """See Client."""
        if not self._try(lambda: self._oras.delete_tag(f"{self.name}:{tag}", tag)):
            raise FailedError("it was not deleted")

    def _try(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (requests.RequestException, ValueError, RuntimeError) as failed:
            raise FailedError(str(failed)) from failed


class DockerDaemon(Client):
    """docker, which cannot delete."""

    deletes = False

    def __init__(self, registry: RunningRegistry, folder: Path, docker: Docker) -> None:
        super().__init__(registry, folder)
        self._docker = docker
        docker.must("login", registry.host, "-u", "acrux", "--password-stdin",
                    stdin=registry.password)  # fmt: skip

    def push(self, tag: str) -> str:
        """See Client."""
        layout, _ = self.layout(tag)
        archive, name = self.folder / f"{tag}.tar", f"{self.name}:{tag}"
        if not archive.exists():
            run(require_tool("skopeo", package="skopeo"), "--insecure-policy", "copy",
                f"oci:{layout}:{tag}", f"docker-archive:{archive}:{name}")  # fmt: skip
            self._docker.must("load", "-i", str(archive))
        self._run("push", name)
        return self._digest(name)

    def pull(self, tag: str) -> str:
        """See Client."""
        name = f"{self.name}:{tag}"
        self._docker.run("rmi", name)
        self._run("pull", name)
        return self._digest(name)

    def _digest(self, name: str) -> str:
        told = self._run("inspect", "--format", "{{index .RepoDigests 0}}", name)
        return told.strip().rpartition("@")[2]

    def _run(self, *words: str) -> str:
        done = self._docker.run(*words)
        if done.returncode != 0:
            raise FailedError(done.stdout + done.stderr)
        return done.stdout
