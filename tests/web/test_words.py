"""How values, and strangers' texts, are shown."""

import pytest

from acrux.web.words import cut, figure, is_link, visible, when


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/a?b=c#d", "http://example.com", "HTTPS://A.example:8/%20",
        "https://git.kiosk.example/Kits/sinks",
    ],
)  # fmt: skip
def test_a_page_of_the_web_is_a_link(text: str) -> None:
    """Where an image comes from is worth a click."""
    assert is_link(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "javascript:alert(1)", "data:text/html,x", "ftp://example.com/", "//example.com/",
        "https:example.com", "https://", "https:///x", "https://a b/", "https://a\n/", "https://[",
        "https://bank.example@evil.example/", "https://a.example\\@b.example", " https://a.example",
        "https://ex\u0430mple.com/", "https://\u212aelvin.example", "https://\u202ex",
        'https://a.example/"onclick', "java\nscript:https://a.example",
        f"https://a.example/{'x' * 2000}",
    ],
)  # fmt: skip
def test_what_is_no_plain_address_of_the_web_is_no_link(text: str) -> None:
    """A label is a stranger's text: a click on it must run nothing and lead nowhere by surprise."""
    assert not is_link(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ü, 漢字, 🐳", "plain, ü, 漢字, 🐳"),
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[31mred", "⟨U+001B⟩[31mred"),
        ("gpj.\u202eexe", "gpj.⟨U+202E⟩exe"),
        ("adm\u200bin", "adm⟨U+200B⟩in"),
        ("a\ud800b", "a⟨U+D800⟩b"),
        ("tag\U000e0041", "tag⟨U+E0041⟩"),
    ],
)
def test_what_nobody_can_see_is_shown_by_its_number(text: str, shown: str) -> None:
    """Two names that look alike must not be taken for one another."""
    assert visible(text) == shown


def test_what_is_no_text_stays_as_it_is() -> None:
    """A number is shown as a number."""
    assert visible(7) == 7


def test_a_text_is_cut_where_it_is_too_long() -> None:
    """A label of a megabyte would hide all that is below it."""
    assert (cut("abc", 3), cut("abcd", 3)) == ("abc", "abc…")


def test_an_instant_may_be_anything() -> None:
    """The date of a configuration is a stranger's text too."""
    assert when("2026-11-20T08:30:00.123456789Z") == "2026-11-20 08:30"
    assert when("<b>") == "<b>"
    assert when("0001-01-01T00:00:00+01:00") == "0001-01-01T00:00:00+01:00"


def test_an_instant_of_another_zone_is_shown_in_utc() -> None:
    """A build in Tokyo must not look nine hours younger than it is."""
    assert when("2026-11-20T08:30:00+09:00") == "2026-11-19 23:30"


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (0.00001, "0"), (0.0125, "0.01"), (1.5, "1.5"), (42.25, "42.2"), (2084.4, "2084")],
)
def test_a_number_of_a_chart_has_no_exponent(number: float, shown: str) -> None:
    """2.08e+03 milliseconds are two seconds only to who computes."""
    assert figure(number) == shown
