"""The counts that workers share: over forks, deaths and many keys."""

import os
import signal
from collections.abc import Callable

from acrux.adapters.shared_counts import SharedBuckets, SharedCounts
from acrux.domain.access.limits import MINUTE, Operation, Rate


def in_child(work: Callable[[], object], *, is_killed: bool = False) -> None:
    """Do the work in a forked process, and wait for its end."""
    child = os.fork()
    if child == 0:
        work()
        if is_killed:
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) == is_killed
    assert is_killed or os.waitstatus_to_exitcode(status) == 0


RATE = Rate(Operation.READ, 2)
NOW = 1000 * MINUTE


def left(buckets: SharedBuckets, key: str) -> int:
    """How many requests can be taken of this key now, which takes them."""
    return sum(buckets.take(key, RATE, NOW) <= 0 for _ in range(5))


def test_what_one_worker_takes_every_worker_sees() -> None:
    """Each worker would allow as much as all of them together."""
    buckets = SharedCounts().buckets

    in_child(lambda: buckets.take("robot", RATE, NOW))

    assert left(buckets, "robot") == 1


def test_a_bucket_says_how_long_until_the_next_request_fits() -> None:
    """Clients are told, and obey."""
    buckets = SharedCounts().buckets
    assert left(buckets, "robot") == 2
    wait = buckets.take("robot", RATE, NOW + 10)

    assert wait == MINUTE // 2 - 10
    assert buckets.take("robot", RATE, NOW + 10 + wait) <= 0


def test_ten_thousand_keys_do_not_disturb_each_other() -> None:
    """An account would be refused because of what a stranger did."""
    buckets = SharedCounts().buckets
    for number in range(10_000):
        buckets.take(f"account-{number}", RATE, NOW)
        buckets.take(f"account-{number}", RATE, NOW)

    new = [left(buckets, f"new-{number}") for number in range(1000)]
    assert sum(new) > 1950  # both slots are shared by 0.6 % of this many


def test_a_key_that_shares_a_slot_takes_nothing_from_a_busier_one() -> None:
    """The busier one would be let in without a limit."""
    buckets = SharedCounts().buckets
    assert left(buckets, "busy") == 2
    for number in range(200_000):  # the slots of all of them together cover most of the memory
        buckets.take(f"other-{number}", Rate(Operation.READ, 1_000_000), NOW)

    assert left(buckets, "busy") == 0


def test_what_is_given_back_is_no_longer_counted() -> None:
    """A request that the registry failed at would use up a budget."""
    buckets = SharedCounts().buckets
    assert left(buckets, "robot") == 2

    buckets.give_back("robot", RATE)

    assert left(buckets, "robot") == 1


def test_any_name_has_a_bucket_and_places() -> None:
    """A federated identity has whatever name its issuer gives it."""
    counts = SharedCounts()
    for name in ("", "\N{GRINNING FACE}" * 5000, "\ud800"):
        assert left(counts.buckets, name) == 2
        assert counts.places.take(name, 1) is not None


def test_a_key_has_as_many_places_as_it_may_over_all_workers() -> None:
    """Two workers would let twice as many uploads in."""
    places, seen = SharedCounts().places, os.pipe()
    first, second = places.take("robot", 2), places.take("robot", 2)
    in_child(lambda: os.write(seen[1], repr(places.take("robot", 2)).encode()))
    told = os.read(seen[0], 64)
    assert first is not None
    places.leave(first)

    assert second is not None
    assert told == b"None"
    assert places.take("robot", 2) == first
    for end in seen:
        os.close(end)


def test_a_worker_that_is_killed_leaves_its_places() -> None:
    """The account could never push again until the registry is restarted."""
    places = SharedCounts().places
    in_child(lambda: places.take("robot", 1), is_killed=True)

    assert places.take("robot", 1) is not None


def test_another_worker_takes_the_place_that_one_has_left() -> None:
    """A place that is held beyond its upload refuses pushes for nothing."""
    places, (reading, writing) = SharedCounts().places, os.pipe()
    taken = places.take("robot", 1)
    assert taken is not None
    places.leave(taken)

    in_child(lambda: os.write(writing, repr(places.take("robot", 1)).encode()))

    assert os.read(reading, 64) == str(taken).encode()
    os.close(reading)
    os.close(writing)
