"""The process that keeps registries for a test process, and ends with it.

It has imported acrux and built a registry once, which takes longer than all the rest of a start,
and forks a registry for each request. If the test process ends, however that happens, it ends all
registries and removes their folders. If it is killed itself, the kernel ends them.
"""

import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from acrux.bootstrap.application import build
from acrux.cli.main import main as run_command
from acrux.serving.child import die_with_parent
from acrux.settings import Settings
from acrux.testing import template
from acrux.testing.messages import Kept, NotKept, Start, Stop

START_SECONDS: Final = 60  # a registry that does not answer by then has failed
LOOK_SECONDS: Final = 1.0  # how often the keeper checks that the test process still runs
LISTENING: Final = "listening on "


class Keeper:
    """The registries that run, by process id, each in a folder below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[int, Path] = {}

    def start(self, wanted: Start) -> Kept | NotKept:
        """Start a registry, and return when it answers."""
        folder = Path(tempfile.mkdtemp(prefix="registry-", dir=self._folder))
        if wanted.from_template:
            self._copy_template(folder)
        (folder / "acrux.toml").write_text(wanted.config, encoding="utf-8")
        pid, printed = _fork(folder, wanted.arguments)
        self._running[pid] = folder
        if printed.startswith(LISTENING):
            password = (folder / template.PASSWORD_FILE).read_text().strip()
            return Kept(pid, printed.removeprefix(LISTENING).strip(), str(folder), password)
        said = (folder / "log").read_text(errors="replace").strip()
        self.stop(pid)
        return NotKept(said or f"it did not answer within {START_SECONDS} seconds")

    def stop(self, pid: int) -> None:
        """Kill a registry with its workers, and remove its folder."""
        folder = self._running.pop(pid)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # nobody needs what it would write down
        os.waitpid(pid, 0)
        shutil.rmtree(folder, ignore_errors=True)

    def stop_all(self) -> None:
        """Kill all of them."""
        for pid in list(self._running):
            self.stop(pid)

    def _copy_template(self, folder: Path) -> None:
        try:
            template.copy(template.cache_folder(), folder)
        except (OSError, RuntimeError):  # no home, or one that cannot be written to: for now only
            template.copy(self._folder, folder)


def _fork(folder: Path, arguments: list[str]) -> tuple[int, str]:
    """The process of a new registry, and the first line that it printed, if any."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _serve_and_exit(folder, arguments, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as printed:
        answered = select.select([printed], [], [], START_SECONDS)[0]
        return pid, printed.readline() if answered else ""


def _serve_and_exit(folder: Path, arguments: list[str], output: int) -> None:
    code: object = 1
    try:
        os.setsid()
        die_with_parent()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
        sys.argv = [
            "acrux", "serve",
            "--config", str(folder / "acrux.toml"),
            "--data-dir", str(folder / template.DATA),
            "--admin-password-file", str(folder / template.PASSWORD_FILE),
            *arguments,
        ]  # fmt: skip
        run_command()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 -- nothing of the keeper may run in this process
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def keep(control: socket.socket, parent: int, keeper: Keeper) -> None:
    """Do what the test process asks, until it ends."""
    requests = control.makefile("rb")
    while True:
        while not select.select([control], [], [], LOOK_SECONDS)[0]:
            # Its own children may hold the connection open for longer than it lives.
            if os.getppid() != parent:
                return
        line = requests.readline()
        if not line:
            return
        control.sendall(msgspec.json.encode(_answer(keeper, line)) + b"\n")


def _answer(keeper: Keeper, line: bytes) -> Kept | NotKept:
    wanted = msgspec.json.decode(line, type=Start | Stop)
    try:
        if isinstance(wanted, Start):
            return keeper.start(wanted)
        keeper.stop(wanted.pid)
    except OSError as failed:  # a full disk
        return NotKept(str(failed))
    return Kept(wanted.pid)


def main() -> None:
    """Serve the test process at the other end of standard input."""
    parent = int(sys.argv[1])
    folder = Path(tempfile.mkdtemp(prefix="acrux-"))
    keeper = Keeper(folder)
    try:
        build(Settings(data_dir=folder / "first"))  # the forks have what this compiles and caches
        with socket.socket(fileno=0) as control, suppress(ConnectionError):
            keep(control, parent, keeper)
    finally:
        keeper.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
