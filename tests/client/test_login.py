"""acrux login and logout, as they are typed."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from acrux.cli.main import cli
from acrux.domain.access.token import TOKEN_USER
from tests.client.registry import MANIFEST, REFRESH_TOKEN, SUBJECT_TOKEN, FakeRegistry

LOGIN = ("-u", "alice", "--password-stdin")
PATH = "/v2/hello-world/manifests/latest"
BASIC = {"WWW-Authenticate": 'Basic realm="r"'}


def acrux(*arguments: str, stdin: str | bytes = "wonderland\n") -> Result:
    """Run a command."""
    return CliRunner().invoke(cli, arguments, input=stdin)


def refused_with(result: Result, code: int, why: str) -> None:
    """Check that the command failed with this code, one line that says why, and no secret."""
    assert result.exit_code == code, result.output
    assert why in result.stderr.splitlines()[-1]
    assert "wonderland" not in result.output


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """docker's configuration, which does not exist yet."""
    return tmp_path / ".docker" / "config.json"


def kept(file: Path) -> dict[str, Any]:
    """The logins that docker finds."""
    auths: dict[str, Any] = json.loads(file.read_text())["auths"]
    return auths


def test_login_keeps_a_refresh_token_and_no_password(registry: FakeRegistry, file: Path) -> None:
    """What a thief takes from a file should expire within three hours."""
    result = acrux("login", registry.host, *LOGIN)

    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Login Succeeded: a refresh token (")
    assert str(file) in result.stdout
    assert result.stderr == ""
    assert kept(file)[registry.host]["identitytoken"] == REFRESH_TOKEN
    assert "wonderland" not in file.read_text()
    assert registry.steps == [("/v2/", "-"), ("/oauth2/token", "Basic"), ("/v2/", "Bearer")]


def test_after_login_the_api_needs_no_password(registry: FakeRegistry) -> None:
    """This is what a login is for."""
    acrux("login", registry.host, *LOGIN)

    called = acrux("api", f"{registry.host}{PATH}")

    assert (called.exit_code, called.stdout_bytes) == (0, MANIFEST)


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (("--token-stdin",), SUBJECT_TOKEN),
        (("--refresh-token-stdin",), REFRESH_TOKEN),
        (("-u", TOKEN_USER, "--password-stdin"), REFRESH_TOKEN),
        ((*LOGIN, "--grant", "password"), "wonderland\n"),
    ],
)
def test_login_takes_tokens_as_well(
    arguments: tuple[str, ...], stdin: str, registry: FakeRegistry, file: Path
) -> None:
    """A CI job has a token of its platform, and no password."""
    result = acrux("login", registry.host, *arguments, stdin=stdin)

    assert result.exit_code == 0, result.output
    assert kept(file)[registry.host]["identitytoken"] == REFRESH_TOKEN


def test_a_stored_login_can_be_renewed_with_itself(registry: FakeRegistry, file: Path) -> None:
    """docker says: authenticating with existing credentials."""
    acrux("login", registry.host, *LOGIN)

    again = acrux("login", registry.host)

    assert again.exit_code == 0, again.output
    assert kept(file)[registry.host]["identitytoken"] == REFRESH_TOKEN


def test_an_expired_stored_login_is_reported(registry: FakeRegistry, file: Path) -> None:
    """A refresh token expires every few hours: the line says what to type then."""
    acrux("login", registry.host, *LOGIN)
    file.write_text(file.read_text().replace(REFRESH_TOKEN, "stale"))

    refused_with(acrux("login", registry.host), 1, "give -u USER")


def test_login_tells_programs_where_it_is_stored(registry: FakeRegistry, file: Path) -> None:
    """A script that cleans up must know."""
    result = acrux("login", registry.host, *LOGIN, "--output", "json")

    assert json.loads(result.stdout) == {
        "loginServer": registry.host,
        "username": TOKEN_USER,
        "keptIn": str(file),
    }


