"""How many failed logins are free, and how long the wait after more is."""

from datetime import datetime, timedelta
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from acrux.cache import memoize

NO_WAIT: Final = timedelta()
LONGEST_WAIT: Final = timedelta(minutes=5)

# After this many doublings the wait exceeds LONGEST_WAIT (2^9 seconds) and need not grow further.
_DOUBLINGS: Final = 9

# A host with an IPv6 address can pick any other address with the same first 64 bits (RFC 6177).
_IPV6_HOST: Final = 64  # bits


class Failures(Struct, frozen=True):
    """Failed logins of one subject: when the last one was, and when all will be forgiven.

    They are forgiven one after another, at equal intervals: so these two instants are enough to
    compute how many are left at any time.
    """

    failed_at: datetime
    forgiven_at: datetime


class Limit(Struct, frozen=True):
    """How many failures are `free`; the wait doubles with each further one.

    One failure is forgiven in every period of `forgiveness`.
    """

    free: int
    forgiveness: timedelta
    first_wait: timedelta = timedelta(seconds=1)

    def count(self, failures: Failures | None, at: datetime) -> int:
        """How many failures are not forgiven yet; `at` is raised to the time of the last one."""
        if failures is None or failures.forgiven_at <= at:
            return 0
        return -((max(at, failures.failed_at) - failures.forgiven_at) // self.forgiveness)

    def after_another(self, failures: Failures | None, at: datetime) -> Failures:
        """The failures and one more, up to the number that makes a difference."""
        begin = at if failures is None else max(failures.forgiven_at, at)
        most = at + (self.free + _DOUBLINGS) * self.forgiveness
        return Failures(at, min(begin + self.forgiveness, most))

    def wait(self, failures: Failures | None, now: datetime) -> timedelta:
        """How long until the next attempt is allowed, whatever it presents.

        At most LONGEST_WAIT: if the last failure is later than `now`, the clock was set back.
        """
        if failures is None or failures.forgiven_at <= now:
            return NO_WAIT
        beyond = self.count(failures, failures.failed_at) - self.free
        if beyond < 0:
            return NO_WAIT
        wait = min(self.first_wait * (1 << min(beyond, _DOUBLINGS)), LONGEST_WAIT)
        left = failures.failed_at + wait - now
        return left if NO_WAIT < left <= LONGEST_WAIT else NO_WAIT

    def tries(self, failures: Failures | None, now: datetime) -> int:
        """How many attempts may run at once: as many as are free, else one; none during a wait."""
        if failures is None:
            return self.free
        if self.wait(failures, now):
            return 0
        return max(self.free - self.count(failures, now), 1)


OF_ADDRESS: Final = Limit(free=50, forgiveness=timedelta(minutes=1))
OF_ACCOUNT: Final = Limit(free=100, forgiveness=timedelta(minutes=1))
OF_ACCOUNT_AT_ADDRESS: Final = Limit(free=5, forgiveness=LONGEST_WAIT)

# Replaces the limit above for an account whose password is guessed from everywhere. An address from
# which it never logged in has one guess; without a failure there, the right password works at once.
OF_STRANGER: Final = replace(OF_ACCOUNT_AT_ADDRESS, free=1, first_wait=LONGEST_WAIT)


class Subject(Struct, frozen=True):
    """Whose failures are counted together; None stands for all accounts, or all addresses.

    An account is any name that was presented, whether such an account exists or not.
    """

    account: str | None
    address: str | None

    @property
    def limit(self) -> Limit:
        """The limit that applies to its failures."""
        if self.account is None:
            return OF_ADDRESS
        return OF_ACCOUNT if self.address is None else OF_ACCOUNT_AT_ADDRESS

    @property
    def everywhere(self) -> "Subject":
        """The account at all addresses."""
        return Subject(self.account, None)

    @property
    def anybody(self) -> "Subject":
        """All accounts at the address."""
        return Subject(None, self.address)


def _network_of(address: str) -> str:
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address)
    except AddressValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> _IPV6_HOST << _IPV6_HOST)}/{128 - _IPV6_HOST}"


# The addresses that count as one with this address: itself, or the /64 of an IPv6 address. A text
# that is not an address is returned unchanged.
network_of = memoize(_network_of, 1024, longest=64)
