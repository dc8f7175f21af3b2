"""Which key signs, which only verify, and when one has done its work."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from acrux.domain.instants import BEGINNING

# A new key is published this long before it signs, so that whoever keeps our key set, which says
# that it may be kept for half as long, knows the key before the first token of it.
PUBLISHED_BEFORE: Final = timedelta(minutes=10)
KEY_SET_KEPT: Final = PUBLISHED_BEFORE / 2

# Clocks differ: a key verifies this much longer than a token of it can live.
MARGIN: Final = timedelta(minutes=5)


class KeyRecord(Struct, frozen=True):
    """What is told of a signing key: never the key itself.

    A key of a higher `number` follows one of a lower. It signs from `signs_from` on, until one of
    a higher number does; BEGINNING is always, or nobody knows since when. `id` is its `kid`.
    """

    name: str
    number: int
    algorithm: str
    id: str
    signs_from: datetime = BEGINNING


def signing(keys: Iterable[KeyRecord], now: datetime) -> KeyRecord:
    """The key that signs: of those whose time has come, the one of the highest number.

    Where the time of none has come, as on a clock that was set back, the lowest: one always signs.
    There must be a key.
    """
    ordered = sorted(keys, key=_order)
    return next((key for key in reversed(ordered) if key.signs_from <= now), ordered[0])


def newest(keys: Iterable[KeyRecord]) -> KeyRecord:
    """The key that signs in the end: the one that signs now, or one that is announced."""
    return max(keys, key=_order)


def retired(
    keys: Sequence[KeyRecord], now: datetime, longest_life: timedelta
) -> tuple[KeyRecord, ...]:
    """The keys of which no token can be alive any more."""
    return tuple(key for key in keys if _ends(key, keys, longest_life) <= now)


def _ends(key: KeyRecord, keys: Iterable[KeyRecord], longest_life: timedelta) -> datetime:
    # Where nobody knows since when another one signs, nobody knows when this one is done.
    followed_at = [
        other.signs_from
        for other in keys
        if _order(other) > _order(key) and other.signs_from != BEGINNING
    ]
    if not followed_at:
        return datetime.max.replace(tzinfo=BEGINNING.tzinfo)
    return min(followed_at) + longest_life + MARGIN


def _order(key: KeyRecord) -> tuple[int, str]:
    return key.number, key.name
