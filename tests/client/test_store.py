"""Logins, stored where docker looks for them."""

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from acrux.client import credentials
from acrux.client.errors import CredentialsUnavailable
from acrux.client.login import RefreshToken
from acrux.domain.access.credential import Credential, Secret
from acrux.domain.access.token import TOKEN_USER
from tests.tools import missing

HOST = "registry.example.com:5000"
TOKEN = RefreshToken(Secret("eyJ-secret"))
PASSWORD = Credential("alice", Secret("won:der"))

# A credential helper like docker's own: it stores what it gets, in one file per server.
HELPER = """#!/usr/bin/env python3
import json, os, sys
folder = os.environ["HOME"] + "/kept"
text = sys.stdin.read()
server = json.loads(text)["ServerURL"] if sys.argv[1] == "store" else text
path = folder + "/" + server.replace("/", "_")
os.makedirs(folder, exist_ok=True)
if sys.argv[1] == "store":
    open(path, "w").write(text)
elif not os.path.exists(path):
    sys.exit(print("credentials not found in native keychain") or 1)
elif sys.argv[1] == "get":
    print(open(path).read())
else:
    os.unlink(path)
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment whose docker configuration is in the test's own folder."""
    helper = tmp_path / "docker-credential-fake"
    helper.write_text(HELPER)
    helper.chmod(stat.S_IRWXU)
    programs = f"{tmp_path}:/usr/local/bin:/usr/bin:/bin"
    return {"DOCKER_CONFIG": str(tmp_path / "docker"), "HOME": str(tmp_path), "PATH": programs}


def file_of(environ: dict[str, str]) -> Path:
    """docker's configuration."""
    return Path(environ["DOCKER_CONFIG"]) / "config.json"


def write(environ: dict[str, str], content: object) -> None:
    """Write docker's configuration."""
    file_of(environ).parent.mkdir(exist_ok=True)
    file_of(environ).write_text(json.dumps(content))


def written(environ: dict[str, str]) -> dict[str, Any]:
    """What docker's configuration holds."""
    content: dict[str, Any] = json.loads(file_of(environ).read_bytes())
    return content


def found(environ: dict[str, str], host: str = HOST) -> tuple[str, str]:
    """The login that is found: its name and its secret."""
    login = credentials.find(host, environ)
    assert login is not None
    return getattr(login, "name", "<token>"), login.secret.reveal()


def test_a_refresh_token_is_kept_as_docker_keeps_it(environ: dict[str, str]) -> None:
    """docker, podman and skopeo look for `identitytoken`, older clients for `auth` alone."""
    place = credentials.store(HOST, TOKEN, environ)

    auth = base64.b64encode(f"{TOKEN_USER}:eyJ-secret".encode()).decode()
    assert place == file_of(environ)
    assert written(environ) == {"auths": {HOST: {"auth": auth, "identitytoken": "eyJ-secret"}}}
    assert found(environ) == ("<token>", "eyJ-secret")


def test_a_password_is_kept_as_docker_keeps_it(environ: dict[str, str]) -> None:
    """A registry without refresh tokens leaves no other way."""
    credentials.store(HOST, PASSWORD, environ)

    assert written(environ) == {"auths": {HOST: {"auth": "YWxpY2U6d29uOmRlcg=="}}}
    assert found(environ) == ("alice", "won:der")


def test_docker_hub_has_a_name_of_its_own(environ: dict[str, str]) -> None:
    """docker would not find it under any other name."""
    credentials.store("docker.io", PASSWORD, environ)

    assert list(written(environ)["auths"]) == ["https://index.docker.io/v1/"]
    assert found(environ, "registry-1.docker.io") == ("alice", "won:der")


def test_everything_else_in_the_file_stays(environ: dict[str, str]) -> None:
    """It is docker's file, and holds fields that we do not know."""
    others = {"HttpHeaders": {"X": "ü\ud800"}, "psFormat": "table", "plugins": {"a": {"b": [1.5]}}}
    auths = {"other:5000": {"auth": "bzp0aGVy", "email": "a@b.c", "new": {}}}
    write(environ, {**others, "auths": auths, "currentContext": "c"})

    credentials.store(HOST, TOKEN, environ)
    both = written(environ)
    credentials.erase(HOST, environ)

    assert list(both) == ["HttpHeaders", "psFormat", "plugins", "auths", "currentContext"]
    assert both["auths"]["other:5000"] == auths["other:5000"]
    assert written(environ) == {**others, "auths": auths, "currentContext": "c"}


def test_the_file_is_its_owners_alone(environ: dict[str, str]) -> None:
    """Anyone who reads it can log in; the permissions of an existing file are tightened."""
    write(environ, {})
    file_of(environ).chmod(0o644)

    credentials.store(HOST, TOKEN, environ)

    assert stat.S_IMODE(file_of(environ).stat().st_mode) == 0o600
    assert [file.name for file in file_of(environ).parent.iterdir()] == ["config.json"]