def test_login_hands_the_token_to_a_helper(
    registry: FakeRegistry, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is safer in a key chain than in a file."""
    helper = tmp_path / "docker-credential-fake"
    helper.write_text('#!/bin/sh\ncat > "$HOME/$1"\n')
    helper.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    file.parent.mkdir()
    file.write_text(json.dumps({"credHelpers": {registry.host: "fake"}}))

    result = acrux("login", registry.host, "--token-stdin", stdin=SUBJECT_TOKEN)

    assert "docker-credential-fake" in result.stdout
    assert json.loads((tmp_path / "store").read_text()) == {
        "ServerURL": registry.host,
        "Username": "<token>",
        "Secret": REFRESH_TOKEN,
    }
    assert REFRESH_TOKEN not in file.read_text()


def test_a_registry_without_refresh_tokens_leaves_the_password(
    registry: FakeRegistry, file: Path
) -> None:
    """docker warns about this too: anyone who reads the file can log in."""
    registry.has_refresh_tokens = False

    result = acrux("login", registry.host, *LOGIN)

    assert "the password is stored unencrypted in" in result.stderr
    assert kept(file)[registry.host] == {"auth": "YWxpY2U6d29uZGVybGFuZA=="}
    assert acrux("api", f"{registry.host}{PATH}").exit_code == 0


def test_login_works_with_basic(registry: FakeRegistry, file: Path) -> None:
    """A registry behind a web server with a password file has no tokens at all."""
    registry.answers["/v2/"] = lambda asked: (200 if asked.authorization else 401, BASIC, b"{}")

    result = acrux("login", registry.host, *LOGIN)
    with_token = acrux("login", registry.host, "--token-stdin", stdin=SUBJECT_TOKEN)

    assert result.exit_code == 0, result.output
    assert kept(file)[registry.host] == {"auth": "YWxpY2U6d29uZGVybGFuZA=="}
    refused_with(with_token, 1, "does not use tokens")


@pytest.mark.parametrize("output", ["json", "table"])
def test_expose_token_prints_it_as_az_does_and_keeps_nothing(
    output: str, registry: FakeRegistry, file: Path
) -> None:
    """For machines without docker: `az acr login --expose-token` prints these four."""
    result = acrux("login", registry.host, *LOGIN, "--expose-token", "--output", output)

    lines = [line.split() for line in result.stdout.splitlines()]
    shown = json.loads(result.stdout) if output == "json" else dict(lines)
    assert shown == {
        "loginServer": registry.host,
        "username": TOKEN_USER,
        "accessToken": REFRESH_TOKEN,
        "refreshToken": REFRESH_TOKEN,
    }
    assert not file.exists()


def test_expose_token_never_prints_a_password(registry: FakeRegistry) -> None:
    """Not even if there is nothing else."""
    registry.has_refresh_tokens = False

    refused_with(acrux("login", registry.host, *LOGIN, "--expose-token"), 1, "none to expose")


def test_login_traces_each_step_with_stars(registry: FakeRegistry) -> None:
    """A failing login is examined before any other command."""
    result = acrux("login", "-v", registry.host, *LOGIN, "--grant", "password")

    assert "> grant_type=password&username=alice&password=***&access_type=offline" in result.stderr
    assert "wonderland" not in result.output
    assert REFRESH_TOKEN not in result.output


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "why"),
    [
        (LOGIN, "mistyped\n", 1, "wrong password"),
        (("--token-stdin",), "stale", 1, "wrong subject token"),
        ((), "", 2, "no credentials: give -u USER"),
        (("-u", "alice"), "", 2, "no password for 'alice'"),
        (("-u", "a:b", "--password-stdin"), "c", 2, "a user name cannot contain a colon"),
        (("-u", "alice", "--token-stdin"), "c", 2, "give only one"),
    ],
)
def test_a_login_that_fails_is_one_line_and_keeps_nothing(
    arguments: tuple[str, ...],
    stdin: str,
    code: int,
    why: str,
    registry: FakeRegistry,
    file: Path,
) -> None:
    """An earlier login, if any, is still there."""
    refused_with(acrux("login", registry.host, *arguments, stdin=stdin), code, why)

    assert not file.exists()


@pytest.mark.parametrize("challenge", [BASIC, None])
def test_a_login_that_the_registry_does_not_accept_is_reported(
    challenge: dict[str, str] | None, registry: FakeRegistry, file: Path
) -> None:
    """A token server may say yes although the registry says no."""
    refusal = (401, challenge, b"") if challenge else registry.challenge("")
    registry.answers["/v2/"] = lambda _: refusal

    refused_with(acrux("login", registry.host, *LOGIN), 1, "it answered 401")

    assert not file.exists()


def test_a_registry_that_is_open_to_all_needs_no_login(registry: FakeRegistry) -> None:
    """A password that nobody requires is not sent."""
    registry.answers["/v2/"] = lambda _: (200, {}, b"{}")

    refused_with(acrux("login", registry.host, *LOGIN), 1, "requires no credentials")

    assert registry.steps == [("/v2/", "-")]


def test_a_realm_elsewhere_gets_no_login(registry: FakeRegistry) -> None:
    """A login is where passwords are stolen."""
    elsewhere = 'Bearer realm="http://localhost:1/token"'
    registry.answers["/v2/"] = lambda _: (401, {"WWW-Authenticate": elsewhere}, b"")

    for arguments in (LOGIN, ("--token-stdin",)):
        refused_with(acrux("login", registry.host, *arguments), 1, "another place")

    assert registry.steps == [("/v2/", "-")] * 2


@pytest.mark.parametrize("command", ["login", "logout"])
@pytest.mark.parametrize("registry_name", ["localhost/a", "http://localhost/?a=b", "ftp://a", ""])
def test_a_repository_instead_of_a_registry_is_wrong_usage(
    command: str, registry_name: str
) -> None:
    """docker would never look it up under the name of a repository."""
    refused_with(acrux(command, registry_name), 2, "Invalid value")


def test_logout_forgets_the_login(registry: FakeRegistry, file: Path) -> None:
    """It says so, or that there was none: after a typo it must not seem to have worked."""
    acrux("login", registry.host, *LOGIN)

    out, again = acrux("logout", registry.host), acrux("logout", registry.host)

    assert (out.exit_code, kept(file)) == (0, {})
    refused_with(again, 1, f"not logged in to {registry.host}")


@pytest.mark.parametrize(
    ("stdin", "why"),
    [(b"w\xe9nderland\n", "not UTF-8"), (b"", "no password"), (b"\n", "no password")],
)
def test_an_invalid_password_is_never_sent(stdin: bytes, why: str, registry: FakeRegistry) -> None:
    """A script with an empty password file would count as a guesser, and soon have to wait."""
    refused_with(acrux("login", registry.host, *LOGIN, stdin=stdin), 2, why)

    assert registry.steps == []


def test_a_name_that_is_not_text_is_wrong_usage(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal with another character set sends it."""
    monkeypatch.setenv("ACRUX_PASSWORD", "wonderland")

    refused_with(acrux("api", "-u", "ren\udce9", registry.host + PATH), 2, "not UTF-8")
