"""Commands that manage a registry, at its URL."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from acrux.cli.caller.http_client import Refused
from acrux.cli.main import cli
from acrux.cli.policies.removals import portions
from acrux.client.auth import RegistryAuth
from acrux.errors import Denied
from acrux.http.management.policies.shapes import PurgePortion
from tests.cli.conftest import at_url
from tests.cli.places import APP, OTHER, Place, push
from tests.openid_provider import provider
from tests.reference.commands import every
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


def test_retention_rules_live_their_life_at_a_url(remote: Place, local: Place) -> None:
    """A rule that removes every tag is confirmed there, too: a pod has no terminal of its own."""
    of = ("-n", "old-builds")
    create = ("retention", "create", *of, "--repository-pattern", "rule/*", "--tag", "*")
    code, said = remote.refused(*create)
    warned = remote.run(*create, "--yes")
    changed = remote.json("retention", "update", *of, "--keep-last", "3", "--remove", "older-than")
    again = remote.refused("retention", "update", *of, "--remove", "keep-last")
    shown = local.json("retention", "show", *of)
    listed = remote.ok("retention", "list")
    remote.ok("retention", "delete", *of, "--yes")

    assert (code, again[0]) == (2, 2)
    assert "removes every tag of rule/*, however new: say how many to keep" in said
    assert "danger" not in said
    assert "no repository matches rule/* at present" in warned.stderr
    assert (changed["keepLast"], changed) == (3, shown)
    assert "tags *, but the newest 3" in listed
    assert remote.refused("retention", "show", *of)[0] == 4


def test_what_a_run_or_a_purge_removes_is_told_at_a_url(
    served: RunningRegistry, remote: Place, local: Place, auth: RegistryAuth
) -> None:
    """As on the data directory: item by item, with the totals."""
    push(served.url, "builds/app", APP, "dev-1", "dev-2", auth=auth)
    push(served.url, "builds/lib", OTHER, "dev-1", auth=auth)
    where = ("--repository-pattern", "builds/*", "--tag", "dev-*", "--keep-last", "1")
    remote.ok("retention", "create", "-n", "builds", *where)
    purge = ("purge", "--filter", "builds/.*:^dev-", "--filter", "typo:x", "--ago", "0d")
    try_out = ("retention", "run", "--dry-run", "--rule", "builds")

    assert remote.json(*try_out) == local.json(*try_out)
    ran = remote.json("retention", "run")
    assert (ran["tags"], ran["removed"][0]["rule"], ran["dryRun"]) == (1, "builds", False)
    for output in ("json", "jsonl", "table"):
        dry = (*purge, "--dry-run", "--output", output)
        assert remote.ok(*dry) == local.ok(*dry)
    purged = remote.run(*purge, "--yes")
    assert purged.stdout.endswith("Tags removed: 2\nManifests removed: 0\n")
    assert "nothing matches the filter typo:x at present" in purged.stderr
    assert remote.json(*purge, "--yes")["removed"] == []
    assert remote.refused("retention", "run", "--rule", "nothing")[0] == 4
    assert remote.refused("purge", "--filter", "team", "--ago", "1d", "--yes")[0] == 2
    remote.ok("retention", "delete", "-n", "builds", "--yes")


def test_a_registry_that_does_not_get_on_ends_the_command() -> None:
    """A command in a cron job must not ask the same for ever."""
    stuck = PurgePortion(value=[], after="", told=0, is_done=False, unmatched=[])

    with pytest.raises(Refused, match="again and again"):
        list(portions(lambda _after, _told: stuck))


def test_waits_are_lifted_at_a_url(
    served: RunningRegistry, remote: Place, local: Place, tmp_path: Path
) -> None:
    """A user who mistyped the password calls."""
    wrong = {"ACRUX_USERNAME": "mistyped", "ACRUX_PASSWORD": "wrong", "HOME": str(tmp_path)}
    assert acrux("token", "list", "-r", served.host, **wrong).returncode == 1
    address = next(one["address"] for one in remote.json("lockout", "list") if one["address"])

    assert "(unknown)" in remote.ok("lockout", "list")
    assert remote.json("lockout", "list")[0].keys() == local.json("lockout", "list")[0].keys()
    remote.ok("lockout", "clear", "-n", "mistyped", "--address", address)
    assert remote.refused("lockout", "clear", "-n", "nobody")[0] == 4
    assert remote.refused("lockout", "clear")[0] == 2
    assert remote.refused("lockout", "clear", "--all", "-n", "x")[0] == 2


def test_a_case_is_explained_at_a_url(
    served: RunningRegistry, reader: dict[str, str], remote: Place, local: Place, tmp_path: Path
) -> None:
    """Whoever is asked for help has the id, and need not have a shell on the machine."""
    weak = acrux("token", "list", "--registry", served.host, HOME=str(tmp_path), **reader)
    case, there = weak.stderr.split("acrux auth explain ")[1].strip().split(" -r ")

    assert there == served.host
    assert remote.json("auth", "explain", case) == local.json("auth", "explain", case)
    assert remote.ok("auth", "explain", case) == local.ok("auth", "explain", case)
    assert "reader" in remote.ok("auth", "explain", case)
    assert remote.refused("auth", "explain", "k000000000")[0] == 4
    assert remote.refused("auth", "explain", "typo")[0] == 2


def test_a_token_is_tested_at_a_url(
    served: RunningRegistry, remote: Place, local: Place, tmp_path: Path
) -> None:
    """A pipeline is set up from a laptop, where its tokens are."""
    file = tmp_path / "token"
    test = ("trust", "test", "--token-file", str(file))
    with provider() as issuer:
        where = ("--issuer", issuer.issuer, "--audience", served.host)
        remote.ok("trust", "create", "oidc", "-n", "pipeline", *where, "--scope-map", PULL,
                  "--claim", "repository=org/*")  # fmt: skip
        file.write_text(issuer.token(aud=served.host))
        good = remote.json(*test)
        assert remote.ok(*test) == local.ok(*test)
        file.write_text(issuer.token(aud=served.host, repository="evil/app"))
        bad = remote.run(*test)
        file.write_text(issuer.token(datetime(2020, 1, 1, tzinfo=UTC), aud=served.host))
        expired = (remote.refused(*test), local.refused(*test))

    assert (good[0]["letsIn"], good[0]["principal"][:16]) == (True, "trusts/pipeline/")
    assert "must be 'org/*'" in bad.stdout
    assert isinstance(bad.exception, Denied)
    assert expired[0] == expired[1]
    assert "expired_at: 2020-01-01T00:05:00+00:00" in expired[0][1]
    remote.ok("trust", "delete", "-n", "pipeline", "--yes")


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
        (("token", "list", "--registry", "localhost:1"), "localhost:1: Connection refused"),
        (("token", "list", "--registry", "a.invalid"), "cannot reach https://a.invalid: its name "),
        (("login", "localhost:1", "-r", "localhost:1"), "name the registry once"),
        (("login",), "name the registry: REGISTRY, or --registry HOST."),
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
    assert done.returncode == (3 if "cannot reach" in done.stderr else 2)
    assert "[Errno" not in done.stderr


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
    assert "_ssl.c" not in unknown.stderr


def test_a_registry_with_tls_on_this_machine_is_called_with_https(
    over_tls: RunningRegistry, tmp_path: Path
) -> None:
    """Its plain name means http here: what was typed must say what to type instead."""
    host, cacert = f"localhost:{over_tls.port}", str(over_tls.data_dir / "tls" / "ca.pem")
    command, home = ("repository", "list", "-r", host), {"HOME": str(tmp_path)}
    good = {**home, "ACRUX_USERNAME": "acrux", "ACRUX_PASSWORD": over_tls.password}

    plain = acrux(*command, **home)
    nobody = acrux(*command, "--cacert", cacert, **home)
    wrong = acrux(*command, "--cacert", cacert, **{**good, "ACRUX_PASSWORD": "not-this"})

    assert (plain.returncode, nobody.returncode, wrong.returncode) == (3, 1, 1)
    assert f"probably https. Call it as https://{host}\n" in plain.stderr
    assert nobody.stderr.endswith(f"asks for a login: acrux login https://{host}\n")
    assert wrong.stderr.endswith(f"Log in again: acrux login https://{host}\n")
    assert acrux(*command, "--cacert", cacert, **good).returncode == 0
    assert acrux("login", host, "--cacert", cacert, **good).returncode == 0
    examined = acrux("doctor", "-r", host, "--cacert", cacert, **good)
    assert examined.returncode == 0, examined.stdout


def test_a_registry_without_tls_says_so(served: RunningRegistry, tmp_path: Path) -> None:
    """OpenSSL's own words name a line of its source."""
    done = acrux("repository", "list", "-r", f"https://{served.host}", HOME=str(tmp_path))

    assert done.returncode == 3
    assert done.stderr == (
        f"acrux: cannot reach https://{served.host}: it does not speak TLS: probably plain HTTP. "
        f"Call it as http://{served.host}\n"
    )


@pytest.mark.parametrize(
    "names", [{"--user", "--username", "-u"}, {"--registry", "-r"}], ids=["user", "registry"]
)
def test_an_option_has_the_same_names_in_every_command(names: set[str]) -> None:
    """People type what they typed in the command before."""
    found = [
        (one.path, names & {*option.opts})
        for one in every()
        for option in one.command.params
        if names & {*option.opts}
    ]

    assert len(found) > 50
    assert [path for path, some in found if some != names] == []


def test_a_free_port_is_not_a_registry() -> None:
    """The exit code tells a script that it may try again."""
    assert acrux("repository", "list", "-r", f"127.0.0.1:{free_port()}").returncode == 3
