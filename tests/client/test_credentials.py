"""Credentials as docker, podman and their helpers store them."""

import base64
import json
from pathlib import Path

import pytest

from acrux.client import credential_helper, credentials, docker_config
from acrux.client.errors import CredentialsUnavailable
from acrux.client.login import RefreshToken
from acrux.domain.access.credential import Credential

HOST = "registry.example.com:5000"
AUTH = base64.b64encode(b"alice:won:der").decode()

HELPER = """#!/bin/sh
read server
printf '%s' "$1 $server" > "$HOME/asked"
{}
"""


def write(path: Path, content: object) -> dict[str, str]:
    """Write docker's configuration, and return an environment that finds it."""
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps(content))
    programs = f"{path}:/usr/bin:/bin"
    return {"DOCKER_CONFIG": str(path), "HOME": str(path), "PATH": programs}


def add_helper(path: Path, name: str, script: str) -> None:
    """Add a credential helper to the path."""
    helper = path / f"docker-credential-{name}"
    helper.write_text(HELPER.format(script))
    helper.chmod(0o700)


def pair(found: Credential | RefreshToken | None) -> tuple[str, str] | None:
    """The parts of the credential."""
    assert not isinstance(found, RefreshToken)
    return (found.name, found.secret.reveal()) if found else None


@pytest.mark.parametrize(
    ("key", "host"),
    [
        (HOST, HOST),
        (f"https://{HOST}", HOST),
        (f"https://{HOST}/v1/", HOST),
        ("https://index.docker.io/v1/", "docker.io"),
        ("https://index.docker.io/v1/", "registry-1.docker.io"),
    ],
)
def test_what_docker_login_wrote_is_found(key: str, host: str, tmp_path: Path) -> None:
    """After docker login you need not type the password again."""
    environ = write(tmp_path, {"auths": {"other": {}, key: {"auth": AUTH}}})

    assert pair(credentials.find(host, environ)) == ("alice", "won:der")


def test_name_and_password_may_stand_apart(tmp_path: Path) -> None:
    """Kubernetes writes them this way into its pull secrets."""
    entry = {"username": "bob", "password": "builder"}
    environ = write(tmp_path, {"auths": {HOST: entry}})

    assert pair(credentials.find(HOST, environ)) == ("bob", "builder")


@pytest.mark.parametrize(
    "content", [{}, {"auths": {"other:5000": {"auth": AUTH}}}, {"auths": {HOST: {}}}, {"auths": []}]
)
def test_without_an_entry_there_is_no_credential(content: object, tmp_path: Path) -> None:
    """We must not send another registry's password."""
    assert credentials.find(HOST, write(tmp_path, content)) is None


def test_without_any_configuration_there_is_no_credential(tmp_path: Path) -> None:
    """A machine without docker is not an error."""
    assert credentials.find(HOST, {"HOME": str(tmp_path)}) is None
    assert credentials.find(HOST, {}) is None


def test_the_files_are_read_in_their_order() -> None:
    """If you set a variable, you mean it."""
    home = {"HOME": "/h", "XDG_RUNTIME_DIR": "/run/1"}
    docker = home | {"DOCKER_CONFIG": "/d"}
    named = docker | {"REGISTRY_AUTH_FILE": "/a.json"}

    found = [
        [str(path) for path in docker_config.files(environ)] for environ in (home, docker, named)
    ]

    containers = "/run/1/containers/auth.json"
    assert found == [
        ["/h/.docker/config.json", containers],
        ["/d/config.json", containers],
        ["/a.json"],
    ]


def test_podmans_file_is_read_after_dockers(tmp_path: Path) -> None:
    """podman login writes to a file of its own."""
    folder = tmp_path / "containers"
    folder.mkdir()
    (folder / "auth.json").write_text(json.dumps({"auths": {HOST: {"auth": AUTH}}}))
    environ = write(tmp_path / "docker", {"auths": {}}) | {"XDG_RUNTIME_DIR": str(tmp_path)}

    assert pair(credentials.find(HOST, environ)) == ("alice", "won:der")


@pytest.mark.parametrize(
    "configuration", [{"credsStore": "fake"}, {"credHelpers": {HOST: "fake"}, "credsStore": "no"}]
)
def test_a_helper_is_asked_for_the_server(configuration: object, tmp_path: Path) -> None:
    """Passwords are safer in a key chain than in a file."""
    environ = write(tmp_path, configuration)
    add_helper(tmp_path, "fake", """echo '{"Username":"carol","Secret":"s3cret"}'""")

    found = credentials.find(HOST, environ)

    assert pair(found) == ("carol", "s3cret")
    assert (tmp_path / "asked").read_text() == f"get {HOST}"


