"""What people see when something cannot be shown."""

import httpx2
import pytest
from playwright.sync_api import expect

from tests.running import RunningRegistry
from tests.web.visiting import Guest


@pytest.mark.parametrize(
    ("path", "heading"),
    [("/web/nothing", "Not found"), ("/web/logout", "This cannot be done here")],
)
def test_an_address_that_is_no_page_is_answered_with_a_page(
    guest: Guest, path: str, heading: str
) -> None:
    """Whoever mistypes an address gets a way back, and no braces."""
    guest.go(path)

    expect(guest.page.get_by_role("heading", level=1)).to_have_text(heading)
    guest.page.get_by_role("link", name="To the repositories").click()
    guest.is_at("/web/login")


def test_what_is_not_below_the_pages_is_answered_as_the_api_answers(
    registry: RunningRegistry,
) -> None:
    """Clients of the API read JSON, whatever they accept."""
    answer = httpx2.get(f"{registry.url}/nothing", headers={"Accept": "text/html"})

    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("application/json")


def test_a_page_without_a_repository_is_not_found(guest: Guest) -> None:
    """A page answers what the API answers."""
    guest.log_in_as_admin()

    guest.go("/web/repositories/no/such")

    expect(guest.page.get_by_role("heading", level=1)).to_have_text("Not found")
    expect(guest.page.get_by_role("button", name="Log out")).to_be_visible()
