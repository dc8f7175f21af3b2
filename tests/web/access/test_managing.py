"""Accounts, scope maps, trusts, users and keys, made and changed by forms."""

import base64
import json
import re
from pathlib import Path

import bcrypt
import pytest
from playwright.sync_api import Browser, expect

from tests.running import RunningRegistry, running
from tests.web.visiting import Guest, call, guest_of

READ = "repositories/team/*/content/read"
WRITE = "repositories/team/*/content/write"


@pytest.fixture
def admin(guest: Guest) -> Guest:
    """The admin user, who has logged in."""
    guest.log_in_as_admin()
    return guest


def make_scope_map(guest: Guest, name: str, actions: str) -> None:
    """Create a scope map by its form."""
    guest.send("/web/scope-maps", "Create", {"Name": name, "Permissions": actions})
    guest.is_at(f"/web/scope-maps/{name}")


def granted(registry: RunningRegistry, name: str, password: str, scope: str) -> str:
    """What the account gets a token for."""
    address = f"/oauth2/token?service={registry.host}&scope={scope}"
    token = json.loads(call(registry, "GET", address, login=f"{name}:{password}"))["access_token"]
    body = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(body + "=="))["access"])


def test_a_form_changes_nothing_that_nobody_typed(admin: Guest) -> None:
    """What holds a family's emoji together is invisible, and must survive that a form is saved."""
    family = "family 👩\u200d👧"
    make_scope_map(admin, "families", READ)
    description = admin.page.get_by_label("Description")
    description.fill(family)
    admin.press("Save")
    admin.press("Try it on the last 30 days")
    admin.press("Go on editing")
    admin.press("Save")

    expect(description).to_have_value(family)


def test_an_account_is_made_in_three_fields(admin: Guest) -> None:
    """Whoever adds a pipeline wants its password and the line that logs in, and nothing else."""
    fields = {"Name": "pipeline", "Scope map": "_repositories_pull", "Expires at": "2090-01-01"}
    admin.send("/web/accounts", "Create", fields)

    line = admin.page.locator("pre", has_text="docker login").inner_text()
    password = re.search(r"echo (\w+) \| docker login localhost:\d+ -u pipeline", line)
    assert password is not None
    scope = "repository:team/app:pull,push"
    got = granted(admin.registry, "pipeline", password[1], scope)
    assert "pull" in got
    assert "push" not in got
    admin.page.get_by_role("link", name="To the account").click()
    assert password[1] not in admin.page.content()
    expect(admin.page.get_by_role("table")).to_contain_text("2090-01-01")


def test_a_form_suggests_the_scope_maps_that_there_are(admin: Guest) -> None:
    """Nobody knows their names by heart."""
    for place in ("accounts", "users", "trusts"):
        admin.go(f"/web/{place}")
        field = admin.page.get_by_label("Scope map")
        names = f"#{field.get_attribute('list')} option[value=_repositories_pull]"
        expect(admin.page.locator(names)).to_be_attached()


def test_an_account_gets_rights_on_a_repository_without_a_scope_map(admin: Guest) -> None:
    """Most pipelines need one repository, and nobody wants to name its rights first."""
    admin.go("/web/accounts")
    admin.page.get_by_label("Name").fill("one-repository")
    admin.page.get_by_text("Or give it rights on one repository").click()
    admin.page.get_by_label("Repository").fill("team/app")
    admin.page.get_by_label("content/read").check()
    admin.press("Create")

    admin.page.get_by_role("link", name="To the account").click()
    admin.page.get_by_role("link", name="one-repository-scope-map").click()
    expect(admin.page.get_by_label("Permissions")).to_have_value(
        "repositories/team/app/content/read"
    )


