"""acrux doctor on a real acrux."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from acrux.cli.main import cli
from acrux.client.auth import RegistryAuth
from acrux.domain.access.credential import Credential, Secret
from tests.cli.places import push
from tests.client.doctor.diagnosis import as_user, examine
from tests.images import image
from tests.running import RunningRegistry, acrux, running
from tests.wire.connection import Connection

READ = {"proxy", "dns", "tcp", "tls", "http", "clock", "challenge", "realm", "anonymous"}
LOGGED_IN = {"token", "rights"}
WRITTEN = {"upload", "location", "chunks", "manifest", "head", "pull", "range", "delete"}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry on http."""
    with running(tmp_path_factory.mktemp("http") / "data", "--workers", "1") as registry:
        yield registry


def account(registry: RunningRegistry, name: str, repository: str, *actions: str) -> str:
    """The password of a new account with these actions on the repository."""
    done = acrux(
        "token", "create", "--data-dir", str(registry.data_dir), "-n", name,
        "--repository", repository, *actions, "--output", "json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["credentials"]["passwords"][0]["value"])


def repositories(registry: RunningRegistry) -> list[str]:
    """The catalog."""
    auth = RegistryAuth(registry.url, Credential("acrux", Secret(registry.password)))
    answer = httpx2.get(f"{registry.url}/v2/_catalog", auth=auth)
    return list(answer.json()["repositories"])


def test_a_healthy_registry_passes_every_check_and_is_left_as_it_was(
    registry: RunningRegistry,
) -> None:
    """A doctor that leaves something behind cannot be run every hour."""
    before = repositories(registry)

    found = as_user("acrux", registry.password, registry.host)

    assert found.code == 0, found.printed
    assert found.named("ok") == READ | LOGGED_IN | WRITTEN
    assert found.document["registry"] == registry.url
    assert found.document["healthy"] is True
    assert repositories(registry) == before


def test_without_a_login_it_sees_what_a_stranger_sees(registry: RunningRegistry) -> None:
    """The network and TLS can be checked by somebody who has no account."""
    found = examine(registry.url)

    assert found.code == 0
    assert found.named("ok") == READ
    assert found.named("skipped") == LOGGED_IN | WRITTEN
    assert found["token"]["detail"].startswith("no credentials: give -u USER")


def test_nothing_is_pushed_if_it_may_only_read(registry: RunningRegistry) -> None:
    """A node of a cluster has an account that only pulls."""
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)
    connection.push_image(image(b"a layer"), "v1", "team/app")
    connection.close()
    password = account(registry, "reader", "team/app", "content/read")
    before = repositories(registry)

    found = as_user(
        "reader", password, registry.host, "--read-only", "--repository", "team/app"
    )  # fmt: skip

    assert found.code == 0, found.printed
    assert found.named("skipped") == {"upload", "location", "chunks", "delete"}
    assert found["manifest"]["detail"] == "found team/app:v1"
    assert repositories(registry) == before


def test_if_it_may_only_read_it_pulls_the_first_tag_there_is(tmp_path: Path) -> None:
    """Who only wants to know whether pulls work need not know what there is to pull."""
    with running(tmp_path / "data", "--workers", "1") as registry:
        none = as_user("acrux", registry.password, registry.host, "--read-only")
        auth = RegistryAuth(registry.url, Credential("acrux", Secret(registry.password)))
        push(registry.url, "a-first", image(b"without a tag"), auth=auth)
        push(registry.url, "team/app", image(b"a layer"), "v1", auth=auth)
        found = as_user("acrux", registry.password, "-r", registry.host, "--read-only")
        nobody = examine(registry.host, "--read-only")

    assert (none.code, found.code, nobody.code) == (0, 0, 0), found.printed
    assert none["manifest"]["detail"].startswith("the catalog leads to no tag")
    assert found["manifest"]["detail"] == "found team/app:v1"
    assert {"head", "pull", "range"} <= found.named("ok")
    assert nobody["manifest"]["status"] == "skipped"


def test_each_check_is_a_line_for_programs_that_read_lines(registry: RunningRegistry) -> None:
    """The help promises a line for each item."""
    arguments = ("doctor", registry.host, "-u", "acrux", "--password-stdin", "-o", "jsonl")

    result = CliRunner().invoke(cli, arguments, input=f"{registry.password}\n")

    *checks, verdict = map(json.loads, result.stdout.splitlines())
    assert {one["name"] for one in checks} == READ | LOGGED_IN | WRITTEN
    assert verdict == {"registry": registry.url, "healthy": True}
    named = CliRunner().invoke(cli, (*arguments, "--query", "name"), input=f"{registry.password}\n")
    assert '"pull"' in named.stdout.splitlines()


def test_what_it_deleted_is_said_to_take_space_until_it_is_collected(
    registry: RunningRegistry,
) -> None:
    """Whoever looks at acrux usage afterwards finds it there."""
    found = as_user("acrux", registry.password, registry.host)

    left = acrux("usage", "--prefix", "acrux-doctor", "--data-dir", str(registry.data_dir))
    assert "acrux-doctor" in left.stdout
    assert found["delete"]["detail"] == (
        "deleted, and gone; its space is free once the registry has collected it"
    )


