"""Parts of a blob: read a Range header, resolve it against a size."""

import re
from itertools import pairwise
from typing import Final, Self

from msgspec import Struct

from acrux.errors import RangeNotSatisfiable

# range-spec ::= first "-" [ last ] | "-" suffix (RFC 9110 §14.1.1)
_RANGE = re.compile(r"[ \t]*(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))[ \t]*")
_UNIT: Final = "bytes="

# podman asks for as many parts of a zstd:chunked layer, and for no more, at once. Every part costs
# a read and a header.
MAX_RANGES: Final = 1024


class ByteRange(Struct, frozen=True):
    """From `first` to `last`, both inclusive; or the last `suffix` bytes."""

    first: int | None
    last: int | None
    suffix: int | None

    def resolve(self, size: int) -> tuple[int, int] | None:
        """The first byte, and the one after the last, within a blob of `size` bytes.

        None if no byte of the blob lies in the range. That is also said of a range that ends before
        it starts, as OCI's conformance program requires.
        """
        if self.first is None:
            first, stop = max(size - (self.suffix or 0), 0), size
        else:
            first, stop = self.first, size if self.last is None else min(self.last + 1, size)
        return (first, stop) if first < stop else None


class ByteRanges(Struct, frozen=True):
    """The ranges of a request, in the order in which they were requested."""

    ranges: tuple[ByteRange, ...]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a Range header; None if it is to be ignored.

        Other units, malformed ranges and more than MAX_RANGES are ignored: then the whole blob is
        sent (RFC 9110 §14.2). Azure's JavaScript SDK sends `N-` without a unit.
        """
        if not text.startswith(_UNIT) or text.count(",") >= MAX_RANGES:
            return None
        # Empty elements of a list are allowed (RFC 9110 §5.6.1.2).
        parts = [part for part in text[len(_UNIT) :].split(",") if part.strip(" \t")]
        matches = [match for match in map(_RANGE.fullmatch, parts) if match]
        if not parts or len(matches) != len(parts):
            return None
        return cls(tuple(map(_range, matches)))

    def resolve(self, size: int) -> tuple[tuple[int, int], ...]:
        """For each part to send, its first byte and the one after its last.

        Parts keep their order, since podman matches them by it, unless some overlap: then those are
        merged, and all are sorted (RFC 9110 §15.3.7.2). Without any part the whole is sent: who
        asks for the first bytes of an empty blob gets all of it. Raise RangeNotSatisfiable if no
        byte of the blob lies in any range.
        """
        if size == 0:
            return ()
        found = [part for part in (each.resolve(size) for each in self.ranges) if part]
        if not found:
            raise RangeNotSatisfiable(f"the blob is {size} bytes long", size=size)
        ordered = sorted(found)
        if all(stop <= first for (_, stop), (first, _) in pairwise(ordered)):
            return tuple(found)
        return _merged(ordered)


def _range(match: re.Match[str]) -> ByteRange:
    return ByteRange(*(int(part) if part else None for part in match.groups()))


def _merged(ordered: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged = [ordered[0]]
    for first, stop in ordered[1:]:
        before, reached = merged[-1]
        if first < reached:
            merged[-1] = (before, max(stop, reached))
        else:
            merged.append((first, stop))
    return tuple(merged)