def test_a_login_that_the_helper_lacks_is_read_from_the_file(tmp_path: Path) -> None:
    """A helper for one registry must not hide the login of another."""
    environ = write(tmp_path, {"credsStore": "fake", "auths": {HOST: {"auth": AUTH}}})
    add_helper(tmp_path, "fake", "echo credentials not found in native keychain; exit 1")

    assert pair(credentials.find(HOST, environ)) == ("alice", "won:der")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo s3cret; exit 3", "exit status 3"),
        ("echo s3cret", "not JSON"),
        ("""echo '{"Secret":"s3cret"}'""", "not JSON"),
        ("""echo '["s3cret"]'""", "not JSON"),
    ],
)
def test_a_failing_helper_is_reported_without_its_output(
    script: str, why: str, tmp_path: Path
) -> None:
    """Without credentials, an image would seem to be missing."""
    environ = write(tmp_path, {"credsStore": "fake"})
    add_helper(tmp_path, "fake", script)

    with pytest.raises(CredentialsUnavailable, match=why) as refused:
        credentials.find(HOST, environ)

    assert "s3cret" not in str(refused.value)


def test_a_helper_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key chain that waits for a window nobody sees would hang every build."""
    monkeypatch.setattr(credential_helper, "HELPER_SECONDS", 0.2)
    environ = write(tmp_path, {"credsStore": "fake"})
    add_helper(tmp_path, "fake", "exec tail -f /dev/null")

    with pytest.raises(CredentialsUnavailable, match="did not answer"):
        credentials.find(HOST, environ)


@pytest.mark.parametrize("name", ["../../bin/sh", "a/b", "a b", "$(x)", 5])
def test_a_helper_is_a_name_and_not_a_path(name: object, tmp_path: Path) -> None:
    """A configuration that is copied around must not be able to run any program."""
    with pytest.raises(CredentialsUnavailable, match="helper"):
        credentials.find(HOST, write(tmp_path, {"credsStore": name}))


def test_a_missing_helper_is_reported(tmp_path: Path) -> None:
    """Docker Desktop leaves its helper's name behind when it is removed."""
    with pytest.raises(CredentialsUnavailable, match="docker-credential-desktop is not on"):
        credentials.find(HOST, write(tmp_path, {"credsStore": "desktop"}))


def test_an_identity_token_is_a_refresh_token(tmp_path: Path) -> None:
    """`az acr login` stores one, with a user name of zeros and no password."""
    entry = {"auth": base64.b64encode(b"0000:").decode(), "identitytoken": "eyJ-secret"}

    found = credentials.find(HOST, write(tmp_path, {"auths": {HOST: entry}}))

    assert isinstance(found, RefreshToken)
    assert found.secret.reveal() == "eyJ-secret"


def test_a_helpers_token_is_a_refresh_token(tmp_path: Path) -> None:
    """docker uses this user name when it gives a token to a helper."""
    environ = write(tmp_path, {"credsStore": "fake"})
    add_helper(tmp_path, "fake", """echo '{"Username":"<token>","Secret":"s3cret"}'""")

    found = credentials.find(HOST, environ)

    assert isinstance(found, RefreshToken)
    assert found.secret.reveal() == "s3cret"


def test_a_new_login_counts_more_than_an_old_one(tmp_path: Path) -> None:
    """docker looks for the plain name before it looks for the URLs of old versions."""
    old, new = (base64.b64encode(pair).decode() for pair in (b"old:1", b"new:2"))
    auths = {f"https://{HOST}/v1/": {"auth": old}, HOST: {"auth": new}}

    assert pair(credentials.find(HOST, write(tmp_path, {"auths": auths}))) == ("new", "2")


def test_an_empty_helper_means_the_file(tmp_path: Path) -> None:
    """One registry can be excluded from the common helper."""
    configuration = {"credHelpers": {HOST: ""}, "credsStore": "missing"}
    environ = write(tmp_path, {**configuration, "auths": {HOST: {"auth": AUTH}}})

    assert pair(credentials.find(HOST, environ)) == ("alice", "won:der")


@pytest.mark.parametrize("auth", ["???", base64.b64encode(b"no colon").decode(), "/w=="])
def test_an_entry_that_cannot_be_read_is_reported(auth: str, tmp_path: Path) -> None:
    """Otherwise a truncated file looks like wrong credentials."""
    with pytest.raises(CredentialsUnavailable, match="log in again"):
        credentials.find(HOST, write(tmp_path, {"auths": {HOST: {"auth": auth}}}))


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_file_that_is_not_json_is_reported(content: bytes, tmp_path: Path) -> None:
    """The one line must name the file to look at."""
    environ = write(tmp_path, {})
    (tmp_path / "config.json").write_bytes(content)

    with pytest.raises(CredentialsUnavailable, match=r"config\.json"):
        credentials.find(HOST, environ)


def test_a_file_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    """The one line must name the file to look at."""
    with pytest.raises(CredentialsUnavailable, match="cannot read"):
        credentials.find(HOST, {"REGISTRY_AUTH_FILE": str(tmp_path)})
