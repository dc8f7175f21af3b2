"""What mends a refusal, from the page that explains it."""

import json
import shlex

import httpx2
import pytest
from click.testing import CliRunner
from playwright.sync_api import expect

from acrux.cli.main import cli
from acrux.web.access.mending import command
from tests.running import RunningRegistry, until
from tests.web.visiting import Guest, call

READ = "repositories/team/*/content/read"
DELETE = "repositories/team/app/content/delete"
TARGET = "/v2/team/app/manifests/v1"


def refusal(registry: RunningRegistry, login: str) -> str:
    """The case of a deletion that the account may not do, once it is recorded."""
    name, _, password = login.partition(":")
    answer = httpx2.delete(f"{registry.url}{TARGET}", auth=(name, password))
    case: str = answer.headers["X-Acrux-Case"]

    def recorded() -> bool:
        return b"explanation" in call(registry, "GET", f"/management/v1/cases/{case}")

    until(recorded)
    return case


def made(registry: RunningRegistry, name: str, scope_map: str) -> str:
    """A new account with this scope map, as `name:password`."""
    wanted = {"name": name, "scopeMapId": scope_map}
    created = json.loads(call(registry, "POST", "/management/v1/tokens", wanted))
    return f"{name}:{created['credentials']['passwords'][0]['value']}"


def run(registry: RunningRegistry, text: str) -> None:
    """Run a command of the page as a shell would, as the admin user."""
    for part in text.split(" && "):
        words = [*shlex.split(part)[1:], "-u", "acrux", "--password-stdin"]
        result = CliRunner().invoke(cli, words, input=registry.password)
        assert result.exit_code == 0, result.output


def test_what_is_missing_is_put_into_the_form_of_the_scope_map(
    guest: Guest, registry: RunningRegistry
) -> None:
    """Whoever reads the page wants to mend it there, and to see first what else that means."""
    wanted = {"name": "narrow-map", "actions": [READ]}
    call(registry, "POST", "/management/v1/scopeMaps", wanted)
    case = refusal(registry, made(registry, "narrow", "narrow-map"))
    guest.log_in_as_admin()
    guest.go(f"/web/cases/{case}")

    guest.press("Put what is missing into the form of the scope map")

    guest.is_at("/web/scope-maps/narrow-map")
    expect(guest.page.get_by_label("Permissions")).to_have_value(f"{READ}\n{DELETE}")
    expect(guest.page.get_by_role("status")).to_contain_text("Nothing is changed before you save")


@pytest.mark.parametrize("scope_map", ["_repositories_pull", "mended-map"])
def test_the_command_on_the_page_mends_it(
    guest: Guest, registry: RunningRegistry, scope_map: str
) -> None:
    """A command that has to be completed first, or that fails, helps nobody at night."""
    wanted = {"name": "mended-map", "actions": [READ]}
    call(registry, "POST", "/management/v1/scopeMaps", wanted)
    login = made(registry, scope_map.strip("_").replace("_", "-")[:20], scope_map)
    case = refusal(registry, login)
    guest.log_in_as_admin()
    guest.go(f"/web/cases/{case}")

    run(registry, guest.page.locator(".command code").inner_text())

    name, _, password = login.partition(":")
    answer = httpx2.delete(f"{registry.url}{TARGET}", auth=(name, password))
    assert answer.status_code == 404  # it may delete now, and there is nothing


@pytest.mark.parametrize(
    ("fix", "shown"),
    [
        ("docker login REGISTRY", "docker login registry.test"),
        ("acrux token list", "acrux token list --registry http://registry.test"),
        (
            "acrux auth token --registry REGISTRY",
            "acrux auth token --registry http://registry.test",
        ),
        ("acrux serve --account-limit OPERATION=REQUESTS",) * 2,
        ("acrux trust create --help",) * 2,
        ("htpasswd -B FILE bob",) * 2,
    ],
)
def test_a_command_names_the_registry_where_it_needs_one(fix: str, shown: str) -> None:
    """Beside the registry's data directory it would find it by itself, and nowhere else."""
    assert command(fix, "registry.test", "http://registry.test") == shown
