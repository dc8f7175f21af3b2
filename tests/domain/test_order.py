"""How a listing of /acr/v1 is sorted."""

import pytest

from acrux.domain.content.page import Order
from acrux.errors import InvalidPage


@pytest.mark.parametrize(
    ("text", "order"),
    [
        (None, Order.BY_NAME),
        ("", Order.BY_NAME),
        ("none", Order.BY_NAME),
        ("timeasc", Order.OLDEST_FIRST),
        ("timedesc", Order.NEWEST_FIRST),
    ],
)
def test_an_order_is_read_as_acr_writes_it(text: str | None, order: Order) -> None:
    """acr purge would delete the newest images instead of the oldest (acr-protocol.md §5.3)."""
    assert Order.parse(text) is order


@pytest.mark.parametrize("text", ["time", "TIMEASC", "timeasc ", "timedesc,timeasc", "name", "0"])
def test_an_unknown_order_is_refused(text: str) -> None:
    """After a typo, the listing would be sorted in another order than its reader believes."""
    with pytest.raises(InvalidPage, match="timeasc, timedesc"):
        Order.parse(text)
