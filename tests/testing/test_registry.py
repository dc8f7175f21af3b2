"""The registry that a test gets: reachable, private, as it was asked for, and gone at the end."""

import json
import os
import signal
import time
from pathlib import Path

import httpx2
import pytest

from acrux.testing.errors import NotStarted, Refused
from acrux.testing.registry import Registries, Registry, registry
from tests.images import image
from tests.running import write_layout

PULL = "repository:team/app:pull"
PUSH = "repository:team/app:pull,push"


def pushed(started: Registry, layout: Path, tag: str = "1") -> tuple[str, ...]:
    """Push an image to team/app."""
    return started.push_layout(write_layout(layout, image(b"layer"), tag), "team/app")


def key_ids(started: Registry) -> list[str]:
    """The ids of its signing keys."""
    keys = httpx2.get(f"{started.url}/.well-known/jwks.json").json()["keys"]
    return [key["kid"] for key in keys]


def test_it_answers_in_the_block_and_is_gone_after_it() -> None:
    """Hundreds of tests would leave hundreds of processes and folders behind."""
    with registry() as started:
        status = httpx2.get(f"{started.url}/v2/").status_code
        folder = started.data_dir

    assert (status, folder.parent.parent.exists()) == (401, False)
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{started.url}/v2/")


def test_it_ends_when_the_test_fails(registries: Registries) -> None:
    """A failed test must not disturb the next one."""
    with pytest.raises(ZeroDivisionError), registries.start() as started:
        raise ZeroDivisionError

    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{started.url}/v2/")


def test_two_registries_have_nothing_in_common_but_their_keys(
    registries: Registries, layout: Path
) -> None:
    """What one test pushes must not make another one pass."""
    with registries.start() as one, registries.start() as other:
        account = one.account(PULL)
        pushed(one, layout)
        seen = one.tags("team/app"), other.tags("team/app")
        with other.client(account) as client:
            refused = client.get("/v2/")

    assert seen == (["1"], [])
    assert refused.status_code == 401


def test_https_needs_its_ca(registries: Registries) -> None:
    """A client under test has to check certificates, as it does in earnest."""
    with registries.start(tls=True) as started:
        with started.client() as client:
            trusted = client.get("/v2/").status_code
        with pytest.raises(httpx2.ConnectError, match="certificate verify failed"):
            httpx2.get(f"{started.url}/v2/")

    assert trusted == 200
    assert started.url == f"https://{started.host}"


def test_plain_http_has_no_ca(registry: Registry) -> None:
    """A client that gets a path would try to use it."""
    assert registry.ca is None


def test_it_can_hold_the_sample_and_layouts(registries: Registries, layout: Path) -> None:
    """A test of pulling needs something to pull."""
    source = write_layout(layout, image(b"layer"), "1.0")

    with registries.start(sample=True, layouts={"team/app": source}) as started:
        held = started.tags("hello-world"), started.tags("team/app")

    assert held == (["latest"], ["1.0"])


def test_an_account_may_do_what_its_scopes_say_and_no_more(
    registry: Registry, layout: Path
) -> None:
    """A client is tested against refusals too."""
    pushed(registry, layout)
    reader, writer = registry.account(PULL), registry.account(PUSH, name="writer")

    answers = [
        httpx2.request(
            method, f"{registry.url}{path}", headers={"Authorization": account.authorization}
        ).status_code
        for account in (reader, writer)
        for method, path in (
            ("GET", "/v2/team/app/manifests/1"),
            ("POST", "/v2/team/app/blobs/uploads/"),
            ("GET", "/v2/other/tags/list"),
            ("GET", "/management/v1/registry"),
        )
    ]

    assert writer.username == "writer"
    assert answers == [200, 401, 401, 401, 200, 202, 401, 401]


@pytest.mark.parametrize(
    ("scopes", "path"),
    [
        (("repository:*:*",), "/v2/team/app/manifests/1"),
        (("registry:management:read",), "/management/v1/registry"),
        (("repository:a:pull", "repository:team/*:pull"), "/v2/team/app/manifests/1"),
    ],
)
def test_scopes_are_those_of_a_challenge(
    registry: Registry, layout: Path, scopes: tuple[str, ...], path: str
) -> None:
    """They can be copied from what a client was asked for."""
    pushed(registry, layout)

    with registry.client(registry.account(*scopes)) as client:
        assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ("repository:app:pul", "unknown actions in the scope 'repository:app:pul': pul"),
        ("registry:catalog:*", "whoever may use a repository may list the catalog"),
        ("registry:management:*", r"unknown actions .*: \*; known are read, write"),
    ],
)
def test_a_scope_that_nobody_can_have_is_refused(registry: Registry, scope: str, said: str) -> None:
    """With a typo, the account would have no right, and the test fail somewhere else."""
    with pytest.raises(ValueError, match=said):
        registry.account(scope)


