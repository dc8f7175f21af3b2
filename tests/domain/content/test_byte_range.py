"""Byte ranges of a blob: which are read, and which bytes they select."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.content.byte_range import ByteRange
from acrux.errors import RangeNotSatisfiable

positions = st.integers(0, 40)
CONTENT = bytes(range(20))


def part(text: str) -> bytes:
    """What a Range header selects of CONTENT; empty if it cannot be satisfied."""
    wanted = ByteRange.parse(text)
    assert wanted is not None
    try:
        first, stop = wanted.resolve(len(CONTENT))
    except RangeNotSatisfiable as refused:
        assert refused.size == len(CONTENT)
        return b""
    assert first < stop <= len(CONTENT)
    return CONTENT[first:stop]


@given(positions, positions)
def test_a_range_selects_from_its_first_to_its_last_byte(first: int, last: int) -> None:
    """containerd resumes a pull with a range: an error of one byte damages the layer."""
    expected = bytes(byte for byte in CONTENT if first <= byte <= last)

    assert part(f"bytes={first}-{last}") == expected


@given(positions)
def test_a_range_without_an_end_selects_the_rest(first: int) -> None:
    """The usual form of a resumed download."""
    assert part(f"bytes={first}-") == CONTENT[first:]


@given(positions)
def test_a_suffix_selects_the_last_bytes(length: int) -> None:
    """Readers of zip and stargz layers start at the end."""
    assert part(f"bytes=-{length}") == (CONTENT[-length:] if length else b"")


@pytest.mark.parametrize(
    "text",
    ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "5-", "bytes=0-1,3-4", "items=0-1",
     "bytes=0-1\n", "bytes=--1", "bytes=" + "9" * 19 + "-", "bytes=٠-١"],
)  # fmt: skip
def test_a_range_that_is_not_understood_is_ignored(text: str) -> None:
    """RFC 9110 §14.2: the whole blob is a correct answer, a refusal is not."""
    assert ByteRange.parse(text) is None


def test_an_empty_blob_has_no_part() -> None:
    """A 206 without bytes cannot be expressed."""
    with pytest.raises(RangeNotSatisfiable):
        ByteRange(0, None, None).resolve(0)
