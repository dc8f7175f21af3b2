"""Commands on a registry whose database is in a PostgreSQL."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.postgresql import PostgreSql
from tests.running import acrux, running

SECRET = "s3cret"

# Commands that read in different ways.
READING = (
    ("token", "list"), ("usage",), ("gc", "status"), ("repository", "list"), ("audit", "list"),
    ("check", "--deep"),
)  # fmt: skip


@pytest.fixture(scope="module")
def url(server: PostgreSql) -> str:
    """The URL of a database, with a password that the server does not ask for."""
    return server.url(server.new_database()).replace("acrux@", f"acrux:{SECRET}@")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, url: str) -> tuple[str, ...]:
    """The options for a registry that has served once, with its sample image."""
    data_dir = tmp_path_factory.mktemp("cli") / "data"
    place = ("--data-dir", str(data_dir), "--database", url)
    with running(data_dir, "--sample", "--shared-storage", "--database", url):
        pass
    return place


def documents(*arguments: str) -> Any:
    """What a command prints as JSON."""
    done = acrux(*arguments, "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_every_command_works_on_it(place: tuple[str, ...], command: tuple[str, ...]) -> None:
    """A registry on a PostgreSQL could be served, but not managed."""
    done = acrux(*command, *place)

    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_a_command_is_recorded_without_the_url(place: tuple[str, ...]) -> None:
    """Whoever may read the audit log would get the password of the database."""
    renewed = acrux("credential", "renew", "--password-name", "password", *place)
    assert renewed.returncode == 0, renewed.stderr

    requests = [record["request"] for record in documents("audit", "list", *place)]

    assert "acrux credential renew --password-name password" in requests
    assert not any(SECRET in request for request in requests)


def test_a_migration_is_recorded_where_the_registry_is_now(
    server: PostgreSql, tmp_path: Path
) -> None:
    """Whoever asks later why all content is new there would find no answer, or a password."""
    with running(tmp_path / "old", "--sample"):
        pass
    server.execute("CREATE DATABASE migrated")
    url = server.url("migrated").replace("acrux@", f"acrux:{SECRET}@")

    done = acrux("migrate", "--data-dir", str(tmp_path / "old"), "--to-data-dir",
                 str(tmp_path / "new"), "--to-database", url, "--allow-damaged")  # fmt: skip

    assert done.returncode == 0, done.stderr
    records = documents("audit", "list", "--data-dir", str(tmp_path / "new"), "--database", url)
    assert records[0]["request"] == "acrux migrate --allow-damaged"
    assert documents("audit", "list", "--data-dir", str(tmp_path / "old")) == records[1:]


def test_the_settings_do_not_show_the_url() -> None:
    """A page of settings is what people paste into a question."""
    url = f"postgresql://acrux:{SECRET}@db/acrux"
    for form in ("table", "json", "toml"):
        shown = acrux("settings", "--database", url, "--output", form)

        assert shown.returncode == 0, shown.stderr
        assert SECRET not in shown.stdout
        assert "***" in shown.stdout


def test_the_doctor_examines_the_server(place: tuple[str, ...], tmp_path: Path) -> None:
    """Nobody would be told that the schema is old, or an index is broken."""
    found = {one["name"]: one for one in documents("doctor", *place)["checks"]}

    assert found["database"]["status"] == "ok"
    assert found["machine-clock"]["status"] == "ok"
    nowhere = f"postgresql://acrux:{SECRET}@/acrux?host={tmp_path}"
    done = acrux("doctor", *place[:2], "--database", nowhere)
    assert (done.returncode, SECRET in done.stdout) == (1, False)
    assert "start the server" in done.stdout


@pytest.mark.parametrize("command", [("backup", "create", "copy"), ("restore", "copy")])
def test_a_backup_says_what_to_use_instead(
    place: tuple[str, ...], command: tuple[str, ...]
) -> None:
    """A copy of a directory without its database would be taken for a backup."""
    done = acrux(*command, *place)

    assert done.returncode == 2
    assert "pg_dump" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--database", "postgresql://db/acrux"), "--shared-storage"),
        (("--database", "mysql://db/acrux"), "must be a URL such as postgresql://"),
        (("--database", "postgresql://db", "--database-file", "url"), "set either this"),
        (("--database-file", "missing", "--shared-storage"), "missing cannot be read"),
        (
            ("--database", f"postgresql://acrux:{SECRET}@127.0.0.1:1/acrux", "--shared-storage"),
            "start the server",
        ),
    ],
)
def test_a_wrong_setting_ends_the_start_in_one_line(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    """An operator would read a traceback, and a password in it."""
    done = acrux("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), *options)

    [line] = done.stderr.splitlines()
    assert done.returncode == 2
    assert said in line
    assert SECRET not in line
