"""The requested page of a listing; the only reader of it in a query."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from acrux.domain.content.digest import Digest
from acrux.domain.content.page import MAX_ITEMS, Order, Page, read_count
from acrux.http import parsing
from acrux.http.messages import Request

# The query parameters that select items, without those that select a page of them.
Filters: TypeAlias = Sequence[tuple[str, str]]

_PAGING: Final = frozenset({"n", "last", "orderby"})


def page(request: Request) -> Page:
    """The requested page of a listing. Raises InvalidPage."""
    return Page.parse(parsing.first(request, "n"), parsing.first(request, "last"))


def referrers_page(request: Request) -> Page:
    """As `page`, but of maximum size if `n` is missing: few clients follow a link."""
    return Page.parse(parsing.first(request, "n"), parsing.first(request, "last"), MAX_ITEMS)


def filters(request: Request) -> Filters:
    """The query parameters of a listing, without those of its page and its order."""
    fields = parsing.fields(request).items()
    return [(name, value) for name, values in fields for value in values if name not in _PAGING]


def order(request: Request) -> Order:
    """The requested order of a listing of /acr/v1. Raises InvalidPage."""
    return Order.parse(parsing.first(request, "orderby"))


def tags(request: Request) -> int:
    """How many tags of a manifest to show, by default all. Raises InvalidPage.

    Thousands may point at one manifest, and some callers need none of them.
    """
    return read_count(parsing.first(request, "tags"), "tags")


def listed_digest(request: Request) -> Digest | None:
    """The manifest whose tags are requested, None for all tags. Raises InvalidDigest."""
    text = parsing.first(request, "digest")
    return Digest.parse(text) if text else None


def artifact_type(request: Request) -> str | None:
    """The requested type of referrers, None for all."""
    return parsing.first(request, "artifactType") or None
