"""Commands that manage a registry, at its URL."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from acrux.cli.main import cli
from tests.cli.conftest import at_url
from tests.cli.places import Place
from tests.running import RunningRegistry, acrux, free_port, running

PULL = "_repositories_pull"
READ = "_repositories_pull_metadata_read"


@pytest.fixture
def remote(served: RunningRegistry, tmp_path: Path) -> Place:
    """The registry at its URL, as the administrator."""
    return at_url(served, tmp_path)


@pytest.fixture
def local(served: RunningRegistry) -> Place:
    """The registry on its data directory."""
    return Place(("--data-dir", str(served.data_dir)))


@pytest.mark.parametrize(
    ("noun", "made"),
    [
        ("scope-map", ("-n", "readers", "--repository", "team/*", "content/read")),
        ("token", ("-n", "ci-team", "--scope-map", PULL)),
        ("token", ("-n", "ci-other", "--repository", "team/app", "content/read")),
        ("quota", ("-n", "team-quota", "--repository-pattern", "*", "--max", "1GiB")),
        ("write-once", ("-n", "releases", "--repository-pattern", "*")),
        ("webhook", ("-n", "deploy", "--uri", "https://example.com/hook", "--actions", "push")),
    ],
)
def test_what_is_made_at_a_url_is_there_on_the_data_directory(
    remote: Place, local: Place, noun: str, made: tuple[str, ...]
) -> None:
    """One registry: a command says the same of it, wherever it is typed."""
    name = made[1]
    created = remote.json(noun, "create", *made)

    assert created["name"] == name
    assert remote.json(noun, "list") == local.json(noun, "list")
    assert remote.json(noun, "show", "-n", name) == local.json(noun, "show", "-n", name)
    assert name in remote.ok(noun, "list")
    assert remote.refused(noun, "create", *made)[0] == 5
    remote.ok(noun, "delete", "-n", name, "--yes")
    assert remote.refused(noun, "show", "-n", name)[0] == 4


def test_an_account_lives_its_life_at_a_url(remote: Place) -> None:
    """Created, changed, given new passwords, revoked and deleted, all from a laptop."""
    of = ("-n", "laptop")
    remote.ok("token", "create", *of, "--scope-map", PULL, "--no-passwords", "--status", "disabled")
    enabled = remote.json("token", "update", *of, "--status", "enabled")
    both = ("--password", "password1", "--password", "password2")
    generated = remote.json("token", "credential", "generate", *of, *both)
    one_left = remote.json("token", "credential", "delete", *of, "--password", "password1", "--yes")
    remote.ok("token", "revoke", *of, "--yes")

    assert enabled["status"] == "enabled"
    values = [one["value"] for one in generated["credentials"]["passwords"]]
    assert (len(values), len(set(values))) == (2, 2)
    assert [one["name"] for one in one_left["credentials"]["passwords"]] == ["password2"]


def test_a_webhook_lives_its_life_at_a_url(remote: Place) -> None:
    """Pipelines are set up from a laptop, and looked after when a receiver is down."""
    of = ("-n", "pipeline")
    where = ("--uri", "https://example.com/hook", "--headers", "X-Team=blue")
    created = remote.json("webhook", "create", *of, *where, "--actions", "push", "delete")
    updated = remote.json("webhook", "update", *of, "--scope", "team/app:*", "--actions", "push")
    config = remote.json("webhook", "get-config", *of)
    renewed = remote.json("webhook", "renew-secret", *of)
    event = remote.ok("webhook", "ping", *of).strip()
    listed = remote.json("webhook", "list-events", *of)
    remote.ok("webhook", "delete", *of, "--yes")

    assert created["secret"].startswith("whsec_")
    assert (updated["scope"], updated["actions"]) == ("team/app:*", ["push"])
    assert config == {"serviceUri": where[1], "customHeaders": {"X-Team": "***"}}
    assert renewed["secret"] != created["secret"]
    assert [one["id"] for one in listed] == [event]


def test_a_user_logs_in_with_the_password_that_was_sent(
    served: RunningRegistry, remote: Place, tmp_path: Path
) -> None:
    """Standard input holds the new user's password, and the login is the stored one."""
    login = {"ACRUX_USERNAME": "acrux", "ACRUX_PASSWORD": served.password, "HOME": str(tmp_path)}
    word = "a few words do, if they are long"
    create = ("user", "create", "-n", "alice", "--scope-map", READ, "--password-stdin")
    created = acrux_with(word, *create, "--registry", served.host, **login)
    listed = acrux_with(word, "repository", "list", "-r", served.host, "-u", "alice",
                        "--password-stdin", HOME=str(tmp_path))  # fmt: skip

    assert (created, listed) == (0, 0)
    assert remote.json("user", "show", "-n", "alice")["scopeMapId"] == READ
    remote.ok("user", "update", "-n", "alice", "--status", "disabled")
    remote.ok("user", "revoke", "-n", "alice", "--yes")
    remote.ok("user", "delete", "-n", "alice", "--yes")
    assert remote.json("user", "list") == []


