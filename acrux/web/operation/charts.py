"""Lines of numbers over time, as SVG draws them."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

WIDTH: Final = 240
HEIGHT: Final = 60


class Chart(Struct, frozen=True):
    """The points of a line within WIDTH and HEIGHT, and its highest and its last number."""

    points: str
    highest: float
    last: float


def line(numbers: Sequence[float]) -> Chart | None:
    """The line of these numbers, the last one at the right; None if it takes more to draw one."""
    if len(numbers) < 2:
        return None
    highest = max(numbers)
    step, scale = WIDTH / (len(numbers) - 1), (HEIGHT - 2) / (highest or 1)
    points = " ".join(
        f"{place * step:.1f},{HEIGHT - 1 - number * scale:.1f}"
        for place, number in enumerate(numbers)
    )
    return Chart(points, highest, numbers[-1])