def test_a_new_folder_is_its_owners_alone(environ: dict[str, str]) -> None:
    """The first login on a machine creates it."""
    credentials.store(HOST, TOKEN, environ)

    assert stat.S_IMODE(file_of(environ).parent.stat().st_mode) == 0o700


def test_a_link_stays_a_link(environ: dict[str, str], tmp_path: Path) -> None:
    """People keep their configuration in a repository, and link to it."""
    write(environ, {})
    place = file_of(environ).rename(tmp_path / "dotfiles.json")
    file_of(environ).symlink_to(place)

    credentials.store(HOST, TOKEN, environ)

    assert file_of(environ).is_symlink()
    assert HOST in json.loads(place.read_text())["auths"]


def test_a_failed_write_leaves_the_file_as_it_was(environ: dict[str, str], tmp_path: Path) -> None:
    """Half a configuration would log you out everywhere."""
    file_of(environ).parent.symlink_to("/proc/self")

    with pytest.raises(CredentialsUnavailable, match=r"cannot write .*config\.json"):
        credentials.store(HOST, TOKEN, environ)

    assert list(tmp_path.glob("**/.config.json*")) == []


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_broken_file_is_not_overwritten(content: str, environ: dict[str, str]) -> None:
    """A comma too many must not cost all other logins."""
    write(environ, {})
    file_of(environ).write_text(content)

    with pytest.raises(CredentialsUnavailable, match="correct or remove"):
        credentials.store(HOST, TOKEN, environ)

    assert file_of(environ).read_text() == content


def test_without_a_home_there_is_no_file() -> None:
    """The line says what to set."""
    with pytest.raises(CredentialsUnavailable, match="DOCKER_CONFIG"):
        credentials.store(HOST, TOKEN, {})


@pytest.mark.parametrize("configuration", [{"credsStore": "fake"}, {"credHelpers": {HOST: "fake"}}])
@pytest.mark.parametrize(("login", "name"), [(TOKEN, "<token>"), (PASSWORD, "alice")])
def test_a_helper_stores_it_instead(
    configuration: dict[str, Any],
    login: Credential | RefreshToken,
    name: str,
    environ: dict[str, str],
) -> None:
    """The file then holds no secret, and an empty entry as docker writes it."""
    write(environ, configuration)

    place = credentials.store(HOST, login, environ)

    assert place == "docker-credential-fake"
    assert written(environ) == {**configuration, "auths": {HOST: {}}}
    assert found(environ) == (name, login.secret.reveal())


@pytest.mark.parametrize("configuration", [{}, {"credsStore": "fake"}])
def test_an_erased_login_is_not_found_any_more(
    configuration: dict[str, Any], environ: dict[str, str]
) -> None:
    """You rely on it when you log out of a shared machine."""
    write(environ, configuration)
    credentials.store(HOST, TOKEN, environ)
    credentials.store("other:5000", PASSWORD, environ)

    was_kept, again = credentials.erase(HOST, environ), credentials.erase(HOST, environ)

    assert (was_kept, again) == (True, False)
    assert credentials.find(HOST, environ) is None
    assert found(environ, "other:5000") == ("alice", "won:der")


def test_entries_of_old_versions_are_erased_as_well(environ: dict[str, str]) -> None:
    """They would be found, so they must go."""
    entry = {"auth": "YWxpY2U6d29uOmRlcg=="}
    write(environ, {"auths": {f"https://{HOST}/v1/": entry, HOST: entry, "other": entry}})

    credentials.erase(HOST, environ)

    assert written(environ) == {"auths": {"other": entry}}


# It is locked: it answers `get`, and refuses to store or erase.
LOCKED = """#!/bin/sh
[ $1 = get ] && echo '{"Username":"a","Secret":"b"}' && exit
cat
exit 3
"""


def test_a_failing_helper_is_reported_without_the_secret(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """A locked key chain is not a reason to write the secret into a file."""
    write(environ, {"credsStore": "fake", "auths": {HOST: {}}})
    before = file_of(environ).read_text()
    (tmp_path / "docker-credential-fake").write_text(LOCKED)

    with pytest.raises(CredentialsUnavailable, match=r"could not store .*status 3") as not_stored:
        credentials.store(HOST, TOKEN, environ)
    with pytest.raises(CredentialsUnavailable, match=r"could not erase .*status 3"):
        credentials.erase(HOST, environ)

    assert "eyJ-secret" not in str(not_stored.value)
    assert file_of(environ).read_text() == before


def test_an_empty_file_is_as_good_as_none(environ: dict[str, str]) -> None:
    """docker accepts the result of `touch config.json`."""
    file_of(environ).parent.mkdir()
    file_of(environ).touch()

    credentials.store(HOST, TOKEN, environ)

    assert credentials.find(HOST, environ) is not None


def test_the_file_stays_its_owners(environ: dict[str, str]) -> None:
    """`sudo acrux login` would take docker's configuration away from its user."""
    if os.getuid() != 0:
        missing("only root may give a file away")
    write(environ, {})
    os.chown(file_of(environ), 4711, 4712)

    credentials.store(HOST, TOKEN, environ)

    found = file_of(environ).stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (4711, 4712, 0o600)
