"""What people saw before they decided, and whether it is still so."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

FIELD: Final = "seen"  # of a form
CHANGED: Final = 412  # as the API answers who is late


def mark(*values: Any) -> str:
    """What tells whether the values are still as they were."""
    return hashlib.sha256(msgspec.json.encode(values, order="sorted")).hexdigest()[:32]


def is_current(form: Mapping[str, str], now: str) -> bool:
    """Whether the form was made of what there is now; one that does not say so, is not asked."""
    return form.get(FIELD, now) == now
