"""Who may do what, what was used, and what a change would mean."""

import json

import pytest
from playwright.sync_api import expect

from tests.running import RunningRegistry, until
from tests.web.visiting import Guest, call

READ, WRITE = "repositories/team/*/content/read", "repositories/team/*/content/write"


@pytest.fixture(scope="module")
def robot(registry: RunningRegistry) -> str:
    """An account that may pull and push below team/, has pushed, and may not delete."""
    call(
        registry, "POST", "/management/v1/scopeMaps", {"name": "team-map", "actions": [READ, WRITE]}
    )
    wanted = {"name": "robot", "scopeMapId": "team-map"}
    made = json.loads(call(registry, "POST", "/management/v1/tokens", wanted))
    login = f"robot:{made['credentials']['passwords'][0]['value']}"
    scope = "repository:team/app:pull,push"
    call(registry, "GET", f"/oauth2/token?service={registry.host}&scope={scope}", login=login)
    call(registry, "DELETE", "/v2/team/app/manifests/v1", login=login)

    def recorded() -> bool:
        found = json.loads(call(registry, "GET", "/management/v1/audit?account=robot"))
        return len(found["value"]) == 2

    until(recorded)
    return "robot"


def test_who_may_do_what_is_a_matrix(guest: Guest, robot: str) -> None:
    """Who can overwrite a release is a question that must have an answer."""
    guest.log_in_as_admin()
    guest.go("/web/access")
    guest.page.get_by_label("Repository").fill("team/app")
    guest.press("Show")

    row = guest.page.get_by_role("row", name=robot)
    expect(row.get_by_role("cell")).to_have_text(
        ["team-map", "yes", "yes", "no", "no", "no", "no", "no"]
    )
    expect(row.locator("[title]").first).to_have_attribute("title", READ)
    guest.page.get_by_role("link", name="Show the line that grants each").press("Enter")
    expect(row).to_contain_text(READ)
    row.get_by_role("link", name=robot).click()
    guest.is_at("/web/accounts/robot")


def test_a_change_is_tried_before_it_is_saved(guest: Guest, robot: str) -> None:
    """Whoever takes a right away sees which pipelines would fail."""
    guest.log_in_as_admin()
    guest.go("/web/scope-maps/team-map")
    guest.page.get_by_label("Permissions").fill(f"{READ}\nrepositories/team/*/content/delete")
    guest.press("Try it on the last 30 days")

    refused = guest.page.get_by_role("region", name="Succeeded, and would be refused")
    expect(refused).to_contain_text("repository:team/app:push")
    expect(refused).to_contain_text(robot)
    allowed = guest.page.get_by_role("region", name="Were refused, and would succeed")
    expect(allowed).to_contain_text("repository:team/app:delete")
    guest.press("Go on editing")
    expect(guest.page.get_by_label("Permissions")).to_have_value(
        f"{READ}\nrepositories/team/*/content/delete"
    )
    guest.go("/web/scope-maps/team-map")
    expect(guest.page.get_by_label("Permissions")).to_have_value(f"{READ}\n{WRITE}")


def test_what_an_account_used_fills_the_form_of_its_scope_map(guest: Guest, robot: str) -> None:
    """Fewer rights are only given if that takes a minute."""
    guest.log_in_as_admin()
    guest.go(f"/web/accounts/{robot}")
    guest.page.get_by_role("link", name="What was used").click()
    expect(guest.page.get_by_role("table")).to_contain_text("tokens only")
    guest.press("Put these into the form of its scope map")

    expect(guest.page.get_by_role("status")).to_contain_text("suggestions")
    expect(guest.page.get_by_label("Permissions")).to_have_value(
        "repositories/team/app/content/read\nrepositories/team/app/content/write"
    )


def test_an_account_with_a_built_in_scope_map_gets_one_of_its_own(guest: Guest) -> None:
    """A built-in scope map is for everybody, and so for too much."""
    call(guest.registry, "POST", "/management/v1/scopeMaps", {"name": "other-map", "actions": []})
    guest.log_in_as_admin()

    def is_shown() -> bool:
        guest.go("/web/accounts/acrux/used")
        return "management/write" in guest.page.content()

    until(is_shown)
    guest.press("Make a scope map of these")

    guest.is_at("/web/scope-maps")
    expect(guest.page.get_by_label("Permissions")).not_to_have_value("")


def test_what_a_user_used_is_shown_too(guest: Guest) -> None:
    """People hold more rights than programs, and use fewer."""
    wanted = {
        "name": "alice", "scopeMapId": "_repositories_push",
        "password": "a long enough pass phrase",
    }  # fmt: skip
    call(guest.registry, "POST", "/management/v1/users", wanted)
    guest.log_in_as_admin()
    guest.go("/web/users/alice")
    guest.page.get_by_role("link", name="What was used").click()

    guest.is_at("/web/users/alice/used")
    expect(guest.page.get_by_text("holds nothing")).to_be_visible()


def test_a_trust_is_tried_too(guest: Guest) -> None:
    """A trust gives rights to very many pipelines at once."""
    guest.log_in_as_admin()
    made = {
        "name": "our-ci", "issuer": "https://issuer.example", "audience": "acrux",
        "claims": ["sub=x"], "actions": [READ],
    }  # fmt: skip
    call(guest.registry, "POST", "/management/v1/trusts", made)
    guest.go("/web/trusts/our-ci")
    guest.page.get_by_label("Permissions").fill("")
    guest.page.get_by_label("Scope map").fill("_repositories_pull")
    guest.press("Try it on the last 30 days")
    expect(guest.page.get_by_role("heading", level=1)).to_contain_text("our-ci")
    guest.press("Save the change")

    guest.is_at("/web/trusts/our-ci")
    expect(guest.page.get_by_label("Scope map")).to_have_value("_repositories_pull")
