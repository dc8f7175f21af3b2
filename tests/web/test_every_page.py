"""What is true of every page."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from acrux.bootstrap.application import build
from acrux.settings import Settings
from tests.running import RunningRegistry
from tests.web.accessibility import check_keyboard, violations
from tests.web.pages import PAGES
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


@pytest.fixture(scope="module")
def session(browser: Browser, filled: RunningRegistry) -> dict[str, Any]:
    """The cookies of who has logged in as the admin user."""
    with guest_of(browser, filled) as guest:
        guest.log_in_as_admin()
        state: dict[str, Any] = dict(guest.page.context.storage_state())
        return state


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_has_no_barrier(
    browser: Browser,
    filled: RunningRegistry,
    packages: Path,
    session: dict[str, Any],
    name: str,
    scheme: str,
) -> None:
    """Who sees little, or hears the page, must be able to do what everybody can."""
    width = {"width": WIDE, "height": 800}
    with guest_of(
        browser, filled, storage_state=session, color_scheme=scheme, viewport=width
    ) as guest:
        guest.go(PAGES[name].path)

        expect(guest.page.get_by_role("heading", level=1)).to_have_text(PAGES[name].heading)
        assert violations(guest.page, packages) == []
        guest.take_picture(f"{name}-{scheme}")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_on_a_telephone(
    browser: Browser, filled: RunningRegistry, session: dict[str, Any], name: str
) -> None:
    """At 320 pixels, which is also a wide screen at 400 %, nobody scrolls in two directions."""
    width = {"width": NARROW, "height": 640}
    with guest_of(browser, filled, storage_state=session, viewport=width) as guest:
        guest.go(PAGES[name].path)

        assert guest.page.evaluate("() => document.documentElement.scrollWidth") <= NARROW
        guest.take_picture(f"{name}-narrow")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_used_by_keyboard(
    browser: Browser, filled: RunningRegistry, session: dict[str, Any], name: str
) -> None:
    """Who uses no mouse must get everywhere, and see where they are."""
    with guest_of(browser, filled, storage_state=session) as guest:
        guest.go(PAGES[name].path)

        check_keyboard(guest.page)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_works_without_scripts(
    browser: Browser, filled: RunningRegistry, session: dict[str, Any], name: str
) -> None:
    """Whoever lets no script run reads all the same."""
    with guest_of(browser, filled, storage_state=session, java_script_enabled=False) as guest:
        guest.go(PAGES[name].path)

        expect(guest.page.get_by_role("heading", level=1)).to_have_text(PAGES[name].heading)


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
