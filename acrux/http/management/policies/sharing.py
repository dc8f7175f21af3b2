"""What the handlers of policies share: pages, and the fields of a PATCH."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import UNSET, Struct
from msgspec.structs import asdict

from acrux.domain.content.page import cut
from acrux.http import paging, responses
from acrux.http.messages import Request, Response

Stored = TypeVar("Stored")


def listed(
    request: Request,
    path: str,
    stored: Sequence[Stored],
    name: Callable[[Stored], str],
    content: Callable[[Sequence[Stored]], Struct],
) -> Response:
    """The requested page of the policies, with a link to the next one. Raises InvalidPage."""
    page = paging.page(request)
    found = cut(stored, page, name)
    following = responses.last_item([name(one) for one in found.items], more=found.more)
    return responses.collection(
        path, content(found.items), page, following, paging.filters(request)
    )


def fields(body: Struct) -> dict[str, Any]:
    """The fields that were sent, by the names of the policy's; lists as tuples.

    `status` becomes `is_enabled`; `confirm` is no field of a policy.
    """
    sent = {name: value for name, value in asdict(body).items() if value is not UNSET}
    sent.pop("confirm", None)
    if "status" in sent:
        sent["is_enabled"] = sent.pop("status") == "enabled"
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in sent.items()
    }
