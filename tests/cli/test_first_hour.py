"""What people try in the first hour: create again, ask, undo, on a terminal."""

import asyncio
import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from acrux.bootstrap.application import build
from acrux.cli import exits
from acrux.cli.main import cli
from acrux.domain.access.scope_maps import default_name
from acrux.errors import NameTaken, RegistryError
from acrux.settings import Settings
from acrux.settings_sources import load
from tests.running import ROOT, acrux, environment
from tests.tools import require_tool

PULL = "_repositories_pull"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A registry that was started once."""
    registry = build(Settings(data_dir=tmp_path / "data"))

    async def start() -> None:
        await registry.lifespan.open()
        await registry.services.accounts.create_administrator("acrux")
        await registry.lifespan.close()

    asyncio.run(start())
    return tmp_path / "data"


def run(data_dir: Path, *words: str, stdin: str = "") -> Result:
    """Run a command on the registry, without a terminal."""
    return CliRunner().invoke(cli, [*words, "--data-dir", str(data_dir)], input=stdin)


def shown(data_dir: Path, *words: str) -> object:
    """What a command prints for programs."""
    result = run(data_dir, *words, "--output", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def on_terminal(data_dir: Path, *words: str, typed: str = "", columns: int = 80) -> tuple[int, str]:
    """Run a command on a terminal of this width, and type; its exit code and what is shown."""
    terminal, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "acrux", *words, "--data-dir", str(data_dir)],
        cwd=ROOT, env=environment(COLUMNS=str(columns), TERM="xterm"),
        stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    os.write(terminal, typed.encode())
    output = b""
    with suppress(OSError):  # how Linux says that nobody writes there any more
        while part := os.read(terminal, 65536):
            output += part
    os.close(terminal)
    return process.wait(30), re.sub(r"\x1b\[[0-9;]*m", "", output.decode())


def test_an_account_can_be_created_deleted_and_created_again(data_dir: Path) -> None:
    """The scope map that was made for it is still there, and equal."""
    words = ("token", "create", "-n", "reader", "--repository", "team/app", "content/read")

    codes = [
        run(data_dir, *words).exit_code,
        run(data_dir, "token", "delete", "-n", "reader", "--yes").exit_code,
        run(data_dir, *words).exit_code,
    ]

    assert codes == [0, 0, 0]


def test_a_scope_map_with_other_permissions_is_not_taken(data_dir: Path) -> None:
    """The account would get rights that nobody asked for."""
    run(data_dir, "scope-map", "create", "-n", "reader-scope-map",
        "--repository", "*", "content/delete")  # fmt: skip

    refused = run(
        data_dir, "token", "create", "-n", "reader", "--repository", "team/app", "content/read"
    )

    assert isinstance(refused.exception, NameTaken)
    assert "reader-scope-map" in str(refused.exception.message)


@pytest.mark.parametrize(
    "words",
    [
        ("token", "create", "-n", "reader", "--scope-map", "nothing"),
        ("token", "update", "-n", "writer", "--scope-map", "nothing"),
        ("user", "create", "-n", "alice", "--scope-map", "nothing", "--password-stdin"),
        ("update", "--anonymous-scope-map", "nothing"),
        ("scope-map", "delete", "-n", "nothing", "--yes"),
    ],
)
def test_a_scope_map_that_is_not_there_is_not_found(data_dir: Path, words: tuple[str, ...]) -> None:
    """Wherever it is named: a script can make it then, and tells it from a wrong option."""
    run(data_dir, "token", "create", "-n", "writer", "--scope-map", PULL)

    refused = run(data_dir, *words, stdin="a few words do\n").exception

    assert isinstance(refused, RegistryError)
    assert exits.code_of(refused) == exits.NOT_FOUND
    assert "there is no scope map 'nothing': see acrux scope-map list" in refused.message


def test_a_user_is_created_with_repositories_in_one_step(data_dir: Path) -> None:
    """The name may hold what a scope map's name may not."""
    created = run(
        data_dir, "user", "create", "-n", "al.ice@example.com", "--repository", "team/*",
        "content/read", "content/write", "--password-stdin", stdin="a few words do\n",
    )  # fmt: skip
    neither = run(data_dir, "user", "create", "-n", "bob", "--password-stdin", stdin="x\n")

    assert created.exit_code == 0, created.output
    scope_maps = shown(data_dir, "scope-map", "list")
    assert isinstance(scope_maps, list)
    [made] = [one for one in scope_maps if one["name"].startswith("al-ice-example-com-")]
    assert made["description"] == "Created by user: al.ice@example.com"
    assert made["actions"] == [
        "repositories/team/*/content/read",
        "repositories/team/*/content/write",
    ]
    assert neither.exit_code == 2


