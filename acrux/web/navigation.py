"""The places that every page leads to, as far as its visitor may go."""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from acrux.web.calls import Visitor


def _everybody(_: Visitor) -> bool:
    return True


def _managers(visitor: Visitor) -> bool:
    return visitor.sees_management


def _restorers(visitor: Visitor) -> bool:
    return visitor.sees_deleted


class Place(Struct, frozen=True):
    """A place of the navigation; `word` is its name in the words of every page.

    The paths of its other pages begin with one of `within`.
    """

    word: str
    path: str
    is_for: Callable[[Visitor], bool] = _everybody
    within: tuple[str, ...] = ()

    def holds(self, path: str) -> bool:
        """Whether the page at this path is one of its other pages."""
        return path.startswith(self.within)


PLACES: Final = (
    Place("repositories", "/web/", within=("/web/repositories/",)),
    Place("compare", "/web/compare"),
    Place("deleted", "/web/deleted", _restorers),
    Place("operation", "/web/operation", _managers, ("/web/operation/",)),
    Place(
        "access",
        "/web/access",
        _managers,
        ("/web/accounts", "/web/users", "/web/scope-maps", "/web/trusts", "/web/keys"),
    ),
    Place("tokens", "/web/tokens", within=("/web/tokens/",)),
    Place("audit", "/web/audit", _managers, ("/web/cases/",)),
)


def places(visitor: Visitor) -> Sequence[Place]:
    """Where the visitor can go. This only saves them a refusal: the API's guard decides."""
    return [place for place in PLACES if place.is_for(visitor)]
