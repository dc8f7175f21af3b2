"""The places that every page leads to, as far as its visitor may go."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from acrux.web.calls import Visitor


class Place(Struct, frozen=True):
    """A place of the navigation; `word` is its name in the words of every page."""

    word: str
    path: str
    is_management: bool = False  # of use to whoever may see accounts and the like


PLACES: Final = (
    Place("repositories", "/web/"),
    Place("compare", "/web/compare"),
    Place("deleted", "/web/deleted", is_management=True),
    Place("operation", "/web/operation", is_management=True),
    Place("access", "/web/access", is_management=True),
    Place("tokens", "/web/tokens"),
    Place("audit", "/web/audit", is_management=True),
)


def places(visitor: Visitor) -> Sequence[Place]:
    """Where the visitor can go. This only saves them a refusal: the API's guard decides."""
    return [place for place in PLACES if visitor.sees_management or not place.is_management]