def test_a_name_that_is_taken_is_refused(registry: Registry) -> None:
    """The registry's own words say what to change."""
    registry.account(PULL, name="alice")

    with pytest.raises(Refused, match="alice"):
        registry.account(PULL, name="alice")


def test_an_account_has_what_docker_login_would_have_written(registry: Registry) -> None:
    """Clients that run as programs read their login from there."""
    account = registry.account(PULL)

    file = account.docker_config / "config.json"
    entry = json.loads(file.read_text())["auths"][registry.host]
    assert f"Basic {entry['auth']}" == account.authorization
    assert file.stat().st_mode & 0o077 == 0


def test_passwords_are_not_shown(registry: Registry) -> None:
    """pytest prints the fixtures of a test that fails, and CI keeps what it prints."""
    account = registry.account(PULL)

    assert account.password not in repr(account)
    assert registry.password not in repr(registry)


def test_settings_are_those_of_acrux_serve(registries: Registries) -> None:
    """A client may have to cope with short tokens, quotas or another issuer."""
    short = {"access_token_seconds": 90}
    with registries.start(settings=short) as started, started.client() as client:
        token = client.get("/oauth2/token").json()

    assert token["expires_in"] == 90


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"acess_token_seconds": 90}, "did you mean access_token_seconds"),
        ({"access_token_seconds": 1}, r"access_token_seconds \(.*\): must be from 60"),
        ({"data_dir": "/srv"}, "chooses these settings itself: data_dir"),
    ],
)
def test_a_wrong_setting_is_named(
    registries: Registries, settings: dict[str, object], said: str
) -> None:
    """It would be ignored otherwise, and the test prove nothing."""
    with pytest.raises(NotStarted, match=said), registries.start(settings=settings):
        pass


def test_the_next_registry_starts_after_one_did_not(registries: Registries) -> None:
    """One wrong test must not fail all that follow."""
    with pytest.raises(NotStarted), registries.start(settings={"port": -1}):
        pass

    with registries.start() as started:
        assert started.tags("app") == []


def test_settings_of_the_environment_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own ACRUX_PORT must not decide how a test ends."""
    monkeypatch.setenv("ACRUX_CORS_ORIGINS", "nonsense")

    with registry() as started:
        assert started.tags("app") == []


def test_a_template_is_made_once_and_copied(registries: Registries) -> None:
    """Making keys and an administrator takes longer than copying them."""
    with registries.start() as one:
        first = key_ids(one), one.password
    with registries.start() as other:
        second = key_ids(other), other.password
    with registries.start(template=False) as fresh:
        third = key_ids(fresh), fresh.password

    assert first == second
    assert not {*first[0], first[1]} & {*third[0], third[1]}


def test_a_template_is_for_its_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds a password and keys, even if only tests trust them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with registry():
        pass

    (template,) = (tmp_path / "acrux/testing").iterdir()
    files = [file for file in template.rglob("*") if file.is_file()]
    assert template.stat().st_mode & 0o077 == 0
    assert [file for file in files if file.name == "password" and file.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "HOME"])
def test_no_cache_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """In a container, the home of the user may be missing or read-only."""
    file = tmp_path / "a file"
    file.touch()
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv(variable, str(file))

    with registry() as started:
        assert started.tags("app") == []


def test_all_tags_are_listed(registry: Registry, layout: Path) -> None:
    """A repository may have more than fit into one answer."""
    source = write_layout(layout, image(b"layer"), "1")
    tags = [f"t{number:04}" for number in range(3)]
    for tag in tags:
        registry.push_layout(source, "team/app", tag)

    assert registry.tags("team/app") == tags


def test_the_log_tells_of_requests(registry: Registry) -> None:
    """Why a request was refused stands in the log of the registry, not in the test's."""
    registry.tags("team/app")
    deadline = time.monotonic() + 10
    while "/v2/team/app" not in registry.log and time.monotonic() < deadline:
        time.sleep(0.02)

    last = json.loads(registry.log.splitlines()[-1])
    assert (last["path"], last["status"]) == ("/v2/team/app/tags/list", 404)


def test_a_registry_that_is_killed_does_not_disturb_the_rest(registries: Registries) -> None:
    """A test may kill the registry to see what the client does."""
    with registries.start() as killed:
        os.kill(killed.pid, signal.SIGKILL)

    with registries.start() as started:
        assert started.tags("app") == []
