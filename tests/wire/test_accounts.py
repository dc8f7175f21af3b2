"""Accounts from the command line, while the registry runs."""

import base64
import json
import time

from acrux.bootstrap.tasks import REVOCATION_SECONDS
from tests.running import RunningRegistry, acrux
from tests.wire.connection import Connection


def run(registry: RunningRegistry, *arguments: str) -> str:
    """Run a command on the registry's data directory and return its output."""
    done = acrux(*arguments, "--data-dir", str(registry.data_dir))
    assert done.returncode == 0, done.stderr
    return done.stdout


def created(registry: RunningRegistry, name: str, *arguments: str) -> str:
    """Create an account and return its first password."""
    text = run(registry, "token", "create", "-n", name, *arguments, "-o", "json")
    password: str = json.loads(text)["credentials"]["passwords"][0]["value"]
    return password


def granted(registry: RunningRegistry, username: str, password: str, scope: str) -> list[str]:
    """The actions that a token of this scope holds."""
    connection = Connection(registry.port)
    encoded = base64.b64encode(f"{username}:{password}".encode()).decode()
    reply = connection.call("GET", f"/oauth2/token?scope={scope}", Authorization=f"Basic {encoded}")
    connection.close()
    assert reply.status == 200, reply.body
    payload = json.loads(reply.body)["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return [action for entry in claims["access"] for action in entry["actions"]]


def test_an_account_of_a_repository_is_made_in_one_command(registry: RunningRegistry) -> None:
    """Like `az acr token create --repository`."""
    password = created(
        registry, "reader", "--repository", "team/*", "content/read", "metadata/read",
        "--repository", "own", "content/write",
    )  # fmt: skip

    assert granted(registry, "reader", password, "repository:team/a:*") == ["pull", "metadata_read"]
    assert granted(registry, "reader", password, "repository:own:*") == ["push"]
    shown = json.loads(run(registry, "scope-map", "show", "-n", "reader-scope-map", "-o", "json"))
    assert shown["type"] == "UserDefined"
    assert shown["description"] == "Created by token: reader"


def test_a_change_of_the_scope_map_holds_on_every_worker_at_once(
    registry: RunningRegistry,
) -> None:
    """Each request reads the one database."""
    password = created(registry, "writer", "--repository", "app", "content/read")
    run(registry, "scope-map", "update", "-n", "writer-scope-map", "--add-repository", "app",
        "content/write", "--remove-repository", "app", "content/read")  # fmt: skip

    for _ in range(8):
        assert granted(registry, "writer", password, "repository:app:*") == ["push"]


def test_a_revoked_token_is_refused_by_every_worker_within_a_second(
    registry: RunningRegistry,
) -> None:
    """The command runs in another process."""
    password = created(registry, "revoked", "--scope-map", "_repositories_pull")
    connections = [Connection(registry.port) for _ in range(8)]
    connections[0].login("revoked", password)
    for connection in connections:
        connection.authorization = connections[0].authorization
        assert connection.call("GET", "/v2/").status == 200

    run(registry, "token", "revoke", "-n", "revoked", "--yes")
    revoked = time.monotonic()
    statuses = {200}
    while statuses != {401} and time.monotonic() < revoked + 10:
        statuses = {connection.call("GET", "/v2/").status for connection in connections}

    for connection in connections:
        connection.close()
    assert statuses == {401}
    assert REVOCATION_SECONDS < 1


def test_an_account_is_switched_off_renewed_and_deleted(registry: RunningRegistry) -> None:
    """The life of an account."""
    created(registry, "life-of", "--scope-map", "_repositories_pull", "--expiration-in-days", "7")
    off = json.loads(
        run(registry, "token", "update", "-n", "life-of", "--status", "disabled", "-o", "json")
    )
    renewed = json.loads(
        run(registry, "token", "credential", "generate", "-n", "life-of", "-o", "json")
    )
    run(
        registry,
        "token",
        "credential",
        "delete",
        "-n",
        "life-of",
        "--password",
        "password2",
        "--yes",
    )
    listed = json.loads(run(registry, "token", "list", "-o", "json"))
    run(registry, "token", "delete", "-n", "life-of", "--yes")

    assert off["status"] == "disabled"
    assert len(renewed["credentials"]["passwords"][0]["value"]) == 43
    assert "life-of" in [account["name"] for account in listed]
    assert "life-of" not in run(registry, "token", "list")


def test_anonymous_pull_is_switched_on_and_off(registry: RunningRegistry) -> None:
    """With `acrux update`, while the registry runs."""
    connection = Connection(registry.port)

    run(registry, "update", "--anonymous-pull-enabled", "true")
    on = connection.call("GET", "/oauth2/token?scope=repository:app:pull")
    run(registry, "update", "--anonymous-pull-enabled", "false")
    off = connection.call("GET", "/oauth2/token?scope=repository:app:pull")

    connection.close()
    assert (on.status, off.status) == (200, 401)


def test_a_mistake_is_one_clear_line(registry: RunningRegistry) -> None:
    """Each message says what would have been right."""
    for arguments, said, code in (
        (("token", "create", "-n", "reader2"), "either --scope-map or --repository", 2),
        (("token", "create", "-n", "reader2", "--scope-map", "typo"), "scope-map list", 4),
        (("token", "create", "-n", "reader2", "--repository", "a", "fly"), "content/read", 2),
        (("token", "create", "-n", "reader2", "--repository", "a"), "content/read", 2),
        (("scope-map", "delete", "-n", "_repositories_pull", "--yes"), "system-defined", 2),
        (("token", "show", "-n", "nobody"), "nobody", 4),
        (("token", "create", "-n", "ACRUX", "--scope-map", "_repositories_pull"), "'acrux'", 5),
        (("update", "--anonymous-pull-enabled", "true", "--anonymous-scope-map", "x"), "one of", 2),
        (("update", "--admin-enabled", ""), "true or false", 2),
        (("tokn", "list"), "Did you mean 'token'", 2),
    ):
        done = acrux(*arguments, "--data-dir", str(registry.data_dir))
        assert done.returncode == code, arguments
        assert said in done.stderr
        assert done.stderr.splitlines()[-1].startswith("acrux: ")
        assert "Traceback" not in done.stderr
