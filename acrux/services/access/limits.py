"""Limits: how many requests and uploads of each caller are carried out."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from msgspec import Struct

from acrux.domain.access.limits import SECOND, Operation, Rate
from acrux.domain.access.lockout import network_of
from acrux.errors import LimitReached
from acrux.ports.clock import Clock
from acrux.ports.limits import Buckets, Places

ACCOUNT_LIMITS: Final = "account_limits"
ANONYMOUS_LIMITS: Final = "anonymous_limits"
CONCURRENT_UPLOADS: Final = "concurrent_uploads"
UPLOAD: Final = "upload"
PER_MINUTE: Final = (ACCOUNT_LIMITS, ANONYMOUS_LIMITS)

UPLOAD_SECONDS: Final = 5  # until somebody whose uploads were too many tries again


class Allowed(Struct, frozen=True):
    """What one caller may do; without a rate, an operation is not limited.

    An account is a caller wherever it is; all callers without an account at one address are one.
    `uploads` is how many each may send at the same time, 0 for any number.
    """

    account: tuple[Rate, ...] = ()
    anonymous: tuple[Rate, ...] = ()
    uploads: int = 0


class Limit:
    """Counts the requests of one operation by account, and those without one by address.

    A refused request is not counted, so a client that ignores the refusal has to wait no longer.
    """

    def __init__(
        self,
        account: tuple[Rate, ...],
        anonymous: tuple[Rate, ...],
        buckets: Buckets,
        ticks: Callable[[], int],
        refusal: Callable[[Rate, str, int], LimitReached],
    ) -> None:
        self._account = account
        self._anonymous = anonymous
        self._buckets = buckets
        self._ticks = ticks
        self._refusal = refusal

    @property
    def is_set(self) -> bool:
        """Whether anybody's requests are limited."""
        return bool(self._account or self._anonymous)

    def count(self, account: str, address: str) -> None:
        """Count a request of the account, or of the address if there is none.

        Raises LimitReached; then nothing is counted.
        """
        rates = self._account if account else self._anonymous
        if not rates:
            return
        now, who = self._ticks(), _who(account, address)
        for rate in rates:
            wait = self._buckets.take(rate.operation + who, rate, now)
            if wait > 0:
                self._give_back(rates[: rates.index(rate)], who)
                raise self._refusal(rate, account, wait)

    def give_back(self, account: str, address: str) -> None:
        """Forget a request that was counted, since the registry failed to carry it out."""
        rates = self._account if account else self._anonymous
        self._give_back(rates, _who(account, address))

    def _give_back(self, rates: Sequence[Rate], who: str) -> None:
        for rate in rates:
            self._buckets.give_back(rate.operation + who, rate)


class Limits:
    """The limit of each operation, and that of uploads at the same time.

    `ticks` is a clock in nanoseconds that is the same in all processes and is never set. `refused`
    counts the refusals of this process by setting and by what was refused: an operation or UPLOAD.
    """

    def __init__(
        self,
        allowed: Allowed,
        buckets: Buckets,
        places: Places,
        clock: Clock,
        ticks: Callable[[], int],
    ) -> None:
        self._allowed = allowed
        self._buckets = buckets
        self._places = places
        self._clock = clock
        self._ticks = ticks
        self.refused = Counter[tuple[str, str]](
            {(setting, operation): 0 for setting in PER_MINUTE for operation in Operation}
        )
        self.refused[CONCURRENT_UPLOADS, UPLOAD] = 0

    def on(self, operation: Operation) -> Limit:
        """The limit of this operation."""
        account, anonymous = (
            tuple(rate for rate in rates if rate.operation in operation.counted)
            for rates in (self._allowed.account, self._allowed.anonymous)
        )
        return Limit(account, anonymous, self._buckets, self._ticks, self._refusal)

    @property
    def bounds_uploads(self) -> bool:
        """Whether uploads at the same time are limited."""
        return self._allowed.uploads > 0

    @contextmanager
    def upload(self, account: str, address: str) -> Iterator[None]:
        """While it lasts, the account or the address sends one upload. Raises LimitReached."""
        place = self._places.take(_who(account, address), self._allowed.uploads)
        if place is None:
            raise self._too_many_uploads(account)
        try:
            yield
        finally:
            self._places.leave(place)

    def _refusal(self, rate: Rate, account: str, wait: int) -> LimitReached:
        setting = ACCOUNT_LIMITS if account else ANONYMOUS_LIMITS
        self.refused[setting, rate.operation] += 1
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
        self.refused[CONCURRENT_UPLOADS, UPLOAD] += 1
        most = self._allowed.uploads
        return LimitReached(
            f"too many uploads {_of(account)} at the same time: {most} are allowed; try again in "
            f"{UPLOAD_SECONDS} seconds",
            retry_after=UPLOAD_SECONDS,
            account=account,
            setting=CONCURRENT_UPLOADS,
            limit=f"{most} uploads at the same time",
        )


def _who(account: str, address: str) -> str:
    # No account has a name that begins with a space.
    return account or " " + network_of(address)


def _of(account: str) -> str:
    return "of this account" if account else "from this address without an account"
