"""Records wait within a limit of bytes, fairly shared by accounts."""

from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.access.scope import parse_all
from acrux.domain.audit.decision import Decision, Outcome, Record, record_id
from acrux.domain.audit.waiting import Waiting, memory_of


def record(number: int, account: str = "one", request: str = "GET /") -> Record:
    """The record with this time in microseconds."""
    return Record(record_id(number, "w"), Decision(request, Outcome.GRANTED, account))


SIZE = memory_of(record(0).decision)


def numbers(records: list[Record]) -> list[int]:
    """The numbers of these records."""
    return [int(one.id[:-1], 16) for one in records]


def test_the_oldest_of_an_account_go_first() -> None:
    """What the account did last matters most."""
    waiting = Waiting(2 * SIZE, 100 * SIZE)

    assert [waiting.add(record(number)) for number in range(4)] == [0, 0, 1, 1]
    assert numbers(waiting.take()) == [2, 3]
    assert waiting.take() == []


def test_when_the_queue_is_full_the_account_with_most_makes_room() -> None:
    """One record of another account must find a place."""
    waiting = Waiting(3 * SIZE, 3 * SIZE)
    for number in range(3):
        waiting.add(record(number, "two"))

    assert waiting.add(record(3, "one")) == 1
    assert numbers(waiting.take()) == [1, 2, 3]


def test_records_that_are_put_back_come_before_newer_ones() -> None:
    """They must stay in the order in which things happened."""
    waiting = Waiting(2 * SIZE, 100 * SIZE)
    waiting.add(record(1))
    waiting.add(record(2))
    taken = waiting.take()
    waiting.add(record(3))

    assert waiting.put_back(taken) == 1
    assert numbers(waiting.take()) == [2, 3]


def test_a_record_that_is_too_long_for_its_account_is_lost_itself() -> None:
    """No record may take more than the whole room."""
    waiting = Waiting(2 * SIZE, 100 * SIZE)

    assert waiting.add(record(1, request="GET /" + "a" * SIZE)) == 1
    assert waiting.take() == []


def test_texts_and_scopes_count() -> None:
    """A limit on the number of records let 20,000 of them take 40 kilobytes each."""
    scopes = parse_all([" ".join(f"repository:{'a' * 100}{n}:pull" for n in range(10))])
    plain = Decision("GET /", Outcome.GRANTED, "one")
    told = Decision("GET /", Outcome.GRANTED, "one", asked=scopes, facts={"name": "a" * 100})

    assert memory_of(told) > memory_of(plain) + 10 * 600 + 400


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3000)), max_size=60))
def test_no_more_waits_than_there_is_room_for_and_each_record_waits_or_is_counted(
    added: list[tuple[str, int]],
) -> None:
    """For any sequence of records."""
    waiting = Waiting(4 * SIZE, 6 * SIZE)
    lost = sum(
        waiting.add(record(number, account, "x" * length))
        for number, (account, length) in enumerate(added)
    )
    left = waiting.take()

    assert lost + len(left) == len(added)
    assert sum(memory_of(one.decision) for one in left) <= 6 * SIZE
    assert numbers(left) == sorted(numbers(left))
