"""How strangers' text is shown."""

import pytest

from acrux.web.words import harmless, link, when


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, with ümlauts and 漢字", "plain, with ümlauts and 漢字"),
        ("\u202egnp.exe", "⟨U+202E⟩gnp.exe"),
        ("\x1b[31m", "␛[31m"),
        ("a\x00b\x7f", "a␀b⟨U+007F⟩"),
        ("two\nlines\tand\xa0space", "two\nlines\tand\xa0space"),
        ("x" * 3000, "x" * 2000 + "…"),
    ],
)
def test_what_steers_a_terminal_or_turns_the_writing_is_named(text: str, shown: str) -> None:
    """A name that reads otherwise than it is written deceives."""
    assert harmless(text) == shown


@pytest.mark.parametrize("text", ["https://example.test/a?b=c#d", "http://x", "HTTPS://x:8/%20"])
def test_pages_are_links(text: str) -> None:
    """A source that can be clicked is worth more than one that is copied."""
    assert link(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "javascript:alert(1)", "//x", "ftp://x", "https://", "https://x y", "https://x\n",
     'https://x"', "https://x<", "https://\u202ex", " https://x", "data:,x", "https://ü", "https://\u212aelvin"],
)  # fmt: skip
def test_nothing_else_is_a_link(text: str) -> None:
    """A browser would run it, or go elsewhere than it looks."""
    assert link(text) == ""


def test_an_instant_may_be_anything() -> None:
    """The date of a configuration is a stranger's text too."""
    assert when("2026-11-20T08:30:00.123456789Z") == "2026-11-20 08:30"
    assert when("<b>") == "<b>"