def test_what_was_typed_stays_if_it_is_refused(admin: Guest) -> None:
    """Nobody wants to fill in a form again because of one word in it."""
    admin.send("/web/accounts", "Create", {"Name": "no-rights"})
    expect(admin.page.get_by_role("alert")).to_contain_text("at least one right")
    admin.page.get_by_label("Scope map").fill("nowhere")
    admin.press("Create")

    expect(admin.page.get_by_role("alert")).to_contain_text("there is no scope map 'nowhere'")
    expect(admin.page.get_by_label("Name")).to_have_value("no-rights")


def test_an_account_is_changed_renewed_and_deleted(admin: Guest) -> None:
    """An account that was leaked must be closed by whoever notices, with what is at hand."""
    fields = {"Name": "leaked", "Scope map": "_repositories_pull"}
    admin.send("/web/accounts", "Create", fields)
    admin.go("/web/accounts/leaked")
    admin.page.get_by_label("Status").select_option("disabled")
    admin.press("Save")
    expect(admin.page.locator(".facts")).to_contain_text("disabled")
    expect(admin.page.get_by_role("status")).to_contain_text("saved")
    admin.page.get_by_text("Renew password2…").click()
    admin.page.get_by_role("button", name="Renew it.").last.click()
    expect(admin.page.locator("h2", has_text="password2")).to_be_visible()
    assert admin.page.locator(".command").count() == 2  # the password, and the login with it
    admin.go("/web/accounts/leaked")
    admin.press("Revoke all tokens")
    admin.page.get_by_text("Delete…").click()
    admin.press("Delete it. This cannot be undone.")

    admin.is_at("/web/accounts")
    expect(admin.page.get_by_role("link", name="leaked")).to_have_count(0)


def test_the_admin_user_is_offered_only_what_can_be_done(admin: Guest) -> None:
    """Its passwords have other names than those of accounts, and it keeps its scope map."""
    admin.go("/web/accounts/acrux")

    expect(admin.page.get_by_label("Status")).to_be_visible()
    expect(admin.page.get_by_label("Scope map")).to_have_count(0)
    expect(admin.page.get_by_text("Delete…")).to_have_count(0)
    admin.page.get_by_text("Renew password2…").click()
    admin.page.get_by_role("button", name="Renew it.").last.click()
    expect(admin.page.locator("h2", has_text="password2")).to_be_visible()


def test_a_user_of_the_htpasswd_file_is_offered_only_what_can_be_done(
    browser: Browser, tmp_path: Path
) -> None:
    """A form that is always refused wastes the time of whoever fills it in."""
    file = tmp_path / "htpasswd"
    file.write_bytes(b"harry:" + bcrypt.hashpw(b"a pass phrase", bcrypt.gensalt(4)) + b"\n")
    options = ("--htpasswd", str(file), "--htpasswd-scope-map", "_repositories_pull")
    with (
        running(tmp_path / "data", "--workers", "1", *options) as registry,
        guest_of(browser, registry) as guest,
    ):
        guest.log_in_as_admin()
        guest.go("/web/users/harry")

        expect(guest.page.get_by_text("Change the password there")).to_be_visible()
        expect(guest.page.get_by_label("New password")).to_have_count(0)
        expect(guest.page.get_by_text("Delete…")).to_have_count(0)


def test_who_edits_a_scope_map_that_changed_meanwhile_is_told(
    admin: Guest, browser: Browser
) -> None:
    """The second of two people would otherwise take away what the first one has just given."""
    make_scope_map(admin, "edited-by-two", READ)
    context = browser.new_context()
    other = Guest(context.new_page(), admin.registry)
    other.log_in_as_admin()
    other.go("/web/scope-maps/edited-by-two")
    admin.page.get_by_label("Permissions").fill(f"{READ}\n{WRITE}")
    admin.press("Save")
    admin.is_at("/web/scope-maps/edited-by-two")
    other.page.get_by_label("Description").fill("mine")
    other.press("Save")

    expect(other.page.get_by_role("alert")).to_contain_text("Somebody else has changed it")
    expect(other.page.locator("pre")).to_contain_text(WRITE)
    expect(other.page.get_by_label("Description")).to_have_value("mine")
    other.page.get_by_label("Permissions").fill(f"{READ}\n{WRITE}")
    other.press("Save")
    expect(other.page.get_by_role("alert")).to_have_count(0)
    context.close()


