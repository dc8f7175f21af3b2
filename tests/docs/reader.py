"""A reader of a page, who types every command and compares the output."""

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
from threading import Thread
from typing import Final

from tests.dockerd import client, docker_daemon
from tests.docs import outputs
from tests.docs.blocks import ROOT, Block, Step
from tests.docs.shell import Shell
from tests.openid_provider import provider
from tests.running import STOP_SECONDS, environment, free_port

START_SECONDS: Final = 60

# A command that runs until it is stopped, so that you type the next one in another terminal.
_SERVES: Final = re.compile(r"(?:\w+=\S+ )*(?:\S*/)?(?:acrux serve|scripts/serve)\b")
_GREETED: Final = re.compile(r"^password +(\S+)$", re.MULTILINE)

# Where the tools come from (.ci/run installs them).
PACKAGES: Final = {
    "curl": "curl", "docker": "docker.io", "htpasswd": "apache2-utils", "jq": "jq",
    "man": "man-db", "openssl": "openssl", "pipx": "pipx", "podman": "podman",
    "promtool": "prometheus", "skopeo": "skopeo", "sqlite3": "sqlite3",
}  # fmt: skip


def missing_tools(block: Block) -> list[str]:
    """The tools that the block uses and that are not installed."""
    words = set(re.findall(r"[\w-]+", f"{block.setup}\n{block.text}"))
    return [name for name in PACKAGES if name in words and shutil.which(name) is None]


class Reader:
    """Follows one page in a separate folder, with a registry that really runs.

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
        """Run the commands of the block, and yield a message for each failure.

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
        self._log.write_bytes(b"")
        terminal, slave = os.openpty()  # passwords are shown on a terminal only
        self._server = subprocess.Popen(
            ["bash", "-c", self._here(step.command)], cwd=self._folder, env=self._environ,
            stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        Thread(target=_copy, args=(terminal, self._log), daemon=True).start()
        printed = self._wait_until_it_listens()
        if "listening on " not in printed:
            yield f"$ {step.command}\ndid not start:\n{printed}"
        elif not outputs.matches([self._here(line) for line in step.output], printed):
            shown = "\n".join(step.output)
            yield f"$ {step.command}\nprinted\n{printed}\nand the page says\n{shown}"
        if greeted := _GREETED.search(printed):
            self._shell.run(f"types {greeted[1]}")

    def _wait_until_it_listens(self) -> str:
        """The output of the registry until it answered or exited."""
        assert self._server is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._server.poll() is None:
            printed = self._log.read_text(errors="replace")
            if found := re.search(r"^listening on .*\n", printed, re.MULTILINE):
                return printed[: found.end()]
            time.sleep(0.05)
        return self._log.read_text(errors="replace")

    def _here(self, text: str) -> str:
        """The text with the values that apply here."""
        for shown, value in (
            ("https://registry.example.com", f"http://localhost:{self._port}"),
            ("registry.example.com", f"localhost:{self._port}"),
            ("localhost:5000", f"localhost:{self._port}"),
            ("127.0.0.1:5000", f"127.0.0.1:{self._port}"),
            *self._shell.stands,
        ):
            text = text.replace(shown, value)
        return text


def _copy(terminal: int, log: Path) -> None:
    """Write what a terminal shows to a file, until nobody writes to the terminal any more."""
    with log.open("ab", buffering=0) as file, suppress(OSError):
        while shown := os.read(terminal, 65536):
            file.write(shown.replace(b"\r\n", b"\n"))
    os.close(terminal)


@contextmanager
def reading(folder: Path, blocks: list[Block]) -> Iterator[Reader]:
    """A reader of these blocks, in a folder that looks like a checkout."""
    folder.mkdir(exist_ok=True)
    page = folder / "page"
    _lay_out(page, folder / "bin")
    with ExitStack() as stack:
        # podman accepts a folder of at most 50 characters.
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
        if "$ISSUER" in words:  # an OpenID issuer, and one of its tokens
            issuer = stack.enter_context(provider())
            environ |= {"ISSUER": issuer.issuer, "ID_TOKEN": issuer.token(aud=f"localhost:{port}")}
        shell = stack.enter_context(Shell(page, environ))
        reader = Reader(page, shell, environ, port)
        stack.callback(reader.stop)
        yield reader


def _lay_out(page: Path, commands: Path) -> None:
    """Set up what a page expects: a checkout's scripts and environment, and acrux on the path."""
    (page / "scripts").mkdir(parents=True)
    commands.mkdir()
    for script in (ROOT / "scripts").iterdir():
        wrapper = page / "scripts" / script.name
        wrapper.write_text(f'#!/bin/sh\nexec "{script}" "$@"\n')
        wrapper.chmod(0o755)
    for name in (
        "LICENSE", "README.md", "acrux", "deploy", "man", "pyproject.toml", "requirements.lock",
        "requirements-otel.lock",
    ):  # fmt: skip
        (page / name).symlink_to(ROOT / name)
    environment_folder = Path(sys.prefix)
    (page / ".venv").symlink_to(environment_folder)
    (commands / "acrux").symlink_to(environment_folder / "bin" / "acrux")
    if shutil.which(client()):
        (commands / "docker").symlink_to(shutil.which(client()) or "")


def _storage(folder: Path, runtime: Path) -> Path:
    """Configure podman and skopeo to store images in the folder; return the configuration."""
    # curl shows its progress if its output goes to a file.
    (folder / ".curlrc").write_text("no-progress-meter\n")
    file = folder / "storage.conf"
    file.write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/containers"\nrunroot = "{runtime}"\n'
    )
    return file
