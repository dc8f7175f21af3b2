"""What the services need to count requests, in all processes together."""

from typing import Protocol, TypeAlias

Bucket: TypeAlias = tuple[int, int]  # what it is called in memory


class Buckets(Protocol):
    """When each bucket will be full; instants and durations are in nanoseconds.

    All processes share the buckets. They are lost when the registry stops. Two changes at the same
    instant may count as one. Very rarely, a bucket looks less full than it is.
    """

    def find(self, key: str) -> Bucket:
        """The bucket of a key."""

    def full_at(self, bucket: Bucket) -> int:
        """When it will be full: in the past if it is, or is not known."""

    def take(self, bucket: Bucket, full_at: int) -> None:
        """Note that the bucket will be full then, and not before."""

    def give_back(self, bucket: Bucket, interval: int) -> None:
        """Note that the bucket will be full earlier, by this duration."""


class Places(Protocol):
    """Places for what is under way. All processes share them; a dead one leaves its places."""

    def take(self, key: str, most: int) -> int | None:
        """Take one of the `most` places of this key, None if all are taken."""

    def leave(self, place: int) -> None:
        """Leave a place that was taken."""
