"""Byte ranges of a blob: which are read, and which bytes they select."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.content.byte_range import MAX_RANGES, ByteRanges
from acrux.errors import RangeNotSatisfiable

positions = st.integers(0, 40)
CONTENT = bytes(range(20))


def part(text: str) -> bytes:
    """What a Range header selects of CONTENT; empty if it cannot be satisfied."""
    wanted = ByteRanges.parse(text)
    assert wanted is not None
    try:
        [(first, stop)] = wanted.resolve(len(CONTENT))
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
    ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "5-", "bytes=0-1,x", "items=0-1",
     "bytes=0-1\n", "bytes=--1", "bytes=" + "9" * 19 + "-", "bytes=٠-١", "bytes=,", "bytes=0 -1",
     "bytes=" + ",".join(["0-0"] * (MAX_RANGES + 1))],
)  # fmt: skip
def test_a_range_that_is_not_understood_is_ignored(text: str) -> None:
    """RFC 9110 §14.2: the whole blob is a correct answer, a refusal is not."""
    assert ByteRanges.parse(text) is None


@pytest.mark.parametrize("text", ["bytes=0-", "bytes=0-9", "bytes=-5", "bytes=7-9, 1-2"])
def test_an_empty_blob_is_sent_whole(text: str) -> None:
    """A 206 without bytes cannot be expressed, and clients ask for the first bytes of any blob."""
    wanted = ByteRanges.parse(text)

    assert wanted is not None
    assert wanted.resolve(0) == ()


ranges = st.lists(st.tuples(positions, positions), min_size=1, max_size=6)


@given(ranges)
def test_several_ranges_select_each_requested_byte_once(asked: list[tuple[int, int]]) -> None:
    """Overlapping ranges could make a small blob an answer of gigabytes (RFC 9110 §17.15)."""
    wanted = ByteRanges.parse("bytes=" + ", ".join(f"{first}-{last}" for first, last in asked))
    requested = {byte for byte in CONTENT for first, last in asked if first <= byte <= last}
    assert wanted is not None
    try:
        parts = wanted.resolve(len(CONTENT))
    except RangeNotSatisfiable:
        assert not requested
        return

    sent = [byte for first, stop in parts for byte in CONTENT[first:stop]]
    assert sorted(sent) == sorted(requested)


def test_parts_that_do_not_overlap_are_sent_as_they_were_requested() -> None:
    """podman counts the parts, and takes the first for the first that it requested."""
    wanted = ByteRanges.parse("bytes=10-11,0-1,2-3")

    assert wanted is not None
    assert wanted.resolve(len(CONTENT)) == ((10, 12), (0, 2), (2, 4))


def test_as_many_ranges_as_podman_requests_are_read() -> None:
    """It cuts a zstd:chunked layer into at most 1,024 parts."""
    wanted = ByteRanges.parse("bytes=" + ",".join(f"{2 * n}-{2 * n}" for n in range(MAX_RANGES)))

    assert wanted is not None
    assert len(wanted.resolve(4096)) == MAX_RANGES
