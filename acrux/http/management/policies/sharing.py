"""What the handlers of policies share: warnings, fields."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import UNSET, Struct
from msgspec.structs import asdict

from acrux.domain.content.policies.definition import warnings
from acrux.http.messages import Response

MAX_WARNINGS: Final = 5  # of one answer


def warned(response: Response, patterns: Iterable[str], tags: Iterable[str] = ()) -> Response:
    """The answer, with warnings of these patterns and globs, which match nothing.

    As Kubernetes has it: `Warning: 299 - "…"` (RFC 7234 §5.5.7). Only the first few are told.
    """
    for warning in warnings(patterns, tags)[:MAX_WARNINGS]:
        response.add("Warning", f'299 - "{_quotable(warning)}"')
    return response


def _quotable(text: str) -> str:
    # A filter may hold any character.
    shown = "".join(one if one.isascii() and one.isprintable() else "?" for one in text)
    return shown.replace("\\", r"\\").replace('"', r"\"")


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