def test_accounts_whose_names_look_alike_have_scope_maps_of_their_own(data_dir: Path) -> None:
    """Who widens the rights of one would widen those of the other."""
    names = {default_name(name) for name in ("al.ice@x", "al-ice-x", "al-ice@x")}

    assert len(names) == 3
    assert all(5 <= len(default_name(name * 16)) <= 50 for name in ("abcd", "a@b-"))


@pytest.mark.parametrize("words", [(), ("token",), ("config", "soft-delete")])
def test_a_group_alone_shows_its_help(words: tuple[str, ...]) -> None:
    """It is how people look around."""
    done = acrux(*words)

    assert done.returncode == 2
    assert done.stderr.count("Usage: acrux") == 1
    assert "acrux: " not in done.stderr.replace("acrux serve", "")


def test_a_closed_output_is_no_failure(data_dir: Path) -> None:
    """What was changed was changed, whether anybody reads that or not."""
    line = f"acrux update --admin-enabled false --data-dir {data_dir} >&- <&-"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line], env=environment(PATH=path), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")


def test_anonymous_callers_get_one_repository_in_one_step(data_dir: Path) -> None:
    """And another one in the next: the last word counts."""
    run(data_dir, "update", "--anonymous-repository", "public/app", "content/read")
    first = shown(data_dir, "show")
    updated = shown(
        data_dir, "update", "--anonymous-repository", "other", "content/read", "metadata/read"
    )
    now = shown(data_dir, "scope-map", "show", "-n", "anonymous-scope-map")
    off = shown(data_dir, "update", "--anonymous-pull-enabled", "false")

    assert isinstance(first, dict)
    assert isinstance(now, dict)
    assert isinstance(off, dict)
    assert first == updated
    assert first["anonymousScopeMapId"] == "anonymous-scope-map"
    assert now["actions"] == ["repositories/other/content/read", "repositories/other/metadata/read"]
    assert off["anonymousPullEnabled"] is False


def test_update_prints_what_is_now_so(data_dir: Path) -> None:
    """Silence leaves open whether it worked."""
    updated = run(data_dir, "update", "--admin-enabled", "false")

    assert "disabled" in updated.stdout
    assert run(data_dir, "show").stdout == updated.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("token", "delete", "-n", "reader"),
        ("token", "revoke", "-n", "reader"),
        ("token", "credential", "delete", "-n", "reader", "--password", "password2"),
        ("scope-map", "delete", "-n", "a-scope-map"),
    ],
)
def test_what_takes_something_away_asks_on_a_terminal(
    data_dir: Path, words: tuple[str, ...]
) -> None:
    """A name is mistyped easily, and an account is used by many."""
    run(data_dir, "token", "create", "-n", "reader", "--scope-map", PULL)
    run(data_dir, "scope-map", "create", "-n", "a-scope-map", "--repository", "a", "content/read")

    refused, asked = on_terminal(data_dir, *words, typed="n\n")
    agreed, _ = on_terminal(data_dir, *words, typed="y\n")
    run(data_dir, "token", "create", "-n", "reader", "--scope-map", PULL)
    run(data_dir, "scope-map", "create", "-n", "a-scope-map", "--repository", "a", "content/read")
    run(data_dir, "token", "credential", "generate", "-n", "reader", "--password", "password2")
    unasked, silent = on_terminal(data_dir, *words, "--yes")

    assert (refused, agreed, unasked) == (1, 0, 0)
    assert "?" in asked
    assert words[-1] in asked or "reader" in asked
    assert "?" not in silent


@pytest.mark.parametrize("columns", [40, 80])
def test_a_table_folds_what_does_not_fit(data_dir: Path, columns: int) -> None:
    """Half a password, or a digest without its end, is of no use."""
    run(data_dir, "token", "create", "-n", "a-name-that-is-long", "--scope-map", PULL)

    code, output = on_terminal(
        data_dir, "token", "credential", "generate", "-n", "a-name-that-is-long", columns=columns
    )
    [title] = [line for line in output.splitlines() if line.startswith("PASSWORD")]
    values = output[output.index(title) + len(title) :].splitlines()
    column = slice(title.index("VALUE"), title.index("EXPIRY"))
    password = "".join(line[column].strip() for line in values).replace("(notstored)", "")

    assert code == 0
    assert max(map(len, output.splitlines())) <= columns
    assert "…" not in output
    assert len(password.removesuffix("(not stored)")) == 43


