"""Searches of the audit log; the only reader of their queries."""

from datetime import UTC, datetime

from acrux.domain.audit.decision import Outcome, Search
from acrux.domain.content.page import Order
from acrux.errors import InvalidRequest
from acrux.http import paging, parsing
from acrux.http.messages import Request


def read(request: Request) -> Search:
    """The requested search of the audit log.

    `last` is the id before which the page ends, or after which it begins if the oldest come first.
    Raises InvalidRequest, and InvalidPage for `n`, `last` and `orderby`.
    """
    outcome = one(request, "outcome")
    if outcome is not None and outcome not in set(Outcome):
        raise InvalidRequest(f"outcome must be one of: {', '.join(Outcome)}", outcome=outcome[:40])
    oldest_first = paging.order(request) is Order.OLDEST_FIRST
    last = one(request, "last")
    return Search(
        account=one(request, "account"),
        repository=one(request, "repository"),
        outcome=None if outcome is None else Outcome(outcome),
        since=_instant(request, "since"),
        until=_instant(request, "until"),
        limit=paging.page(request).items,
        after=last if oldest_first else None,
        before=None if oldest_first else last,
        oldest_first=oldest_first,
    )


def _instant(request: Request, name: str) -> datetime | None:
    text = one(request, name)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidRequest(f"{name} must be a time such as 2026-11-21T09:30:00Z", given=text[:40])


def one(request: Request, name: str) -> str | None:
    """A parameter of the query, None if it is missing. Raises InvalidRequest if it is repeated."""
    values = parsing.query(request, name)
    if len(values) > 1:
        raise InvalidRequest(f"the query names {name} more than once")
    return values[0] if values else None
