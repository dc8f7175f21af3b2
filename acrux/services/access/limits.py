"""Limits: how many requests and uploads of each caller are carried out."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, TypeAlias

from msgspec import Struct

from acrux.domain.access.limits import SECOND, Operation, Rate
from acrux.domain.access.lockout import network_of
from acrux.errors import LimitReached
from acrux.ports.clock import Clock
from acrux.ports.limits import Bucket, Buckets, Places

ACCOUNT_LIMITS: Final = "account_limits"
ANONYMOUS_LIMITS: Final = "anonymous_limits"
CONCURRENT_UPLOADS: Final = "concurrent_uploads"

UPLOAD_SECONDS: Final = 5  # until somebody whose uploads were too many tries again


class Allowed(Struct, frozen=True):
    """What one caller may do; without a rate, an operation is not limited.

    An account is a caller wherever it is; all callers without an account at one address are one.
    `uploads` is how many each may send at the same time, 0 for any number.
    """

    account: tuple[Rate, ...] = ()
    anonymous: tuple[Rate, ...] = ()
    uploads: int = 0


# Requests that were counted: the bucket of each, when it is full with it, and its interval.
Taken: TypeAlias = list[tuple[Bucket, int, int]]

# Called with the setting of the limit, and with what was refused: an operation, or `upload`.
Tell = Callable[[str, str], None]


class Limits:
    """Counts requests by account, and those of callers without an account by address.

    A refused request is not counted, so a client that ignores the refusal has to wait no longer.
    `ticks` is a clock in nanoseconds that is the same in all processes and is never set. `tell` is
    called for each refusal.
    """

    def __init__(
        self,
        allowed: Allowed,
        buckets: Buckets,
        places: Places,
        clock: Clock,
        ticks: Callable[[], int],
        tell: Tell = lambda _setting, _what: None,
    ) -> None:
        self._of_account = _by_operation(allowed.account)
        self._of_anonymous = _by_operation(allowed.anonymous)
        self._uploads = allowed.uploads
        self._buckets = buckets
        self._places = places
        self._clock = clock
        self._ticks = ticks
        self._tell = tell

    def has(self, operation: Operation) -> bool:
        """Whether the operation is limited for anybody."""
        return bool(self._of_account[operation] or self._of_anonymous[operation])

    @property
    def bounds_uploads(self) -> bool:
        """Whether uploads are limited."""
        return self._uploads > 0

    def count(self, operation: Operation, account: str, address: str) -> Taken:
        """Count a request of the account, or of the address if there is none.

        Pass what this returns to `give_back` if the request should not have counted. Raises
        LimitReached; then nothing is counted.
        """
        taken: Taken = []
        rates = (self._of_account if account else self._of_anonymous)[operation]
        if not rates:
            return taken
        buckets, now, who = self._buckets, self._ticks(), _who(account, address)
        for rate in rates:
            bucket = buckets.find(rate.operation + who)
            full_at = max(buckets.full_at(bucket), now)
            if (wait := rate.wait(full_at, now)) > 0:
                raise self._refused(rate, account, wait)
            taken.append((bucket, full_at + rate.interval, rate.interval))
        for bucket, full_at, _ in taken:
            buckets.take(bucket, full_at)
        return taken

    def give_back(self, taken: Taken) -> None:
        """Forget a request that was counted, since the registry failed to carry it out."""
        for bucket, _, interval in taken:
            self._buckets.give_back(bucket, interval)

    @contextmanager
    def upload(self, account: str, address: str) -> Iterator[None]:
        """While it lasts, the account or the address sends one upload. Raises LimitReached."""
        place = self._places.take(_who(account, address), self._uploads)
        if place is None:
            raise self._too_many_uploads(account)
        try:
            yield
        finally:
            self._places.leave(place)

    def _refused(self, rate: Rate, account: str, wait: int) -> LimitReached:
        setting = ACCOUNT_LIMITS if account else ANONYMOUS_LIMITS
        self._tell(setting, rate.operation)
        seconds = math.ceil(wait / SECOND)
        until = self._clock() + timedelta(microseconds=wait // 1000)
        return LimitReached(
            f"too many {rate.operation} requests {_of(account)}: {rate.per_minute} a minute are "
            f"allowed; try again in {seconds} {'second' if seconds == 1 else 'seconds'}",
            retry_after=seconds,
            account=account,
            setting=setting,
            limit=f"{rate.operation}={rate.per_minute} requests a minute",
            until_at=until.isoformat(),
        )

    def _too_many_uploads(self, account: str) -> LimitReached:
        self._tell(CONCURRENT_UPLOADS, "upload")
        return LimitReached(
            f"too many uploads {_of(account)} at the same time: {self._uploads} are allowed; try "
            f"again in {UPLOAD_SECONDS} seconds",
            retry_after=UPLOAD_SECONDS,
            account=account,
            setting=CONCURRENT_UPLOADS,
            limit=f"{self._uploads} uploads at the same time",
        )


def _who(account: str, address: str) -> str:
    # No account has a name that begins with a space.
    return account or " " + network_of(address)


def _of(account: str) -> str:
    return "of this account" if account else "from this address without an account"


def _by_operation(rates: tuple[Rate, ...]) -> dict[Operation, tuple[Rate, ...]]:
    return {
        operation: tuple(rate for rate in rates if rate.operation in operation.counted)
        for operation in Operation
    }
