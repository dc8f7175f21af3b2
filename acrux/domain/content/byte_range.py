"""A part of a blob: read a Range header, resolve it against a size."""

import re
from typing import Self

from msgspec import Struct

from acrux.errors import RangeNotSatisfiable

# ranges-specifier ::= "bytes=" ( first "-" [ last ] | "-" suffix ), of one range (RFC 9110 §14.1.1)
_RANGE = re.compile(r"bytes=[ \t]*(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))[ \t]*")


class ByteRange(Struct, frozen=True):
    """From `first` to `last`, both inclusive; or the last `suffix` bytes."""

    first: int | None
    last: int | None
    suffix: int | None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a Range header; None if it is to be ignored.

        Several ranges, other units and malformed ranges are ignored: then the whole blob is sent
        (RFC 9110 §14.2). Azure's JavaScript SDK sends `N-` without a unit.
        """
        match = _RANGE.fullmatch(text)
        if match is None:
            return None
        first, last, suffix = (int(part) if part else None for part in match.groups())
        return cls(first, last, suffix)

    def resolve(self, size: int) -> tuple[int, int]:
        """The first byte, and the one after the last, within a blob of `size` bytes.

        Raise RangeNotSatisfiable if no byte of the blob lies in the range. A range that ends before
        it starts is refused too, as OCI's conformance program requires.
        """
        if self.first is None:
            first, stop = max(size - (self.suffix or 0), 0), size
        else:
            first, stop = self.first, size if self.last is None else min(self.last + 1, size)
        if first >= stop:
            raise RangeNotSatisfiable(f"the blob is {size} bytes long", size=size)
        return first, stop
