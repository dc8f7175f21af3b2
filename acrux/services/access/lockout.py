"""Lockout: slow down those who guess passwords, and nobody else."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from acrux.domain.access.lockout import (
    OF_ACCOUNT,
    OF_ACCOUNT_AT_ADDRESS,
    OF_ADDRESS,
    OF_STRANGER,
    Limit,
    Subject,
    network_of,
)
from acrux.errors import BadCredentials, RegistryError, TooManyRequests, UnknownName
from acrux.ports.clock import Clock
from acrux.ports.failed_logins import FailedLogins

Result = TypeVar("Result")

# After a login, the account is known at that address for this long, and the login is stored again
# this often.
KNOWN_FOR: Final = timedelta(days=30)
KNOWN_ANEW: Final = timedelta(days=1)

CACHED_PAIRS: Final = 10_000
NEW_PAIRS: Final = 3  # up to this many times as many wait to be stored, once a minute


@dataclass(slots=True)
class _Turn:
    """Attempts of one subject that are running in this process."""

    under_way: int = 0
    ended: asyncio.Event | None = None  # set if another attempt waits for one to end


@dataclass(frozen=True, slots=True)
class ShownFailures:
    """Failed logins as an operator may see them; "" stands for all accounts, or all addresses.

    `wait` is how long the next attempt is refused, whatever it presents.
    """

    account: str
    address: str
    count: int
    failed_at: datetime
    wait: timedelta


class Lockout:
    """Counts failed logins by account and address, by address, and by account.

    Running attempts count as failures: no more of them run at once in a process than are free.
    What another process counted is known after half a second, or with the next failure here. So N
    processes together allow at most N times what one would. `aged` is the clock for ages, if that
    is not `clock`.
    """

    def __init__(
        self,
        failed_logins: FailedLogins,
        clock: Clock,
        cached_pairs: int = CACHED_PAIRS,
        *,
        aged: Clock | None = None,
    ) -> None:
        self._cached_pairs = cached_pairs
        self._failed_logins = failed_logins
        self._clock = clock
        self._aged = aged or clock
        self._turns: dict[Subject, _Turn] = {}
        self._known: dict[Subject, datetime] = {}
        self._new: set[Subject] = set()
        self.throttled = 0  # attempts that had to wait

    async def attempt(
        self, account: str, address: str, check: Callable[[], Awaitable[Result]]
    ) -> Result:
        """Call `check`, which verifies a password of the account, and return its result.

        Raises TooManyRequests instead if there were too many failures: the right password is
        refused like any other, or the answer would reveal that it is right. What `check` raises is
        passed on, and BadCredentials counts as a failure.
        """
        pair = Subject(account, network_of(address))
        taken: list[Subject] = []
        try:
            for subject, limit in await self._limits(pair):
                await self._take(subject, limit)
                taken.append(subject)
            result = await check()
        except BadCredentials:
            await self._failed_logins.fail((pair, pair.everywhere, pair.anybody), self._clock())
            raise
        finally:
            for subject in taken:
                self._give_back(subject)
        await self._succeed(pair)
        return result

    async def refuse_token(self, address: str) -> None:
        """Count an invalid token against its address. Raises TooManyRequests after too many.

        A signature cannot be guessed, so valid tokens are never refused because of it.
        """
        subject, now = Subject(None, network_of(address)), self._clock()
        if wait := OF_ADDRESS.wait(self._failed_logins.find(subject), now):
            raise self._throttle(subject, wait)
        await self._failed_logins.fail((subject,), now)

    def _throttle(self, subject: Subject, wait: timedelta) -> TooManyRequests:
        self.throttled += 1
        return _too_many(subject, wait)

    async def _limits(self, pair: Subject) -> tuple[tuple[Subject, Limit], ...]:
        # An account that logged in from this address before is not delayed by what others do.
        is_attacked = self._is_attacked(pair)
        if (is_attacked or not self._has_turn(pair.anybody, OF_ADDRESS)) and (
            await self._failed_logins.is_known(pair, self._clock() - KNOWN_FOR)
        ):
            return ((pair, OF_ACCOUNT_AT_ADDRESS),)
        limit = OF_STRANGER if is_attacked else OF_ACCOUNT_AT_ADDRESS
        return ((pair, limit), (pair.anybody, OF_ADDRESS))

    def _is_attacked(self, pair: Subject) -> bool:
        failures = self._failed_logins.find(pair.everywhere)
        return failures is not None and (
            OF_ACCOUNT.count(failures, self._clock()) >= OF_ACCOUNT.free
        )

    def _has_turn(self, subject: Subject, limit: Limit) -> bool:
        turn = self._turns.get(subject)
        tries = limit.tries(self._failed_logins.find(subject), self._clock())
        return (turn.under_way if turn else 0) < tries

    async def _take(self, subject: Subject, limit: Limit) -> None:
        # If all free attempts are running, wait until one ends: many right passwords at once are
        # not too many.
        while True:
            now, failures = self._clock(), self._failed_logins.find(subject)
            if wait := limit.wait(failures, now):
                raise self._throttle(subject, wait)
            turn = self._turns.get(subject) or self._turns.setdefault(subject, _Turn())
            if turn.under_way < limit.tries(failures, now):
                break
            turn.ended = turn.ended or asyncio.Event()
            await turn.ended.wait()
        turn.under_way += 1

    def _give_back(self, subject: Subject) -> None:
        turn = self._turns[subject]
        turn.under_way -= 1
        if turn.ended is not None:
            turn.ended.set()
            turn.ended = None
        if not turn.under_way:
            del self._turns[subject]

    async def _succeed(self, pair: Subject) -> None:
        now, failures = self._clock(), self._failed_logins.find(pair)
        # While an account is attacked, its failures stay. Otherwise a guesser who shares an address
        # with a user would have five more free guesses after each login of that user.
        if OF_ACCOUNT_AT_ADDRESS.count(failures, now) and not self._is_attacked(pair):
            with suppress(RegistryError):  # a full disk is no reason to refuse a right password
                await self._failed_logins.forgive(pair, now)
        known = self._known.get(pair)
        if known is None or now - known >= KNOWN_ANEW:
            if len(self._known) >= self._cached_pairs:
                self._known.clear()
            self._known[pair] = now
            if len(self._new) < NEW_PAIRS * self._cached_pairs:
                self._new.add(pair)

    async def tidy(self) -> None:
        """Store who logged in from where, and remove what is old; call it every minute.

        Raises as `write_down` does; what is in memory is removed all the same.
        """
        now = self._aged()
        try:
            await self.write_down()
        finally:  # even if nothing can be stored, for what is in memory
            await self._failed_logins.prune(now, now - KNOWN_FOR)

    async def write_down(self) -> None:
        """Store who logged in from where.

        Raises StorageExhausted, StorageReadOnly, TooManyRequests. If too many then wait for the
        next attempt, they are dropped, and count as strangers again.
        """
        new = frozenset(self._new)
        if not new:
            return
        try:
            await self._failed_logins.know(new, self._clock())
        except RegistryError:
            if len(new) > self._cached_pairs:
                self._new.clear()
            raise
        self._new -= new

    async def show(self, accounts: Iterable[str]) -> tuple[ShownFailures, ...]:
        """The failures that are not forgiven yet; names that are not in `accounts` are hidden."""
        names = {self._failed_logins.hash(account): account for account in accounts}
        now = self._clock()
        shown = []
        for stored in await self._failed_logins.list():
            limit = Subject(stored.account, stored.address).limit
            shown.append(
                ShownFailures(
                    "" if stored.account is None else names.get(stored.account, "(unknown)"),
                    stored.address or "",
                    limit.count(stored.failures, now),
                    stored.failures.failed_at,
                    timedelta() if stored.address is None else limit.wait(stored.failures, now),
                )
            )
        return tuple(row for row in shown if row.count)

    async def forgive(self, *, account: str | None = None, address: str | None = None) -> None:
        """Clear the failures of an account, of an address, of one at the other, or all failures.

        It takes effect on every worker within a second. Raises UnknownName if there are none.
        """
        network = None if address is None else network_of(address)
        if not await self._failed_logins.forgive(Subject(account, network), self._clock()):
            raise UnknownName(
                "there are no failed logins with that name and address: see acrux lockout list"
            )


def _too_many(subject: Subject, wait: timedelta) -> TooManyRequests:
    seconds = math.ceil(wait.total_seconds())
    unit = "second" if seconds == 1 else "seconds"
    origin = "from this address" if subject.account is None else "for this user name from here"
    return TooManyRequests(
        f"too many failed logins {origin}: try again in {seconds} {unit}; until then even the "
        "right password is refused",
        retry_after=seconds,
    )
