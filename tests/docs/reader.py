"""Somebody who follows a page: types every command, and compares what is printed."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.dockerd import client, docker_daemon
from tests.docs import outputs
from tests.docs.blocks import ROOT, Block, Step
from tests.docs.shell import Shell
from tests.openid_provider import provider
from tests.running import STOP_SECONDS, environment, free_port

START_SECONDS: Final = 60

# A command that answers until it is stopped, so that the next one is typed in another terminal.
_SERVES: Final = re.compile(r"(?:\w+=\S+ )*(?:\S*/)?(?:acrux serve|scripts/serve)\b")
_GREETED: Final = re.compile(r"^password +(\S+)$", re.MULTILINE)

# Where tools come from (.ci/run installs them).
PACKAGES: Final = {
    "curl": "curl", "docker": "docker.io", "htpasswd": "apache2-utils", "jq": "jq",
    "openssl": "openssl", "podman": "podman", "skopeo": "skopeo", "sqlite3": "sqlite3",
}  # fmt: skip


def missing_tools(block: Block) -> list[str]:
    """The tools that the block uses and that are not here."""
    words = set(re.findall(r"[\w-]+", f"{block.setup}\n{block.text}"))
    return [name for name in PACKAGES if name in words and shutil.which(name) is None]


class Reader:
    """Follows one page, in a folder of its own, with a registry that really runs.

    The page's registry is on port 5000 or called registry.example.com; here it is on a free port.
    """

    def __init__(self, folder: Path, shell: Shell, environ: dict[str, str], port: int) -> None:
        self._folder = folder
        self._shell = shell
        self._environ = environ
        self._port = port
        self._server: subprocess.Popen[bytes] | None = None
        self._log = folder.parent / "registry.log"

    def follow(self, block: Block) -> Iterator[str]:
        """Run the commands of the block; what went wrong, a text each.

        Raises TimeoutError, after which nothing more can be typed.
        """
        if block.setup:
            yield from self._type(Step(block.setup), fails=False)
        last = block.steps[-1]
        for step in block.steps:
            if _SERVES.match(step.command):
                yield from self._serve(step)
            else:
                yield from self._type(step, fails=block.fails and step is last)

    def stop(self) -> None:
        """Stop the registry."""
        if self._server is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGTERM)
        try:
            self._server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()
        self._server = None

    def _type(self, step: Step, *, fails: bool) -> Iterator[str]:
        if self._server is None:
            yield from self._serve(Step("acrux serve --sample"))
        done = self._shell.run(self._here(step.command))
        if (done.code != 0) != fails:
            yield f"$ {step.command}\nended with {done.code}:\n{done.output}"
        elif not outputs.matches([self._here(line) for line in step.output], done.output):
            shown = "\n".join(step.output)
            yield f"$ {step.command}\nprinted\n{done.output}\nand the page says\n{shown}"

    def _serve(self, step: Step) -> Iterator[str]:
        self.stop()
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                ["bash", "-c", self._here(step.command)], cwd=self._folder, env=self._environ,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        printed = self._wait_until_it_listens()
        if "listening on " not in printed:
            yield f"$ {step.command}\ndid not start:\n{printed}"
        elif not outputs.matches([self._here(line) for line in step.output], printed):
            shown = "\n".join(step.output)
            yield f"$ {step.command}\nprinted\n{printed}\nand the page says\n{shown}"
        if greeted := _GREETED.search(printed):
            self._shell.run(f"types {greeted[1]}")

    def _wait_until_it_listens(self) -> str:
        """What the registry printed until it answered, or ended."""
        assert self._server is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._server.poll() is None:
            printed = self._log.read_text(errors="replace")
            if found := re.search(r"^listening on .*\n", printed, re.MULTILINE):
                return printed[: found.end()]
            time.sleep(0.05)
        return self._log.read_text(errors="replace")

    def _here(self, text: str) -> str:
        """The text with what it stands for here."""
        for shown, value in (
            ("https://registry.example.com", f"http://localhost:{self._port}"),
            ("registry.example.com", f"localhost:{self._port}"),
            ("localhost:5000", f"localhost:{self._port}"),
            ("127.0.0.1:5000", f"127.0.0.1:{self._port}"),
            *self._shell.stands,
        ):
            text = text.replace(shown, value)
        return text


@contextmanager
def reading(folder: Path, blocks: list[Block]) -> Iterator[Reader]:
    """A reader of these blocks, in a folder that looks like a checkout."""
    folder.mkdir(exist_ok=True)
    page = folder / "page"
    _lay_out(page, folder / "bin")
    with ExitStack() as stack:
        # podman takes a folder of at most 50 characters.
        runtime = stack.enter_context(TemporaryDirectory(prefix="acrux-"))
        port = free_port()
        environ = environment(
            ACRUX_PORT=str(port),
            CONTAINERS_STORAGE_CONF=str(_storage(folder, Path(runtime))),
            HOME=str(folder),
            PATH=os.pathsep.join((str(folder / "bin"), os.environ.get("PATH", os.defpath))),
            XDG_RUNTIME_DIR=runtime,
        )
        for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE"):
            environ.pop(name, None)
        words = " ".join(f"{block.setup} {block.text}" for block in blocks)
        if re.search(r"\bdocker\b", words):
            environ["DOCKER_HOST"] = stack.enter_context(docker_daemon(folder))
        if "$ISSUER" in words:  # an OpenID issuer, and a token of it
            issuer = stack.enter_context(provider())
            environ |= {"ISSUER": issuer.issuer, "ID_TOKEN": issuer.token(aud=f"localhost:{port}")}
        shell = stack.enter_context(Shell(page, environ))
        reader = Reader(page, shell, environ, port)
        stack.callback(reader.stop)
        yield reader


def _lay_out(page: Path, commands: Path) -> None:
    """What a page finds: the scripts and the environment of a checkout, and acrux on the path."""
    (page / "scripts").mkdir(parents=True)
    commands.mkdir()
    for script in (ROOT / "scripts").iterdir():
        wrapper = page / "scripts" / script.name
        wrapper.write_text(f'#!/bin/sh\nexec "{script}" "$@"\n')
        wrapper.chmod(0o755)
    environment_folder = Path(sys.prefix)
    (page / ".venv").symlink_to(environment_folder)
    (commands / "acrux").symlink_to(environment_folder / "bin" / "acrux")
    if shutil.which(client()):
        (commands / "docker").symlink_to(shutil.which(client()) or "")


def _storage(folder: Path, runtime: Path) -> Path:
    """How podman and skopeo keep images within the folder."""
    # curl shows its progress where its output goes to a file.
    (folder / ".curlrc").write_text("no-progress-meter\n")
    file = folder / "storage.conf"
    file.write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/containers"\nrunroot = "{runtime}"\n'
    )
    return file
