"""What the registry holds, in a browser: by keyboard, small, dark, and without scripts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import RunningRegistry
from tests.web.accessibility import violations
from tests.web.visiting import Guest, guest_of

APP = "/web/repositories/team/app"
# Those that hold more than what the tests of every page see of them.
PAGES = {
    "folder": "/web/?below=team",
    "search": "/web/?contains=app",
    "repository": APP,
    "manifests": f"{APP}/-/manifests",
    "image": f"{APP}/-/manifests/1.1.0",
    "index": f"{APP}/-/manifests/latest",
    "sbom": f"{APP}/-/manifests/sbom",
    "provenance": f"{APP}/-/manifests/provenance",
    "chart": "/web/repositories/charts/app/-/manifests/1.2.0",
    "compare": "/web/compare?left=team/app:1.0.0&right=team/app:latest",
    "retag": f"{APP}/-/tag/1.1.0?tag=latest",
}
FIRST_PAGE_BYTES = 100_000


@pytest.fixture(scope="module")
def visitors(browser: Browser, registry: RunningRegistry) -> Iterator[dict[str, Guest]]:
    """The administrator at a narrow window, and at a wide one that is dark."""
    narrow = browser.new_context(viewport={"width": 320, "height": 700}, color_scheme="light")
    wide = browser.new_context(viewport={"width": 1100, "height": 800}, color_scheme="dark")
    try:
        guests = {"narrow": Guest(narrow.new_page(), registry),
                  "wide": Guest(wide.new_page(), registry)}  # fmt: skip
        for guest in guests.values():
            guest.log_in_as_admin()
        yield guests
    finally:
        narrow.close()
        wide.close()


@pytest.mark.parametrize("window", ["narrow", "wide"])
@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_use_a_page(
    visitors: dict[str, Guest], packages: Path, window: str, name: str
) -> None:
    """Some read on a telephone, some at night, some through a slow line."""
    guest = visitors[window]

    guest.go(PAGES[name])

    guest.take_picture(f"content-{name}-{window}")
    width = guest.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], "the page must not scroll sideways"
    assert guest.complaints == []
    sent = guest.page.evaluate(
        "performance.getEntriesByType('navigation')[0].transferSize"
        " + performance.getEntriesByType('resource').reduce((n, one) => n + one.transferSize, 0)"
    )
    assert sent < FIRST_PAGE_BYTES
    assert violations(guest.page, packages) == []


def test_an_image_is_found_by_keyboard(guest: Guest) -> None:
    """Not everybody has a mouse."""
    guest.log_in_as_admin()
    page: Page = guest.page
    page.get_by_label("Search by a part of the name").focus()
    page.keyboard.type("lint")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="tools/lint").press("Enter")
    page.get_by_role("link", name="v1").press("Enter")

    guest.is_at("/web/repositories/tools/lint/-/manifests/v1")
    expect(page.get_by_role("heading", level=1)).to_have_text("tools/lint:v1")


def test_repositories_are_found_while_their_name_is_typed(guest: Guest) -> None:
    """Whoever knows a part of a name should see it after a few letters."""
    guest.log_in_as_admin()
    page: Page = guest.page
    field = page.get_by_label("Search by a part of the name")
    expect(page.get_by_role("link", name="charts/")).to_be_visible()

    field.press_sequentially("lin")

    expect(page.get_by_role("link", name="tools/lint")).to_be_visible()
    expect(page.get_by_role("link", name="charts/")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/web/\?contains=lin$"))
    expect(field).to_be_focused()
    page.reload()
    expect(page.get_by_role("link", name="tools/lint")).to_be_visible()


@pytest.mark.parametrize("wanted", ["docker pull", "sha256:"])
def test_what_is_typed_elsewhere_is_copied(
    browser: Browser, registry: RunningRegistry, wanted: str
) -> None:
    """Nobody should have to mark seventy digits with the mouse."""
    permissions = ["clipboard-read", "clipboard-write"]
    with guest_of(browser, registry, permissions=permissions) as guest:
        guest.log_in_as_admin()
        guest.go(f"{APP}/-/manifests/1.1.0")
        copy = guest.page.locator(f"button[data-copy^='{wanted}']").first

        copy.press("Enter")

        expect(copy).to_have_text("Copied")
        copied = guest.page.evaluate("() => navigator.clipboard.readText()")
        assert copied == copy.get_attribute("data-copy")


def test_a_referrer_is_opened_from_the_graph_by_keyboard(guest: Guest) -> None:
    """The graph is no picture, but links."""
    guest.log_in_as_admin()
    guest.go(f"{APP}/-/manifests/1.1.0")

    guest.page.locator("svg.graph a").first.focus()
    guest.page.keyboard.press("Enter")

    expect(guest.page).to_have_url(re.compile(r"/-/manifests/sha256(:|%3A)[0-9a-f]+$"))


def test_a_repository_is_deleted_without_a_script(
    browser: Browser, registry: RunningRegistry
) -> None:
    """What matters must not depend on scripts that a company forbids."""
    context = browser.new_context(java_script_enabled=False)
    try:
        guest = Guest(context.new_page(), registry)
        guest.log_in_as_admin()
        guest.go("/web/repositories/hello")
        guest.page.get_by_role("link", name="Delete the repository").click()
        guest.page.get_by_label("To confirm, type the name").fill("hello")
        guest.page.get_by_role("button", name="Delete the repository").click()

        expect(guest.page.get_by_role("status")).to_have_text("It was deleted.")
        guest.go("/web/repositories/hello")
        expect(guest.page.get_by_role("alert")).to_be_visible()
    finally:
        context.close()
