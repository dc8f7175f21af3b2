"""Which part of a listing is asked for; sole reader of that in a query."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from acrux.domain.content.digest import Digest
from acrux.domain.content.page import MAX_ITEMS, Order, Page
from acrux.http import parsing
from acrux.http.messages import Request

# What of a query says which items a listing holds, and not which page of them.
Filters: TypeAlias = Sequence[tuple[str, str]]

_PAGING: Final = frozenset({"n", "last", "orderby"})


def page(request: Request) -> Page:
    """The page of a listing that is asked for. Raises InvalidPage."""
    return Page.parse(parsing.first(request, "n"), parsing.first(request, "last"))


def referrers_page(request: Request) -> Page:
    """As `page`; as many as there may be where `n` is not given, for few clients follow a link."""
    return Page.parse(parsing.first(request, "n"), parsing.first(request, "last"), MAX_ITEMS)


def filters(request: Request) -> Filters:
    """All that was asked of a listing but where its page begins, how long it is, and its order."""
    fields = parsing.fields(request).items()
    return [(name, value) for name, values in fields for value in values if name not in _PAGING]


def order(request: Request) -> Order:
    """How a listing of /acr/v1 is to be sorted. Raises InvalidPage."""
    return Order.parse(parsing.first(request, "orderby"))


def listed_digest(request: Request) -> Digest | None:
    """The manifest whose tags are to be listed. Raises InvalidDigest."""
    text = parsing.first(request, "digest")
    return Digest.parse(text) if text else None


def artifact_type(request: Request) -> str | None:
    """The type of referrers that are to be listed, None for all."""
    return parsing.first(request, "artifactType") or None
