"""Convert instants to whole microseconds since 1970 and back, exactly."""

from datetime import UTC, datetime, timedelta
from typing import Final

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)

_MICROSECOND: Final = timedelta(microseconds=1)


def to_microseconds(instant: datetime) -> int:
    """An aware instant as microseconds since 1970 in UTC, exactly."""
    return (instant - BEGINNING) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """The instant, in UTC, that is `count` microseconds after the start of 1970."""
    return BEGINNING + count * _MICROSECOND
