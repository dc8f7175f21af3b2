"""How much is read at once."""

import pytest

from acrux.adapters.sql.many_rows import fitting


@pytest.mark.parametrize(
    ("sizes", "count"),
    [([3, 3, 3], 3), ([3, 3, 4], 2), ([10, 1], 1), ([11], 1), ([0, 0, 9, 0, 1], 4)],
)
def test_the_first_rows_that_take_less_than_the_room_are_read(sizes: list[int], count: int) -> None:
    """At least one, or a page would never end."""
    assert fitting(sizes, 10) == count
