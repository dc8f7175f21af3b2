"""What the services need to count requests, in all processes together."""

from typing import Protocol

from acrux.domain.access.limits import Rate


class Buckets(Protocol):
    """A bucket of requests for each key and rate; instants and durations are in nanoseconds.

    All processes share the buckets. They are full again when the registry stops. Two requests at
    the same instant may count as one. Very rarely, a bucket looks less full than it is.
    """

    def take(self, key: str, rate: Rate, now: int) -> int:
        """Take a request out of the bucket of this key, which fills at this rate, if one fits.

        Returns how long until one does; 0 or less if it was taken.
        """

    def give_back(self, key: str, rate: Rate) -> None:
        """Put a request back that was taken."""


class Places(Protocol):
    """Places for what is under way. All processes share them; a dead one leaves its places."""

    def take(self, key: str, most: int) -> int | None:
        """Take one of the `most` places of this key, None if all are taken."""

    def leave(self, place: int) -> None:
        """Leave a place that was taken."""
