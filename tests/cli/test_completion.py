"""acrux completion in real shells, in a terminal."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from click.shell_completion import ShellComplete

from acrux.cli.main import cli
from tests.running import acrux, environment
from tests.tools import require_tool

SECONDS: Final = 60
# Sequences with which a shell moves the cursor or colours what it prints.
_CONTROL: Final = re.compile(
    r"\x1b\[[0-9;?=>]*[a-zA-Z]|\x1b[=>()][0B]?|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\r"
)


@dataclass
class Terminal:
    """A terminal in which a shell runs."""

    descriptor: int
    seen: str = ""

    def press(self, keys: str, shown: str) -> None:
        """Press keys, and wait until this pattern has been printed since. Raises TimeoutError."""
        self.seen = ""
        os.write(self.descriptor, keys.encode())
        deadline = time.monotonic() + SECONDS
        while not re.search(shown, self.seen):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{keys!r} did not print {shown!r}: {self.seen!r}")
            if select.select([self.descriptor], [], [], 0.1)[0]:
                printed = os.read(self.descriptor, 1 << 16).decode(errors="replace")
                self.seen = _CONTROL.sub("", self.seen + printed)


@contextmanager
def shell(command: list[str], home: Path) -> Iterator[Terminal]:
    """The shell in a terminal of its own, with the environment's acrux."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    variables = environment(PATH=path, HOME=str(home), TERM="xterm", PS1="ready> ")
    ours, theirs = pty.openpty()
    # A terminal becomes the session's terminal when the session leader opens it.
    terminal = os.ttyname(theirs)
    opened = f'exec "$@" <{terminal} >{terminal} 2>&1'
    process = subprocess.Popen(
        ["sh", "-c", opened, "sh", *command], stdin=subprocess.DEVNULL, env=variables, cwd=home,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield Terminal(ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def script(kind: str, file: Path) -> None:
    """Write the script where the shell looks for it."""
    done = acrux("completion", kind)
    assert done.returncode == 0, done.stderr
    file.parent.mkdir(parents=True)
    file.write_text(done.stdout)


def completes(terminal: Terminal) -> None:
    """A command, a subcommand, an option and its value are completed."""
    terminal.press("acrux setti\t", r"acrux settings ")
    terminal.press("--outp\t", r"--output ")
    terminal.press("to\t", r"toml ")
    terminal.press("\n", r"# The settings of acrux")
    terminal.press("acrux token cred\t", r"credential ")
    terminal.press("gen\t", r"generate ")


def test_bash_completes(tmp_path: Path) -> None:
    """bash-completion reads the script from this folder when acrux is completed first."""
    bash = require_tool("bash", package="bash")
    file = tmp_path / ".local/share/bash-completion/completions/acrux"
    script("bash", file)

    with shell([bash, "--norc", "-i"], tmp_path) as terminal:
        terminal.press(f". {file}; echo loa''ded\n", "loaded")
        completes(terminal)


def test_zsh_completes(tmp_path: Path) -> None:
    """compinit finds the script by its first line, and reads it when it is needed."""
    zsh = require_tool("zsh", package="zsh")
    script("zsh", tmp_path / ".zfunc/_acrux")

    with shell([zsh, "-f", "-i"], tmp_path) as terminal:
        load = "fpath=(~/.zfunc $fpath); autoload -Uz compinit; compinit -u; echo loa''ded\n"
        terminal.press(load, "loaded")
        completes(terminal)


def test_fish_completes(tmp_path: Path) -> None:
    """fish reads the script by itself."""
    fish = require_tool("fish", package="fish")
    script("fish", tmp_path / ".config/fish/completions/acrux.fish")

    with shell([fish, "--interactive"], tmp_path) as terminal:
        terminal.press("echo rea''dy\n", "ready")
        completes(terminal)


def test_the_names_of_commands_are_completed_without_importing_them() -> None:
    """A key that takes a second is pressed once."""
    code = (
        "import sys; from acrux.cli.main import cli; import click;"
        "print([i.value for i in cli.shell_complete(click.Context(cli), 'ba')], "
        "'apsw' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "['backup'] False\n"


@pytest.mark.parametrize(
    ("typed", "incomplete", "offered"),
    [
        (("webhook", "create", "--actions"), "", ["push", "delete"]),
        (("webhook", "create", "--actions", "push"), "d", ["delete"]),
        (("webhook", "create", "--actions", "push", "--name"), "d", []),
        (("token", "create", "--repository"), "c", []),
        (("token", "create", "--repository", "team/app"), "metadata/r", ["metadata/read"]),
        (("repository", "update", "--write-enabled"), "", ["true", "false"]),
    ],
)
def test_the_values_of_an_option_are_completed(
    typed: tuple[str, ...], incomplete: str, offered: list[str]
) -> None:
    """Who does not know the words must read the help first."""
    completions = ShellComplete(cli, {}, "acrux", "_ACRUX_COMPLETE")

    found = completions.get_completions([*typed], incomplete)

    assert [one.value for one in found if not one.value.startswith("-")] == offered


@pytest.mark.parametrize("shell_name", ["tcsh", ""])
def test_another_shell_is_refused(shell_name: str) -> None:
    """The message lists the shells that there are."""
    done = acrux("completion", shell_name)

    assert done.returncode == 2
    assert "'bash', 'zsh', 'fish'" in done.stderr
