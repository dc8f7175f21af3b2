"""Several parts of a blob in one answer (RFC 9110 §14.6)."""

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


class ByteRangesContent:
    """Parts of some content, each below a header of its own, as one content."""

    def __init__(
        self, content: Content, parts: Sequence[tuple[int, int]], media_type: str, boundary: str
    ) -> None:
        self._content = content
        self._spans = tuple(_spans(parts, content.size, media_type, boundary))
        self._ends = tuple(accumulate(span.size for span in self._spans))
        self.size = self._ends[-1]

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
        for at in range(bisect_right(self._ends, start), len(self._spans)):
            span, end = self._spans[at], self._ends[at]
            begin = end - span.size
            if begin >= stop:
                return
            skipped, left = max(start - begin, 0), max(end - stop, 0)
            text = None if span.text is None else span.text[skipped : span.size - left]
            yield Span(span.first + skipped, span.stop - left, text)


def _spans(
    parts: Sequence[tuple[int, int]], size: int, media_type: str, boundary: str
) -> Iterator[Span]:
    for first, stop in parts:
        yield _text(
            f"\r\n--{boundary}\r\nContent-Type: {media_type}\r\n"
            f"Content-Range: bytes {first}-{stop - 1}/{size}\r\n\r\n"
        )
        yield Span(first, stop)
    yield _text(f"\r\n--{boundary}--\r\n")


def _text(text: str) -> Span:
    encoded = text.encode()
    return Span(0, len(encoded), encoded)