def test_a_repository_that_is_not_there_cannot_be_pulled(registry: RunningRegistry) -> None:
    """A typo must not look like a healthy registry."""
    arguments = (registry.host, "--read-only", "--repository", "team/ap")

    found = as_user("acrux", registry.password, *arguments)

    assert found.code == 1
    assert "404 Not Found: NAME_UNKNOWN" in found["manifest"]["detail"]


def test_a_wrong_password_is_named_as_az_names_it(registry: RunningRegistry) -> None:
    """Whoever knows az acr check-health finds its pages by this name."""
    found = as_user("acrux", "a-wrong-password", registry.host)

    assert found.code == 1
    assert found.named("failed") == {"token"}
    assert found["token"]["error"] == "CONNECTIVITY_ACCESS_TOKEN_ERROR"
    assert "acrux login" in found["token"]["advice"]
    assert found["upload"]["detail"] == "needs the check 'token'"


def test_rights_that_are_missing_are_named(registry: RunningRegistry) -> None:
    """The account's owner must learn what to ask for."""
    password = account(registry, "puller", "team/app", "content/read")

    found = as_user("puller", password, registry.host, "--repository", "team/app")

    assert found.code == 1
    assert found["rights"]["detail"] == (
        "on team/app: pull; not granted: push, delete, metadata_read, metadata_write"
    )
    assert found["rights"]["error"] == "CONNECTIVITY_ACCESS_TOKEN_PERMISSIONS_ERROR"
    assert found["upload"]["detail"] == "push is not granted"


def test_what_may_not_be_deleted_again_is_named(registry: RunningRegistry) -> None:
    """An account of CI pushes, and somebody else must clean up."""
    password = account(registry, "pusher", "team/ci", "content/read", "content/write")

    found = as_user("pusher", password, registry.host, "--repository", "team/ci")

    assert found.code == 0, found.printed
    assert found["delete"]["status"] == "warning"
    assert re.fullmatch(
        r"team/ci:acrux-doctor-[0-9a-f]{12} stays: delete is not granted",
        found["delete"]["detail"],
    )


def test_a_refresh_token_that_was_stored_is_used(registry: RunningRegistry) -> None:
    """The question is often whether what docker has stored still works."""
    stored = CliRunner().invoke(
        cli,
        ["login", registry.host, "-u", "acrux", "--password-stdin"],
        input=f"{registry.password}\n",
    )

    found = examine(registry.host)

    assert stored.exit_code == 0, stored.output
    assert found.code == 0, found.printed
    assert re.fullmatch(
        r"an access token is given for a refresh token; it expires in [0-9:]+",
        found["token"]["detail"],
    )


def test_a_table_says_below_it_what_to_do(registry: RunningRegistry) -> None:
    """It is the first thing that a person reads."""
    arguments = ["doctor", registry.host, "-u", "acrux", "--password-stdin"]

    result = CliRunner().invoke(cli, arguments, input="wrong\n")

    lines = result.stdout.splitlines()
    assert lines[0].split() == ["CHECK", "RESULT", "FOUND"]
    assert "token: CONNECTIVITY_ACCESS_TOKEN_ERROR: log in again" in result.stdout
    assert lines[-1] == "9 ok, 0 warning, 1 failed, 9 skipped"


def test_both_sides_are_examined_at_once_on_the_registrys_own_machine(
    registry: RunningRegistry,
) -> None:
    """Whoever looks after the registry wants one answer."""
    found = as_user(
        "acrux", registry.password, registry.host, "--data-dir", str(registry.data_dir)
    )  # fmt: skip

    assert found.code == 0, found.printed
    assert {"database", "space", "pull"} <= found.named("ok")


@pytest.mark.parametrize(
    "arguments", [("ftp://a",), ("a/b",), ("x", "--repository", "Team"), ("--nme",)]
)
def test_wrong_usage_is_said_before_anything_is_called(arguments: tuple[str, ...]) -> None:
    """A typo must not be reported as a sick registry."""
    result = CliRunner().invoke(cli, ["doctor", *arguments])

    assert result.exit_code == 2


def test_it_obeys_the_registrys_own_certificate(
    tmp_path: Path,
) -> None:
    """With --tls-self-signed, clients need its CA and nothing else."""
    with running(tmp_path / "data", "--workers", "1", "--tls-self-signed") as registry:
        host = f"localhost:{registry.port}"
        trusted = as_user(
            "acrux", registry.password, f"https://{host}", "--cacert",
            str(tmp_path / "data/tls/ca.pem"),
        )  # fmt: skip
        untrusted = examine(f"https://{host}")
        plain = examine(f"http://{host}")
        here = examine("--data-dir", str(tmp_path / "data"), "--config", str(_config(tmp_path)))

    assert trusted.code == 0, trusted.printed
    assert "TLSv1.3" in trusted["tls"]["detail"]
    assert untrusted["tls"]["error"] == "CONNECTIVITY_SSL_ERROR"
    assert "--cacert" in untrusted["tls"]["advice"]
    assert plain.code == 1
    assert here["certificate"]["status"] == "ok"


def _config(folder: Path) -> Path:
    file = folder / "acrux.toml"
    file.write_text("tls_self_signed = true\n")
    return file
