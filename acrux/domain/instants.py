"""Convert instants to whole microseconds since 1970 and back, exactly."""

from datetime import UTC, datetime, timedelta
from typing import Final

from acrux.errors import InvalidInput

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

_MICROSECOND: Final = timedelta(microseconds=1)


def to_microseconds(instant: datetime) -> int:
    """An aware instant as microseconds since 1970 in UTC, exactly."""
    return (instant - BEGINNING) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """The instant, in UTC, that is `count` microseconds after the start of 1970."""
    return BEGINNING + count * _MICROSECOND


def in_utc(instant: datetime | None) -> datetime | None:
    """The instant in UTC. Raises InvalidInput outside the years 1 to 9999 there."""
    try:
        return instant and instant.astimezone(UTC)
    except OverflowError:  # it could be stored, but never read back
        raise InvalidInput("a password must expire between the years 1 and 9999, in UTC") from None
