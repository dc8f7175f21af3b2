"""Logging in and out."""

from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from tests.running import RunningRegistry, free_port, running
from tests.web.visiting import ELSEWHERE, Guest, guest_of


def test_a_guest_logs_in_and_sees_the_page_they_asked_for(guest: Guest) -> None:
    """People follow links to a page, and not to the form before it."""
    guest.go("/web/?last=a")

    guest.log_in_as_admin()

    guest.is_at("/web/")
    assert guest.page.url.endswith("?last=a")


def test_a_wrong_password_is_refused_and_the_name_stays(guest: Guest) -> None:
    """Whoever mistypes a password should not have to type all again."""
    guest.log_in("acrux", "wrong")

    expect(guest.page.get_by_role("alert")).to_contain_text("user name or the password is wrong")
    expect(guest.page.get_by_label("User name")).to_have_value("acrux")


def test_who_logs_out_is_asked_to_log_in_again(guest: Guest) -> None:
    """On a shared computer, the next person must not continue."""
    guest.log_in_as_admin()

    guest.page.get_by_role("button", name="Log out").click()

    guest.is_at("/web/login")


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "/web/\\evil"])
def test_a_login_leads_to_our_own_pages_only(guest: Guest, elsewhere: str) -> None:
    """A link to our login must not bring whoever logs in to somebody else's copy of it."""
    guest.go(f"/web/login?next={elsewhere}")

    guest.log_in_as_admin()

    guest.is_at("/web/")


def test_a_page_that_is_asked_for_by_a_program_is_none(registry: RunningRegistry) -> None:
    """Clients of the API notice nothing of the pages."""
    assert httpx2.get(f"{registry.url}/", headers={"Accept": "*/*"}).status_code == 404


def test_a_session_that_came_by_http_is_lost_and_the_login_says_so(
    browser: Browser, tmp_path: Path
) -> None:
    """Browsers drop it without a word, and people would try their password again and again."""
    port = str(free_port())
    name = f"{ELSEWHERE}:{port}"
    with (
        running(
            tmp_path / "data", "--workers", "1", "--port", port, "--login-server", name
        ) as registry,
        guest_of(browser, registry) as guest,
    ):
        guest.host = ELSEWHERE

        guest.log_in("acrux", registry.password)

        expect(guest.page.get_by_role("alert")).to_contain_text("did not send the session back")
