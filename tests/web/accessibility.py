"""What axe finds wrong with a page (WCAG 2.2, levels A and AA)."""

from pathlib import Path

from playwright.sync_api import Page

_RUN = """rules => axe.run(document, {runOnly: rules}).then(found => found.violations.map(
    one => one.id + ": " + one.help + " " + one.nodes.map(node => node.html).join(" ")))"""
_ALL = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")

# What can be used, in the order of the page; and the place therein of what has the focus.
_USABLE = """[...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
    .filter(one => one.getClientRects().length && !one.disabled)"""
_FOCUSED = """() => {
    const one = document.activeElement, box = one.getBoundingClientRect();
    const style = getComputedStyle(one);
    return {
        place: %s.indexOf(one),
        name: one.outerHTML.slice(0, 200),
        seen: box.width > 0 && box.height > 0 && box.left >= 0,
        marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
    };
}"""


def violations(page: Page, packages: Path, *rules: str) -> list[str]:
    """The rules that the page breaks, each with the elements that break it; by default of all."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate((packages / "axe-core/axe.min.js").read_text())
    found: list[str] = page.evaluate(_RUN, rules or _ALL)
    return found


def check_keyboard(page: Page) -> None:
    """Assert that the tabulator reaches everything that can be used, in its order, and shows it.

    What is folded up is opened first.
    """
    page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
    missed = set(range(page.evaluate(f"() => {_USABLE}.length")))
    before = -1
    for _ in range(2 * len(missed) + 20):  # a page may begin in its middle; a date has many fields
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED % _USABLE)
        place = focused["place"]
        if place >= 0:  # otherwise the page itself, between its last and its first
            assert focused["seen"], focused
            assert focused["marked"], focused
            assert before < 0 or place - before in {0, 1}, focused
            missed.discard(place)
        before = place
        if not missed:
            return
    assert missed == set()
