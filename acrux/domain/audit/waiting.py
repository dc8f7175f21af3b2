"""Records that wait to be written, within bounds."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from msgspec import Struct, field

from acrux.domain.audit.decision import Decision, Record

# The memory of a record without its texts, and of a scope without its name, in bytes.
RECORD_BYTES: Final = 2048
SCOPE_BYTES: Final = 512
CHARACTER_BYTES: Final = 4


class _Line(Struct):
    """The records of one account, the oldest first, and how many bytes they take."""

    records: deque[Record] = field(default_factory=deque)
    size: int = 0


class Waiting:
    """Records in queues, one for each account: at most `of_one` bytes in one, `of_all` in total.

    Beyond that, the account with too much loses its oldest records: no account can push out the
    records of another.
    """

    def __init__(self, of_one: int, of_all: int) -> None:
        self._of_one = of_one
        self._of_all = of_all
        self._lines: dict[str, _Line] = {}
        self._size = 0

    def __len__(self) -> int:
        return sum(len(line.records) for line in self._lines.values())

    def add(self, record: Record) -> int:
        """Let the record wait; return how many records were dropped, which may include it."""
        line = self._lines.get(record.decision.account)
        if line is None:
            line = self._lines[record.decision.account] = _Line()
        size = memory_of(record.decision)
        line.records.append(record)
        line.size += size
        self._size += size
        lost = 0
        while line.size > self._of_one:
            lost += self._drop(line)
        while self._size > self._of_all:
            lost += self._drop(max(self._lines.values(), key=lambda each: each.size))
        return lost

    def take(self) -> list[Record]:
        """Remove and return all records, in the order of their ids."""
        records = [record for line in self._lines.values() for record in line.records]
        self._lines.clear()
        self._size = 0
        return sorted(records, key=lambda record: record.id)

    def put_back(self, records: Iterable[Record]) -> int:
        """Let taken records wait again, before all that came since; return how many were dropped.

        `records` must be in the order of their ids.
        """
        newer = self.take()
        return sum(map(self.add, (*records, *newer)))

    def _drop(self, line: _Line) -> int:
        size = memory_of(line.records.popleft().decision)
        line.size -= size
        self._size -= size
        return 1


def memory_of(decision: Decision) -> int:
    """How many bytes its record takes in memory, rather too many than too few."""
    # Called for each token that is issued: written out like this, it takes a third of the time.
    characters = len(decision.request) + len(decision.repository) + len(decision.message)
    size = RECORD_BYTES + CHARACTER_BYTES * (characters + len(decision.account))
    for scope in decision.asked:
        size += SCOPE_BYTES + CHARACTER_BYTES * len(scope.name)
    for scope in decision.granted:
        size += SCOPE_BYTES + CHARACTER_BYTES * len(scope.name)
    if decision.facts:
        size += CHARACTER_BYTES * sum(map(len, decision.facts.values()))
    return size