def test_a_wrong_permission_is_refused_in_the_words_of_the_api(admin: Guest) -> None:
    """A scope map that grants nothing because of a typing error costs somebody an afternoon."""
    make_scope_map(admin, "mistyped", READ)
    admin.page.get_by_label("Permissions").fill("repositories/team/content/fly")
    admin.press("Save")

    expect(admin.page.get_by_role("alert")).to_contain_text("a permission is repositories/NAME/")
    expect(admin.page.get_by_label("Permissions")).to_have_value("repositories/team/content/fly")


def test_a_trust_is_made_changed_and_deleted(admin: Guest) -> None:
    """A CI service logs in without any password, once a trust accepts its tokens."""
    fields = {
        "Name": "our-ci", "Issuer": "https://issuer.example", "Audience": "acrux",
        "Claims": "sub=team:*\nref=main", "Scope map": "_repositories_pull",
    }  # fmt: skip
    admin.send("/web/trusts", "Create", fields)
    admin.is_at("/web/trusts/our-ci")
    admin.page.get_by_label("Longest lifetime").fill("30")
    admin.page.get_by_label("Status").select_option("disabled")
    admin.press("Save")
    expect(admin.page.get_by_label("Longest lifetime")).to_have_value("30")
    expect(admin.page.get_by_label("Claims")).to_have_value("sub=team:*\nref=main")
    admin.page.get_by_label("Longest lifetime").fill("soon")
    admin.press("Save")
    expect(admin.page.get_by_role("alert")).to_contain_text("lifetimeInMinutes")
    admin.page.get_by_text("Delete…").click()
    admin.press("Delete it. This cannot be undone.")

    admin.is_at("/web/trusts")


def test_a_user_is_made_and_gets_another_password(admin: Guest) -> None:
    """People forget passwords, and somebody must be able to set another one."""
    fields = {
        "Name": "alice@example.com", "Scope map": "_repositories_pull",
        "Password": "a long enough pass phrase",
    }  # fmt: skip
    admin.send("/web/users", "Create", fields)
    admin.is_at("/web/users/alice%40example.com")
    admin.page.get_by_label("New password").fill("short")
    admin.press("Set the password")
    expect(admin.page.get_by_role("alert")).to_be_visible()
    admin.page.get_by_label("New password").fill("another long pass phrase")
    admin.press("Set the password")
    expect(admin.page.get_by_role("alert")).to_have_count(0)

    admin.press("Log out")
    admin.log_in("alice@example.com", "another long pass phrase")
    expect(admin.page.get_by_role("button", name="Log out")).to_be_visible()
    admin.go("/web/accounts")
    expect(admin.page.get_by_role("alert")).to_be_visible()


def test_a_key_is_rotated_and_revoked(admin: Guest) -> None:
    """A key that others may know must go at once."""
    admin.go("/web/keys")
    before = admin.page.get_by_role("row").count()
    admin.press("Publish a new key")

    expect(admin.page.get_by_role("row")).to_have_count(before + 1)
    expect(admin.page.get_by_role("table")).to_contain_text("announced")
    admin.page.locator("summary").last.click()
    admin.page.get_by_role("button", name="Remove this key").last.click()
    admin.is_at("/web/keys")


@pytest.mark.parametrize(
    "path",
    ["accounts", "accounts/acrux", "scope-maps", "scope-maps/_repositories_pull", "trusts", "users",
     "keys", "audit", "cases/nv01dztfza"],
)  # fmt: skip
def test_who_has_not_logged_in_is_asked_to(guest: Guest, path: str) -> None:
    """Nothing of who has which rights is for strangers."""
    guest.go(f"/web/{path}")

    guest.is_at("/web/login")
