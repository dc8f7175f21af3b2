"""The admin user on the command line, and in data of earlier releases."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from acrux.adapters.sql.access.accounts import SqlAccounts
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.bootstrap.application import build
from acrux.domain.access.scope_maps import ADMINISTRATOR
from acrux.domain.instants import BEGINNING
from acrux.ports.accounts import PasswordRecord
from acrux.services.access.accounts import ADMINISTRATOR_PASSWORDS
from acrux.settings import Settings
from tests.running import RunningRegistry, acrux, running

SERVE = ("serve", "--port", "0")


def passwords_of(folder: Path, name: str) -> list[str]:
    """The names of an account's passwords."""
    registry = build(Settings(data_dir=folder))

    async def names() -> list[str]:
        await registry.lifespan.open()
        try:
            shown = await registry.services.accounts.show(name)
        finally:
            await registry.lifespan.close()
        return [password.name for password in shown.passwords]

    return asyncio.run(names())


@pytest.mark.parametrize(
    ("arguments", "why", "code"),
    [
        (("token", "delete", "-n", "acrux", "--yes"), "cannot be deleted", 2),
        (("token", "update", "-n", "acrux", "--scope-map", "_repositories_pull"), "scope map", 2),
        (
            ("token", "credential", "delete", "-n", "acrux", "--password", "password2", "--yes"),
            "keeps its",
            2,
        ),
        (
            ("token", "credential", "generate", "-n", "acrux", "--password", "password1"),
            "password and password2",
            2,
        ),
        (("user", "delete", "-n", "acrux", "--yes"), "no user", 4),
        (("user", "update", "-n", "acrux", "--scope-map", "_repositories_pull"), "no user", 4),
        (("token", "create", "-n", "Acrux", "--scope-map", "_repositories_pull"), "already", 5),
    ],
)
def test_no_command_deletes_the_admin_user(
    registry: RunningRegistry, arguments: Sequence[str], why: str, code: int
) -> None:
    """It was deleted without a question, and came back with every right at the next start."""
    done = acrux(*arguments, "--data-dir", str(registry.data_dir))

    assert (done.returncode, why in done.stderr) == (code, True), done.stderr
    assert passwords_of(registry.data_dir, "acrux") == ["password", "password2"]


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Data with the admin user acrux, and the admin user other of a start with another name."""
    folder = tmp_path / "data"
    registry = build(Settings(data_dir=folder))

    async def make() -> None:
        await registry.lifespan.open()
        accounts = registry.services.accounts
        await accounts.create_administrator("acrux")
        await accounts.create("other", ADMINISTRATOR.name, password_names=ADMINISTRATOR_PASSWORDS)
        await registry.lifespan.close()

    asyncio.run(make())
    return folder


@pytest.mark.parametrize(("name", "second"), [("acrux", "other"), ("other", "acrux")])
@pytest.mark.parametrize("how", ["delete", "update"])
def test_a_second_admin_user_stops_the_start_until_one_is_kept(
    two: Path, name: str, second: str, how: str
) -> None:
    """The old one kept every right, and nobody thought of it."""
    refused = acrux(*SERVE, "--name", name, "--data-dir", str(two))
    assert refused.returncode != 0
    assert f"a second admin user, {second!r}" in refused.stderr
    start = refused.stderr.index(f"acrux token {how}")
    command = refused.stderr[start:].splitlines()[0].partition(";")[0].split()[1:]

    agreed = ("--yes",) if how == "delete" else ()
    mended = acrux(*command, *agreed, "--data-dir", str(two))

    assert mended.returncode == 0, mended.stderr
    with running(two, "--name", name):
        assert passwords_of(two, name) == ["password", "password2"]


def test_the_only_admin_user_that_is_left_cannot_be_deleted(two: Path) -> None:
    """Removing one of two would otherwise be a way to remove both."""
    statuses = [
        acrux("token", "delete", "-n", name, "--yes", "--data-dir", str(two)).returncode
        for name in ("acrux", "other")
    ]

    assert statuses == [0, 2]
    renamed = acrux(*SERVE, "--data-dir", str(two))
    assert "start with --name other" in renamed.stderr


def test_a_disabled_admin_user_does_not_count_as_left(two: Path) -> None:
    """Otherwise nobody could log in any more."""
    where = ("--data-dir", str(two))
    shut = acrux("token", "update", "-n", "other", "--status", "disabled", *where)
    assert shut.returncode == 0, shut.stderr

    assert acrux("token", "delete", "-n", "acrux", "--yes", *where).returncode == 2


def test_an_account_that_may_do_everything_is_not_a_second_admin_user(tmp_path: Path) -> None:
    """Otherwise the registry would no longer start because of somebody's robot."""
    data_dir = ("--data-dir", str(tmp_path / "data"))
    with running(tmp_path / "data"):
        for arguments in (
            ("create", "-n", "robot", "--scope-map", ADMINISTRATOR.name),
            ("credential", "delete", "-n", "robot", "--password", "password1", "--yes"),
        ):
            assert acrux("token", *arguments, *data_dir).returncode == 0

    with running(tmp_path / "data"):
        # Nor may it make the admin user deletable.
        assert acrux("token", "delete", "-n", "acrux", "--yes", *data_dir).returncode == 2


def test_a_third_password_of_the_admin_user_is_reported_at_each_start(
    tmp_path: Path,
) -> None:
    """It survived when both of the known passwords were renewed."""
    folder = tmp_path / "data"
    with running(folder):
        pass
    _add_password(folder, "password1")
    with running(folder) as registry:
        told = registry.log.read_text()
        assert "a third password, password1" in told
        command = told[told.index("acrux token credential delete") :].splitlines()[0].split()[1:]
        done = acrux(*command, "--yes", "--data-dir", str(folder))
        assert done.returncode == 0, done.stderr
        before = len(registry.log.read_text())

    with running(folder) as registry:
        assert "third password" not in registry.log.read_text()[before:]
    assert passwords_of(folder, "acrux") == ["password", "password2"]


def _add_password(folder: Path, name: str) -> None:
    async def add() -> None:
        database = SqliteDatabase(folder / "registry.sqlite")
        database.open()
        record = PasswordRecord(name, "hmac-sha256:0", BEGINNING)
        assert await SqlAccounts(database).replace_password("acrux", record, 1)
        database.close()

    asyncio.run(add())
