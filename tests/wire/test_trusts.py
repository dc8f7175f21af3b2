"""Trusts from the command line, with several workers and a real provider."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from acrux.domain.access.token import TOKEN_USER
from tests.openid_provider import Provider, provider
from tests.running import RunningRegistry, acrux
from tests.wire.connection import Connection
from tests.wire.test_accounts import run

FORM = {"Content_Type": "application/x-www-form-urlencoded"}
GIVES = ("--allow", "{repository}", "content/read", "content/write")


@pytest.fixture(scope="module")
def issuer() -> Iterator[Provider]:
    """A provider that answers."""
    with provider() as issuer:
        yield issuer


def trusted(registry: RunningRegistry, issuer: Provider, name: str) -> str:
    """Trust workflows of `org`, and return the token of one."""
    run(registry, "trust", "create", "oidc", "-n", name, "--issuer", issuer.issuer,
        "--audience", registry.host, "--claim", "repository=org/*", *GIVES)  # fmt: skip
    return issuer.token(aud=registry.host)


def test_a_changed_trust_ends_its_tokens_on_every_worker_within_a_second(
    registry: RunningRegistry, issuer: Provider
) -> None:
    """Access tokens, refresh tokens, and uploads begun with them."""
    token = trusted(registry, issuer, "ending")
    connections = [Connection(registry.port) for _ in range(8)]
    exchanged = connections[0].call(
        "POST", "/oauth2/exchange", f"grant_type=access_token&access_token={token}".encode(), **FORM
    )
    refresh_token = json.loads(exchanged.body)["refresh_token"]
    connections[0].login(TOKEN_USER, refresh_token)
    for connection in connections:
        connection.authorization = connections[0].authorization
        assert connection.call("GET", "/v2/").status == 200

    run(registry, "trust", "update", "-n", "ending", "--status", "disabled")
    ended = time.monotonic()
    statuses = {200}
    while statuses != {401} and time.monotonic() < ended + 10:
        statuses = {connection.call("GET", "/v2/").status for connection in connections}
    redeem = f"grant_type=refresh_token&refresh_token={refresh_token}".encode()
    redeemed = {
        connection.call("POST", "/oauth2/token", redeem, **FORM).status
        for connection in connections
    }

    for connection in connections:
        connection.close()
    run(registry, "trust", "delete", "-n", "ending", "--yes")
    assert statuses == redeemed == {401}


def test_the_life_of_a_trust(registry: RunningRegistry, issuer: Provider) -> None:
    """Created, listed, shown, changed, deleted."""
    trusted(registry, issuer, "life")
    listed = json.loads(run(registry, "trust", "list", "-o", "json"))
    changed = json.loads(
        run(registry, "trust", "update", "-n", "life", "--claim", "ref=refs/tags/*",
            "--scope-map", "_repositories_pull", "--audience", "other.test",
            "--lifetime-in-minutes", "20", "-o", "json")
    )  # fmt: skip
    shown = run(registry, "trust", "show", "-n", "life")
    run(registry, "trust", "delete", "-n", "life", "--yes")

    assert [trust["name"] for trust in listed] == ["life"]
    assert listed[0]["actions"] == [
        "repositories/{repository}/content/read", "repositories/{repository}/content/write",
    ]  # fmt: skip
    assert listed[0]["lifetimeInMinutes"] == 180
    assert changed["claims"] == ["ref=refs/tags/*"]
    assert (changed["scopeMapId"], changed["actions"]) == ("_repositories_pull", [])
    assert (changed["audience"], changed["lifetimeInMinutes"]) == ("other.test", 20)
    assert "refs/tags/*" in shown
    assert json.loads(run(registry, "trust", "list", "-o", "json")) == []


def test_each_template_makes_a_trust(registry: RunningRegistry) -> None:
    """One line for each of the well-known issuers."""
    gives = ("--scope-map", "_repositories_pull", "--audience", registry.host)
    tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
    for arguments, issuer in (
        (("github", "--repository", "org/app", "--branch", "main"), "token.actions.github"),
        (("gitlab", "--project", "group/app", "--protected"), "https://gitlab.com"),
        (("kubernetes", "--issuer", "https://c.test", "--namespace", "ci"), "https://c.test"),
        (("entra", "--tenant", tenant, "--subject", "x"), f"sts.windows.net/{tenant}/"),
    ):
        text = run(registry, "trust", "create", *arguments, "-n", "template", *gives, "-o", "json")
        run(registry, "trust", "delete", "-n", "template", "--yes")
        assert issuer in json.loads(text)["issuer"]


def test_a_token_is_tested_before_anybody_relies_on_it(
    registry: RunningRegistry, issuer: Provider, tmp_path: Path
) -> None:
    """Which trust accepts it, as whom, with which rights, and why the others do not."""
    file = tmp_path / "token"
    file.write_text(trusted(registry, issuer, "tested") + "\n")
    test = ("trust", "test", "--token-file", str(file), "--data-dir", str(registry.data_dir))
    good = json.loads(acrux(*test, "-o", "json").stdout)
    table = acrux(*test)
    file.write_text(issuer.token(aud=registry.host, repository="evil/app"))
    bad = acrux(*test)
    file.write_text("nothing")
    none = acrux(*test)
    run(registry, "trust", "delete", "-n", "tested", "--yes")

    assert good[0]["letsIn"]
    assert isinstance(good[0]["actions"], list)
    assert "repositories/org/app/content/write" in good[0]["actions"]
    assert good[0]["principal"] == "trusts/tested/repo:org/app:ref:refs/heads/main"
    assert "repositories/org/app/content/write" in table.stdout
    assert (table.returncode, bad.returncode, none.returncode) == (0, 1, 1)
    assert "the claim repository is 'evil/app', but must be 'org/*'" in bad.stdout
    assert "not a JWT" in none.stderr


def test_a_mistake_is_one_clear_line(registry: RunningRegistry) -> None:
    """Each message says what would have been right."""
    github = ("trust", "create", "github", "-n", "wrong", "--audience", "a")
    gives = ("--scope-map", "_repositories_pull")
    for arguments, said in (
        ((*github, "--repository", "org"), "OWNER/NAME"),
        ((*github, "--repository", "org*/app", *gives), "anybody"),
        ((*github, "--repository", "org/app"), "--allow"),
        ((*github, "--repository", "org/app", "--scope-map", "typo"), "scope-map list"),
        ((*github, "--repository", "org/app", *gives, "--claim", "x"), "CLAIM=TEXT"),
        ((*github, "--repository", "org/app", *gives, "--lifetime-in-minutes", "999"), "exceed"),
        (("trust", "create", "github", "-n", "wrong", "--repository", "o/a"), "--audience"),
        (("trust", "update", "-n", "nobody"), "say what to change"),
        (("trust", "update", "-n", "nobody", "--audience", "x"), "trust list"),
        (("trust", "delete", "-n", "nobody", "--yes"), "trust list"),
    ):
        done = acrux(*arguments, "--data-dir", str(registry.data_dir))
        assert done.returncode == (4 if said.endswith(" list") else 2), arguments
        assert said in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
