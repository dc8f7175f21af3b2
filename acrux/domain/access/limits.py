"""How many requests of each kind a caller may make in a minute."""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Self

from msgspec import Struct
from msgspec.structs import force_setattr

from acrux.errors import InvalidInput

SECOND: Final = 1_000_000_000  # nanoseconds
MINUTE: Final = 60 * SECOND

MOST_PER_MINUTE: Final = 1_000_000


class Operation(StrEnum):
    """What is counted together. Source: acr-protocol.md §5.10, where the last one is OAuth."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    REFERRERS = "referrers"
    TOKEN = "token"  # noqa: S105 -- what is asked for, not one

    @property
    def counted(self) -> tuple["Operation", ...]:
        """The operations that such a request counts as."""
        return (self, Operation.READ) if self is Operation.REFERRERS else (self,)


# rate ::= operation "=" digits
RATE: Final = re.compile(rf"({'|'.join(Operation)})=([0-9]{{1,7}})")


class Rate(Struct, frozen=True):
    """How often an operation is allowed: as a bucket that holds `per_minute` requests when full.

    Each request takes one out, and the bucket fills again at a constant rate. All that is
    remembered of a bucket is the instant at which it will be full (the generic cell rate
    algorithm, ITU-T I.371; there it is the theoretical arrival time). Instants and durations are in
    nanoseconds, so that exactly `per_minute` requests fit.
    """

    operation: Operation
    per_minute: int
    interval: int = 0  # how long the bucket takes to regain one request

    def __post_init__(self) -> None:
        if self.per_minute:
            force_setattr(self, "interval", MINUTE // self.per_minute)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `read=600`. Raises InvalidInput."""
        match = RATE.fullmatch(text)
        if match is None or int(match[2]) > MOST_PER_MINUTE:
            *others, last = Operation
            raise InvalidInput(
                f"{text[:80]!r} is not {', '.join(others)} or {last}, an equals sign, and a number "
                f"of requests per minute, up to {MOST_PER_MINUTE}, such as read=600"
            )
        return cls(Operation(match[1]), int(match[2]))

    def wait(self, full_at: int, now: int) -> int:
        """How long until another request fits; 0 or less if it fits now."""
        return full_at + self.interval - now - MINUTE


def read_rates(texts: Iterable[str]) -> tuple[Rate, ...]:
    """The rates, without those of 0, which stand for no limit.

    Raises InvalidInput if a text is no rate, or an operation comes twice.
    """
    rates = [Rate.parse(text) for text in texts]
    if len({rate.operation for rate in rates}) < len(rates):
        raise InvalidInput(f"{', '.join(rates_as_text(rates))} names an operation twice")
    return tuple(rate for rate in rates if rate.per_minute)


def rates_as_text(rates: Iterable[Rate]) -> tuple[str, ...]:
    """The rates as they are written in the settings."""
    return tuple(f"{rate.operation}={rate.per_minute}" for rate in rates)
