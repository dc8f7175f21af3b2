"""When a failed delivery is tried again, and when no more."""

from datetime import timedelta
from typing import Final

FIRST_WAIT: Final = timedelta(seconds=5)
FACTOR: Final = 3
LONGEST_WAIT: Final = timedelta(hours=4)
JITTER: Final = 0.2  # of the wait, in both directions: receivers that were down at once recover so

# An event that fails when it has waited for this long is dead: after 14 attempts if it was the
# first of its repository to fail.
GIVEN_UP_AFTER: Final = timedelta(days=1)

_MOST_STEPS: Final = 8  # beyond, it is LONGEST_WAIT


def wait_after(failures: int, random: float) -> timedelta:
    """How long to wait after so many failures in a row; `random` is from 0 to 1."""
    wait: timedelta = min(FIRST_WAIT * pow(FACTOR, min(failures - 1, _MOST_STEPS)), LONGEST_WAIT)
    return wait * (1 - JITTER + 2 * JITTER * random)


def is_given_up(waited: timedelta) -> bool:
    """Whether an event that failed after this time is not tried again."""
    return waited >= GIVEN_UP_AFTER