def test_expiry_is_shown_where_people_look_for_it(data_dir: Path) -> None:
    """A pipeline fails on the day on which nobody looked."""
    run(data_dir, "token", "create", "-n", "reader", "--scope-map", PULL,
        "--expiration-in-days", "90")  # fmt: skip

    [header, *passwords] = run(data_dir, "token", "show", "-n", "reader").stdout.splitlines()[-3:]

    assert "EXPIRY" in header
    assert all("T" in line.split()[-1] for line in passwords)


def test_the_version_is_an_option_too() -> None:
    """It is the first thing that a bug report asks for."""
    option, command = acrux("--version"), acrux("version")

    assert option.returncode == 0
    assert option.stdout == command.stdout


@pytest.mark.parametrize("words", [("settings",), ("--help",), ("version",)])
def test_a_full_disk_is_one_clear_line(words: tuple[str, ...]) -> None:
    """A page of traceback hides what is wrong."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "acrux", *words],
            cwd=ROOT, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("acrux: No space left on device: standard output took only a part")


def test_a_password_that_was_not_shown_can_be_made_anew(data_dir: Path) -> None:
    """The account is there, and nobody knows its passwords."""
    words = ["token", "create", "-n", "reader", "--scope-map", PULL, "--data-dir", str(data_dir)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "acrux", *words], cwd=ROOT, env=environment(), stdout=full,
            stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    renewed = run(data_dir, "token", "credential", "generate", "-n", "reader")

    assert done.returncode == 1
    assert "a password that it was to show can only be made anew" in done.stderr
    assert renewed.exit_code == 0, renewed.output


def test_a_purge_asks_on_a_terminal_unless_it_is_dry(data_dir: Path) -> None:
    """A filter that was mistyped removes the wrong images, for good."""
    purge = ("purge", "--filter", "app:^dev-", "--ago", "7d")
    refused, asked = on_terminal(data_dir, *purge, typed="n\n")
    agreed, _ = on_terminal(data_dir, *purge, typed="y\n")
    dry, silent = on_terminal(data_dir, *purge, "--dry-run")
    unasked, _ = on_terminal(data_dir, *purge, "--yes")
    without_terminal = run(data_dir, *purge)

    assert (refused, agreed, dry, unasked, without_terminal.exit_code) == (1, 0, 0, 0, 2)
    assert "for good" in asked
    assert "?" not in silent


def test_a_port_without_the_right_to_it_is_not_called_taken() -> None:
    """People would look for the program that listens there."""
    unshare = require_tool("unshare", package="util-linux")
    limit = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    code = (
        "from acrux.serving import listening; from acrux.errors import InvalidSettings\n"
        "from acrux.settings import Settings\n"
        f"try: listening.resolve(Settings(port={limit - 1}))\n"
        "except InvalidSettings as refused: print(refused.message)\n"
    )
    # Without a user of its own there, root has no right to privileged ports either.
    done = subprocess.run(
        [unshare, "--user", sys.executable, "-c", code],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip

    assert "ports below 1024 need a right" in done.stdout


def test_a_switch_is_shown_as_it_is_set() -> None:
    """A file with `gc_untagged = False` is refused, so nobody should be led to write one."""
    shown = CliRunner().invoke(cli, ["settings", "--no-gc-untagged"]).stdout
    offered = CliRunner().invoke(cli, ["serve", "--help"]).stdout

    assert re.search(r"gc_untagged +false ", shown)
    assert re.search(r"\bgc_referrers +true ", shown)
    assert "[default: true]" in offered
    assert re.search("True|False", shown + offered) is None


def test_a_file_with_every_setting_can_be_made_and_used(tmp_path: Path) -> None:
    """It is an example whose defaults are those of the release."""
    made = CliRunner().invoke(
        cli, ["settings", "--output", "toml", "--port", "5001", "--login-server", "a.test"]
    )
    file = tmp_path / "acrux.toml"
    file.write_text(made.stdout)
    uncommented = tmp_path / "all.toml"
    uncommented.write_text(
        "\n".join(
            line.removeprefix("# ")
            for line in made.stdout.splitlines()
            if " = " in line.removeprefix("# ") and not line.endswith('= ""')
        )
    )

    assert load({}, {}, file).settings == Settings(port=5001, login_servers=("a.test",))
    assert load({}, {}, uncommented).settings == Settings(port=5001, login_servers=("a.test",))
