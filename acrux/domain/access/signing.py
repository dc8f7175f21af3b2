"""Which key signs, which ones only verify, and when a key can be removed."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from acrux.domain.instants import BEGINNING

# A new key is published this long before it signs. Our key set may be cached for half as long, so
# that every verifier knows the key before its first token.
PUBLISHED_BEFORE: Final = timedelta(minutes=10)
KEY_SET_KEPT: Final = PUBLISHED_BEFORE / 2

# Clocks differ: a key verifies this much longer than its tokens can live.
MARGIN: Final = timedelta(minutes=5)


class KeyRecord(Struct, frozen=True):
    """What may be shown of a signing key: never the key itself.

    A key with a higher `number` is newer. It signs from `signs_from` on, until a newer one does;
    BEGINNING means always, or unknown since when. `id` is its `kid`.
    """

    name: str
    number: int
    algorithm: str
    id: str
    signs_from: datetime = BEGINNING


def signing(keys: Iterable[KeyRecord], now: datetime) -> KeyRecord:
    """The key that signs: the newest of those whose time has come.

    If the time of none has come, as when the clock was set back, it is the oldest: one always
    signs. There must be at least one key.
    """
    ordered = sorted(keys, key=_order)
    return next((key for key in reversed(ordered) if key.signs_from <= now), ordered[0])


def newest(keys: Iterable[KeyRecord]) -> KeyRecord:
    """The newest key: the one that signs now, or one that is announced."""
    return max(keys, key=_order)


def retired(
    keys: Sequence[KeyRecord], now: datetime, longest_life: timedelta
) -> tuple[KeyRecord, ...]:
    """The keys whose tokens have all expired."""
    return tuple(key for key in keys if _ends(key, keys, longest_life) <= now)


def _ends(key: KeyRecord, keys: Iterable[KeyRecord], longest_life: timedelta) -> datetime:
    # If it is unknown since when a newer key signs, it is unknown when this one is done.
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
