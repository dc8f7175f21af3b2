"""Pages of a listing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.content.page import DEFAULT_ITEMS, MAX_ITEMS, Page, Slice, cut
from acrux.errors import InvalidPage


def test_without_parameters_a_listing_starts_at_its_beginning() -> None:
    """Most clients never send `n` or `last`."""
    assert Page.parse(None, None) == Page(DEFAULT_ITEMS, "")


@given(st.integers(0, 10**18 - 1))
def test_a_page_is_as_long_as_asked_up_to_the_maximum(n: int) -> None:
    """An unlimited n once let one request allocate everything (CVE-2023-2253)."""
    assert Page.parse(str(n), None).items == min(n, MAX_ITEMS)


@pytest.mark.parametrize(
    "n", ["", "-1", "+1", "1.5", "1e3", " 1", "1\n", "x", "0x10", "1_0", "١", "9" * 19, "9" * 5000]
)
def test_an_invalid_count_is_refused(n: str) -> None:
    """In other registries `?n=-1` reads past the end of a list."""
    with pytest.raises(InvalidPage) as refused:
        Page.parse(n, None)

    assert len(refused.value.detail["n"]) <= 40


@given(st.text(max_size=512))
def test_a_page_starts_after_any_text(last: str) -> None:
    """`last` need not exist: it may have been deleted since the last page."""
    page = Page.parse(None, last)

    place = "" if page.last_at is None else f"@{page.last_at}"
    assert (page.last + place).rstrip("0123456789") == last.rstrip("0123456789")
    assert page.last == last or "@" in last


@pytest.mark.parametrize(
    ("last", "name", "at"),
    [
        ("v1", "v1", None),
        ("v1@5", "v1", 5),
        ("sha256:0@1795262400000000", "sha256:0", 1795262400000000),
        ("v1@", "v1@", None),
        ("@5", "@5", None),
        ("v1@-5", "v1@-5", None),
        ("v1@5@6", "v1@5@6", None),
    ],
)
def test_a_place_in_time_is_a_name_and_its_microseconds(
    last: str, name: str, at: int | None
) -> None:
    """A purge that deletes as it goes would stop after its first page."""
    page = Page.parse(None, last)

    assert (page.last, page.last_at) == (name, at)


def test_an_impossible_last_is_refused() -> None:
    """No item has so long a name, and a Link header would repeat it."""
    with pytest.raises(InvalidPage):
        Page.parse(None, "a" * 513)


def test_a_slice_is_the_end_unless_it_says_otherwise() -> None:
    """A wrong "there is more" sends clients round in circles."""
    assert not Slice(("a",)).more


def test_a_short_listing_is_cut_into_pages() -> None:
    """Each item comes once, and the last page is marked as the last."""
    names = ["a", "b", "c"]

    assert cut(names, Page(2), str) == Slice(("a", "b"), more=True)
    assert cut(names, Page(2, "b"), str) == Slice(("c",))
    assert cut(names, Page(3), str) == Slice(("a", "b", "c"))
    assert cut(names, Page(0), str) == Slice(())
