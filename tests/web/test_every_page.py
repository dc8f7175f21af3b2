"""What is true of every page."""

import re
import time
import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from acrux.bootstrap.application import build
from acrux.settings import Settings
from tests.running import RunningRegistry
from tests.web.accessibility import check_keyboard, violations
from tests.web.pages import APP, PAGES
from tests.web.visiting import NARROW, WIDE, Guest, guest_of

WEB = files("acrux.web")
FOLDER = Path(str(WEB.joinpath("templates")))
TEMPLATES = sorted(file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*.html"))

# What is between the tags and the marks of a template, and the attributes that people are told.
_MARKS = re.compile(r"{{.*?}}|{%.*?%}|{#.*?#}", re.DOTALL)
_TAGS = re.compile(r"<[^>]*>")
_SAID = re.compile(r"\b(?:aria-label|title|alt|placeholder|value)=\"([^\"]*)\"")
_HIDDEN = re.compile(r"<input type=\"hidden\"[^>]*>")
_LETTERS = re.compile(r"[A-Za-z]{2,}")


SIZE: ViewportSize = {"width": WIDE, "height": 800}

# What a form answers has no address of its own. Each makes the page, as the admin user.
ANSWERS: dict[str, Callable[[Guest], None]] = {
    "refusal": lambda admin: admin.go("/web/repositories/no/such"),
    "search without a result": lambda admin: admin.go("/web/?contains=nothing"),
    "new account": lambda admin: admin.send(
        "/web/accounts", "Create", {"Name": f"robot-{time.time_ns()}", "Scope map": "_admin"}
    ),
    "account that is refused": lambda admin: admin.send(
        "/web/accounts", "Create", {"Name": "robot"}
    ),
    "trial of a change": lambda admin: admin.send(
        "/web/trusts/our-ci", "Try it on the last 30 days", {"Audience": "other"}
    ),
    "name that was mistyped": lambda admin: admin.send(
        f"{APP}/-/delete", "Delete the repository", {"To confirm": "team"}
    ),
    "tag that would move": lambda admin: admin.send(
        f"{APP}/-/tag/v1", "Continue", {"New tag": "latest"}
    ),
    "token": lambda admin: admin.send("/web/tokens/new", "Get the token", {"Repository": "hello"}),
}


@pytest.fixture(scope="module")
def visits(browser: Browser, filled: RunningRegistry) -> Iterator[Guest]:
    """The admin user, who goes from page to page: a new browser for each takes a second."""
    # A colour that is on its way to another one would be measured.
    with guest_of(browser, filled, viewport=SIZE, reduced_motion="reduce") as guest:
        guest.log_in_as_admin()
        yield guest


@pytest.fixture(scope="module")
def reads(browser: Browser, visits: Guest) -> Iterator[Guest]:
    """The same, in a browser that runs no scripts."""
    state: Any = visits.page.context.storage_state()
    with guest_of(
        browser, visits.registry, storage_state=state, java_script_enabled=False
    ) as guest:
        yield guest


@pytest.fixture
def admin(visits: Guest) -> Iterator[Guest]:
    """The admin user in light and in a wide window, who has nothing to complain of."""
    visits.page.set_viewport_size(SIZE)
    visits.page.emulate_media(color_scheme="light")
    yield visits
    complaints = [*visits.complaints]
    visits.complaints.clear()
    assert complaints == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_barrier(admin: Guest, packages: Path, name: str) -> None:
    """Who sees little, or hears the page, must be able to do what everybody can."""
    admin.go(PAGES[name].path)

    expect(admin.page.get_by_role("heading", level=1)).to_have_text(PAGES[name].heading)
    assert violations(admin.page, packages) == []
    admin.take_picture(f"{name}-light")
    admin.page.emulate_media(color_scheme="dark")  # which changes the colours alone
    assert violations(admin.page, packages, "color-contrast") == []
    admin.take_picture(f"{name}-dark")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_on_a_telephone(admin: Guest, name: str) -> None:
    """At 320 pixels, which is also a wide screen at 400 %, nobody scrolls in two directions."""
    admin.page.set_viewport_size({"width": NARROW, "height": 640})
    admin.go(PAGES[name].path)

    assert admin.page.evaluate("() => document.documentElement.scrollWidth") <= NARROW
    admin.take_picture(f"{name}-narrow")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_used_by_keyboard(admin: Guest, name: str) -> None:
    """Who uses no mouse must get everywhere, in the order of the page, and see where they are."""
    admin.go(PAGES[name].path)

    check_keyboard(admin.page)


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_form_answers_is_as_good_as_a_page(admin: Guest, packages: Path, name: str) -> None:
    """A new password that is shown once must not be shown to those alone who see and point."""
    ANSWERS[name](admin)

    assert violations(admin.page, packages) == []
    check_keyboard(admin.page)
    admin.page.set_viewport_size({"width": NARROW, "height": 640})
    assert admin.page.evaluate("() => document.documentElement.scrollWidth") <= NARROW


def test_the_first_key_leads_past_the_navigation(admin: Guest) -> None:
    """Whoever uses the keyboard would press it ten times on every page."""
    admin.go("/web/")

    admin.page.keyboard.press("Tab")
    expect(admin.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(admin.page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    admin.page.keyboard.press("Enter")
    admin.page.keyboard.press("Tab")
    expect(admin.page.get_by_label("Search by a part of the name")).to_be_focused()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_works_without_scripts(reads: Guest, name: str) -> None:
    """Whoever lets no script run reads all the same."""
    reads.go(PAGES[name].path)

    expect(reads.page.get_by_role("heading", level=1)).to_have_text(PAGES[name].heading)


def test_every_page_is_visited_by_these_tests(tmp_path: Path) -> None:
    """A new page cannot escape them."""
    rows = build(Settings(data_dir=tmp_path / "data")).pages

    shown = {row.path for row in rows if "GET" in row.methods}

    assert {page.route for page in PAGES.values()} == shown - {"/", "/web", "/web/static/{name}"}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_holds_no_words(template: str) -> None:
    """What the pages say stands in one file, so that it can be read, mended and translated."""
    text = _HIDDEN.sub("", _MARKS.sub("", (FOLDER / template).read_text()))

    said = " ".join([*_SAID.findall(text), _TAGS.sub(" ", text)])
    assert _LETTERS.findall(re.sub(r"&\w+;|<!doctype html>", "", said)) == []


def _keys(table: dict[str, Any], path: str = "t") -> set[str]:
    return {
        key
        for name, value in table.items()
        for key in (
            _keys(value, f"{path}.{name}") if isinstance(value, dict) else {f"{path}.{name}"}
        )
    }


def test_every_word_is_used() -> None:
    """Words that no page says would be translated and mended for nobody."""
    english = tomllib.loads(WEB.joinpath("english.toml").read_text())
    templates = "\n".join((FOLDER / name).read_text() for name in TEMPLATES)
    # t.page[…] and t.refused.titles.get(…) look a key up.
    looked_up = set(re.findall(r"\b(t(?:\.\w+)+)(?:\[|\.get\()", templates))
    named = set(re.findall(r"\bt(?:\.\w+)+", templates))

    unused = _keys(english) - named
    assert {key for key in unused if not key.startswith(tuple(f"{t}." for t in looked_up))} == set()


def test_a_page_asks_no_other_host_and_breaks_no_rule(guest: Guest) -> None:
    """That nobody has to complain is checked whenever a guest leaves; so this test can fail."""
    guest.go("/web/login")
    guest.page.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => 0)")

    assert any("Content Security Policy" in complaint for complaint in guest.complaints)
    guest.complaints.clear()
