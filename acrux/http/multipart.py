"""Several parts of a blob in one answer (RFC 9110 §14.6)."""

from array import array
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import accumulate

from msgspec import Struct

from acrux.http.messages import Content


class Span(Struct, frozen=True):
    """Bytes of the answer: `text`, or those of the blob from `first` up to but not with `stop`."""

    first: int
    stop: int
    text: bytes | None = None

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self.stop - self.first

    def within(self, skipped: int, left: int) -> "Span":
        """The same without so many bytes at its beginning and at its end."""
        text = None if self.text is None else self.text[skipped : self.size - left]
        return Span(self.first + skipped, self.stop - left, text)


class ByteRangesContent:
    """Parts of some content, each below a header of its own, as one content.

    Between two pieces it keeps three numbers for each part, and no text: nobody counts its memory.
    """

    def __init__(
        self, content: Content, parts: Sequence[tuple[int, int]], media_type: str, boundary: str
    ) -> None:
        self._content = content
        self._media_type = media_type
        self._boundary = boundary
        self._firsts = array("Q", [first for first, _ in parts])
        self._stops = array("Q", [stop for _, stop in parts])
        sizes = (sum(span.size for span in self._part(number)) for number in range(len(parts)))
        self._ends = array("Q", accumulate(sizes))
        self.size = self._ends[-1] + self._end().size

    def read_at_once(self, start: int, stop: int) -> bytes | bytearray | None:
        """See Content."""
        read = bytearray()
        for span in self._within(start, stop):
            if span.text is not None:
                read += span.text
            elif (found := self._content.read_at_once(span.first, span.stop)) is not None:
                read += found
            else:
                return None
        return read

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes | bytearray]:
        """See Content."""
        for span in self._within(start, stop):
            if span.text is not None:
                yield span.text
                continue
            async for piece in self._content.read(span.first, span.stop):
                yield piece

    def close(self) -> None:
        """Close the content."""
        self._content.close()

    def _within(self, start: int, stop: int) -> Iterator[Span]:
        """What of the spans lies between two places of the answer."""
        number = bisect_right(self._ends, start)
        place = self._ends[number - 1] if number else 0
        for span in self._spans(number):
            if place >= stop:
                return
            end = place + span.size
            if end > start:
                yield span.within(max(start - place, 0), max(end - stop, 0))
            place = end

    def _spans(self, number: int) -> Iterator[Span]:
        """All from the part of this number on."""
        for each in range(number, len(self._firsts)):
            yield from self._part(each)
        yield self._end()

    def _part(self, number: int) -> tuple[Span, Span]:
        first, stop = self._firsts[number], self._stops[number]
        header = (
            f"\r\n--{self._boundary}\r\nContent-Type: {self._media_type}\r\n"
            f"Content-Range: bytes {first}-{stop - 1}/{self._content.size}\r\n\r\n"
        )
        return _text(header), Span(first, stop)

    def _end(self) -> Span:
        return _text(f"\r\n--{self._boundary}--\r\n")


def _text(text: str) -> Span:
    encoded = text.encode()
    return Span(0, len(encoded), encoded)