def acrux_with(typed: str, *words: str, **variables: str) -> int:
    """The exit code of a command that reads a line."""
    return CliRunner(env=variables).invoke(cli, words, input=f"{typed}\n").exit_code


def test_a_scope_map_is_changed_by_what_is_added_and_removed(remote: Place) -> None:
    """Two administrators add at the same time: neither may undo the other."""
    of = ("-n", "changing")
    remote.ok("scope-map", "create", *of, "--repository", "team/*", "content/read")
    add = ("--add-repository", "public", "content/read", "--add-management", "read")
    changed = remote.json("scope-map", "update", *of, *add, "--description", "both")
    less = remote.json("scope-map", "update", *of, "--remove-repository", "team/*", "content/read")

    assert (len(changed["actions"]), changed["description"]) == (3, "both")
    assert less["actions"] == ["repositories/public/content/read", "management/read"]
    assert remote.refused("scope-map", "update", "-n", PULL)[0] == 2


def test_policies_and_space_are_managed_at_a_url(remote: Place, local: Place) -> None:
    """What an administrator does in a week, without a shell in the pod."""
    retention = remote.json("config", "retention", "update", "--status", "enabled", "--days", "3")
    soft = remote.json("config", "soft-delete", "update", "--days", "9", "--status", "enabled")
    done = remote.json("gc", "run")

    assert (retention["days"], soft["retentionDays"]) == (3, 9)
    assert local.json("config", "retention", "show") == retention
    assert local.json("config", "soft-delete", "list") == [soft]
    assert remote.refused("config", "soft-delete", "show", "--repository-pattern", "a/*")[0] == 4
    remote.ok("config", "soft-delete", "delete", "--repository-pattern", "*", "--yes")
    assert done["isDone"] is True
    for words in (("gc", "status"), ("usage",), ("show-usage",), ("key", "list")):
        assert remote.json(*words) == local.json(*words)
    assert remote.json("usage", "--largest", "0")["repositories"] == []
    assert remote.json("deleted", "list") == []


def test_the_registry_itself_is_changed_at_a_url(remote: Place) -> None:
    """Who may pull without a login is the first thing that is changed after the installation."""
    on = remote.json("update", "--anonymous-repository", "public/*", "content/read")
    off = remote.json("update", "--anonymous-pull-enabled", "false")
    renewed = remote.json("credential", "renew", "--password-name", "password2")

    assert (on["anonymousScopeMapId"], off["anonymousPullEnabled"]) == (
        "anonymous-scope-map",
        False,
    )
    assert [bool(one["value"]) for one in renewed["passwords"]] == [False, True]
    assert remote.json("credential", "show")["username"] == "acrux"


def test_a_trust_has_the_host_as_its_audience(remote: Place, served: RunningRegistry) -> None:
    """It is the name by which clients know the registry, so nobody has to type it again."""
    create = ("trust", "create", "github", "-n", "github", "--repository", "org/app")
    created = remote.json(*create, "--scope-map", PULL)
    changed = remote.json("trust", "update", "-n", "github", "--claim", "repository=org/*")

    assert (created["audience"], created["claims"]) == (served.host, ["repository=org/app"])
    assert changed["claims"] == ["repository=org/*"]
    assert remote.refused("trust", "update", "-n", "github")[0] == 2
    remote.ok("trust", "delete", "-n", "github", "--yes")


