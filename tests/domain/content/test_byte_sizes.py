"""Sizes as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.content.byte_sizes import MAX_BYTES, parse_bytes, written_bytes
from acrux.errors import InvalidInput

READ = {
    "0": 0,
    "1024": 1024,
    "7B": 7,
    "20GiB": 20 * 1024**3,
    "20 gib": 20 * 1024**3,
    "500MB": 500_000_000,
    "1.5kB": 1500,
    "0.001KiB": 1,
    " 2TiB ": 2 * 1024**4,
    "8191PiB": 8191 * 1024**5,
}


@pytest.mark.parametrize(("text", "count"), READ.items())
def test_a_size_has_a_number_and_a_unit(text: str, count: int) -> None:
    """A quota of 20GiB must not become one of 20 GB."""
    assert parse_bytes(text) == count


NO_SIZES = [
    "", "GiB", "-1", "1e9", "20 Gigs", "20Gi", "1,5GB", "٣GB", "1.GB", "8192PiB", "9" * 15 + "PB",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_SIZES)
def test_what_is_no_size_is_refused(text: str) -> None:
    """A quota that is misread would refuse pushes, or none."""
    with pytest.raises(InvalidInput, match="a size is"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (3 * 1024**5, "3 PiB")],
)
def test_a_size_is_written_in_the_largest_unit_that_it_fills(count: int, text: str) -> None:
    """People compare 1.5 GiB faster than 1610612736."""
    assert written_bytes(count) == text


@given(st.integers(0, MAX_BYTES))
def test_what_is_written_can_be_read_and_is_about_the_same(count: int) -> None:
    """A message can be copied into the next command."""
    text = written_bytes(count)

    if text != "8192 PiB":
        assert abs(parse_bytes(text) - count) <= count / 20
