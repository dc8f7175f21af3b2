"""What scripts add to the pages."""

from playwright.sync_api import Browser, expect

from tests.running import RunningRegistry
from tests.web.pages import USER
from tests.web.visiting import Guest, call, guest_of

COPYING = """() => {
    const button = document.createElement("button");
    Object.assign(button, {className: "copy", textContent: "Copy"});
    Object.assign(button.dataset, {copy: "docker pull x", done: "Copied"});
    document.querySelector("main").append(button);
}"""
SWAPPING = """() => {
    const link = document.createElement("a");
    link.textContent = "Swap";
    link.href = "/web/nothing";
    for (const [name, value] of Object.entries({"hx-get": "/web/nothing", "hx-select": "main",
            "hx-target": "main", "hx-swap": "outerHTML", "hx-push-url": "true"}))
        link.setAttribute(name, value);
    document.querySelector("header").append(link);
    htmx.process(link);
}"""


def test_a_button_copies_and_says_so(browser: Browser, registry: RunningRegistry) -> None:
    """Nobody wants to mark a digest with the mouse."""
    permissions = ["clipboard-read", "clipboard-write"]
    with guest_of(browser, registry, permissions=permissions) as guest:
        guest.go("/web/login")
        guest.page.evaluate(COPYING)

        guest.page.get_by_role("button", name="Copy").press("Enter")

        expect(guest.page.get_by_role("button", name="Copied")).to_be_visible()
        assert guest.page.evaluate("() => navigator.clipboard.readText()") == "docker pull x"


def test_without_scripts_there_is_no_button_for_it(
    browser: Browser, registry: RunningRegistry
) -> None:
    """A button that does nothing is worse than none."""
    with guest_of(browser, registry) as guest:
        guest.page.route("**/pages.js*", lambda route: route.abort())
        guest.go("/web/login")
        guest.page.evaluate(COPYING)

        expect(guest.page.get_by_text("Copy", exact=True)).to_be_hidden()


def test_a_part_of_a_page_is_replaced_also_by_a_refusal(guest: Guest) -> None:
    """Whoever clicks must see what came of it."""
    guest.go("/web/login")
    guest.page.evaluate(SWAPPING)

    guest.page.get_by_role("link", name="Swap").click()

    expect(guest.page.get_by_role("heading", level=1)).to_have_text("Not found")
    guest.is_at("/web/nothing")
    guest.page.go_back()
    expect(guest.page.get_by_role("heading", level=1)).to_have_text("Log in")


def test_htmx_evaluates_nothing_and_keeps_nothing(guest: Guest) -> None:
    """A copy of a page in the browser's storage would outlive the session."""
    guest.go("/web/login")
    guest.page.evaluate(SWAPPING)
    guest.page.get_by_role("link", name="Swap").click()
    expect(guest.page.get_by_role("heading", level=1)).to_have_text("Not found")

    config = guest.page.evaluate("() => htmx.config")
    stored = guest.page.evaluate(
        "() => Object.keys(localStorage).length + [...Object.values(sessionStorage)].filter("
        "one => one.includes('<')).length"
    )
    assert (config["allowEval"], config["allowScriptTags"], stored) == (False, False, 0)


def test_a_search_after_the_end_of_the_session_says_so(
    guest: Guest, filled: RunningRegistry
) -> None:
    """The login is no list of repositories; without a word, the list would just be empty."""
    dora = {**USER, "name": "dora", "scopeMapId": "_repositories_admin"}
    call(filled, "POST", "/management/v1/users", dora)
    guest.log_in("dora", USER["password"])
    search = guest.page.get_by_label("Search by a part of the name")
    search.fill("hello")
    expect(guest.page.locator("#found").get_by_role("link", name="hello")).to_be_visible()
    call(filled, "DELETE", "/management/v1/users/dora")

    search.fill("team")

    expect(guest.page.get_by_text("Your session has ended")).to_be_visible()
    guest.log_in_as_admin()
    expect(guest.page.get_by_label("Search by a part of the name")).to_have_value("team")


def test_a_refusal_takes_the_place_of_the_page_and_not_of_a_part(guest: Guest) -> None:
    """It holds no part of the page that was asked for, and nothing would be shown at all."""
    guest.log_in_as_admin()
    guest.page.route(
        "**/web/?contains=*",
        lambda route: route.continue_(url=f"{guest.home}/web/nothing"),
    )

    guest.page.get_by_label("Search by a part of the name").fill("team")

    expect(guest.page.get_by_role("heading", level=1)).to_have_text("Not found")
    expect(guest.page.get_by_role("main")).to_have_count(1)