def test_the_audit_log_is_searched_at_a_url(remote: Place, local: Place) -> None:
    """Who did what is asked from a laptop, too; the newest come last, whatever the limit."""
    for number in range(3):
        remote.run("token", "revoke", "-n", f"nobody{number}", "--yes")
        remote.ok("scope-map", "create", "-n", f"made{number}")
    of = ("audit", "list", "--since", "1h")

    every = remote.json(*of)
    newest = remote.json(*of, "--limit", "2")
    lines = remote.ok(*of, "--output", "jsonl").splitlines()

    assert every[-len(newest) :] != []
    assert local.json(*of)[: len(every)] == every
    assert len(newest) == 2
    assert [json.loads(line) for line in lines][: len(every)] == every
    assert "POST /management/v1/scopeMaps" in remote.ok(*of)


@pytest.fixture(scope="module")
def reader(served: RunningRegistry) -> dict[str, str]:
    """The login of an account that may only pull."""
    made = acrux("token", "create", "-n", "reader", "--scope-map", PULL, "--output", "json",
                 "--data-dir", str(served.data_dir))  # fmt: skip
    found: Any = json.loads(made.stdout)["credentials"]["passwords"][0]
    return {"ACRUX_USERNAME": "reader", "ACRUX_PASSWORD": found["value"]}


def test_who_may_not_is_told_why_and_whom_to_ask(
    served: RunningRegistry, reader: dict[str, str], tmp_path: Path
) -> None:
    """No login, a wrong one and one without the right are three mistakes with three remedies."""
    command = ("token", "list", "--registry", served.host)
    home = {"HOME": str(tmp_path)}

    nobody = acrux(*command, **home)
    wrong = acrux(*command, **home, ACRUX_USERNAME="acrux", ACRUX_PASSWORD="wrong")
    weak = acrux(*command, **home, **reader)

    assert (nobody.returncode, wrong.returncode, weak.returncode) == (1, 1, 1)
    assert nobody.stderr == f"acrux: {served.host} asks for a login: acrux login {served.host}\n"
    assert f"Log in again: acrux login {served.host}" in wrong.stderr
    assert "does not let the credentials of 'reader' do this" in weak.stderr
    assert "acrux auth explain k" in weak.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("token", "list", "--registry", "localhost:1"), "cannot reach http://localhost:1"),
        (("token", "list", "--registry", "localhost:1", "--data-dir", "."), "give either"),
        (("token", "list", "--registry", "localhost:1/team"), "more than a registry"),
        (("token", "list", "-u", "acrux"), "name the registry with --registry"),
        (("check", "--registry", "localhost:1"), "run it on the registry's machine"),
        (("backup", "create", "-r", "localhost:1"), "run it on the registry's machine"),
        (("version", "--registry", "localhost:1"), "No such option"),
    ],
)
def test_a_place_that_cannot_be_is_explained(words: tuple[str, ...], said: str) -> None:
    """Each sentence says what to do instead."""
    done = acrux(*words)

    assert said in done.stderr
    assert done.returncode == (3 if "cannot reach" in said else 2)


@pytest.fixture
def over_tls(tmp_path: Path) -> Iterator[RunningRegistry]:
    """A registry with a certificate that nobody knows."""
    with running(tmp_path / "data", "--workers", "1", "--tls-self-signed") as registry:
        yield registry


def test_a_certificate_that_is_not_trusted_ends_the_command(over_tls: RunningRegistry) -> None:
    """A password must not go to a registry that cannot prove its name."""
    login = {"ACRUX_USERNAME": "acrux", "ACRUX_PASSWORD": over_tls.password, "HOME": "/nowhere"}
    command = ("token", "list", "--registry", over_tls.url)

    unknown = acrux(*command, **login)
    trusted = acrux(*command, "--cacert", str(over_tls.data_dir / "tls" / "ca.pem"), **login)

    assert (unknown.returncode, trusted.returncode) == (3, 0)
    assert "Trust its certificate with --cacert FILE" in unknown.stderr


def test_a_free_port_is_not_a_registry() -> None:
    """The exit code tells a script that it may try again."""
    assert acrux("repository", "list", "-r", f"127.0.0.1:{free_port()}").returncode == 3
