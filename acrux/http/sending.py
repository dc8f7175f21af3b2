"""Send an answer to its client: whole, or in pieces within limits."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from acrux.errors import RegistryError
from acrux.http.messages import Message, Part, Request, Response, Send
from acrux.http.room import Place, Room

# Longer pieces are faster, but delay others while the event loop copies them. The more answers are
# sent at once, the shorter their pieces, so that all of them together fit in memory.
LONGEST_PIECE: Final = 1 << 18
SHORTEST_PIECE: Final = 1 << 12
SHARED_BYTES: Final = 1 << 20

# What an answer holds in memory while its client does not read: pieces in the server's queue and
# our own, and what the server has gathered for the kernel, in pieces and in bytes.
QUEUED_PIECES: Final = 8
GATHERED_PIECES: Final = 16
GATHERED_BYTES: Final = 1 << 18

# The kernel accepts this much of an answer even if the client reads nothing, and then we are done
# with it. Not so with HTTP/2, where a client may close the window of each of its streams; we notice
# that for an answer that is longer than one piece for each place in the server's queue.
AT_ONCE: Final = 1 << 16
AT_ONCE_OF_A_STREAM: Final = 1 << 14

NO_BODY: Final = (204, 304)


class Sender:
    """Sends the answers of one worker. `room` limits the memory of those sent in pieces."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def send(self, response: Response, request: Request, send: Send) -> None:
        """Send the answer; a HEAD gets the same headers and no body.

        If the client does not read, the answer may be cut short to free its memory for others.
        """
        if response.status not in NO_BODY:
            length = response.size if response.stated_length is None else response.stated_length
            response.headers.append((b"content-length", b"%d" % length))
        status, headers, body = response.status, response.headers, response.body
        start = {"type": "http.response.start", "status": status, "headers": headers}
        if isinstance(body, bytes):
            if len(body) <= AT_ONCE_OF_A_STREAM and request.method != "HEAD":  # usually
                await send(start)
                await send({"type": "http.response.body", "body": body})
            else:
                await self._send_text(body, start, response, request, send)
            return
        try:
            if request.method == "HEAD" or len(body.first) == body.size:
                await self._send_text(body.first, start, response, request, send)
                body.sent = body.size
            else:
                # The file's path is never given to the server: if that cannot open the file again,
                # it answers 404.
                await send(start)
                await self._stream(body, request, send)
        finally:
            body.content.close()

    async def _send_text(
        self,
        text: bytes | bytearray,
        start: Message,
        response: Response,
        request: Request,
        send: Send,
    ) -> None:
        await send(start)
        at_once = AT_ONCE_OF_A_STREAM if request.version == "2" else AT_ONCE
        if request.method == "HEAD":
            await send({"type": "http.response.body", "body": b""})
        elif len(text) <= at_once:
            await send({"type": "http.response.body", "body": text})
        else:
            response.body = Part(_Text(text), 0, len(text))
            await self._stream(response.body, request, send, in_memory=len(text))

    async def _stream(self, part: Part, request: Request, send: Send, in_memory: int = 0) -> None:
        longest = in_memory // QUEUED_PIECES or LONGEST_PIECE
        # Sending to a client that has disconnected neither fails nor waits, so watch for that.
        abandoned = asyncio.ensure_future(request.body.abandoned())
        pieces = 0
        try:
            with self._room.place(request.peer) as place:
                async for piece in self._pieces(part, longest):
                    if abandoned.done():
                        part.cut = "the client went away"
                        return
                    self._adjust(place, in_memory + _held(self.piece_bytes(longest)))
                    await _send_piece(piece, request, send, place)
                    part.sent += len(piece)
                    place.moved += len(piece)
                    del piece  # free it while the next one is read
                    pieces += 1
                    if pieces % QUEUED_PIECES == 0:  # the queue is full, or nobody listens
                        await asyncio.sleep(0)
            await send({"type": "http.response.body", "body": b""})
        except (RegistryError, EOFError) as failed:
            # Without the end of the body the server cuts the connection, so that the answer does
            # not look complete.
            part.cut = str(failed)
        finally:
            abandoned.cancel()

    def _adjust(self, place: Place, held: int) -> None:
        # The size of pieces depends on how many answers are sent. They grow only if there is room:
        # no answer is cut off for longer pieces.
        if not place.held or held < place.held or self._room.has_room(held - place.held):
            place.hold(held)

    async def _pieces(self, part: Part, longest: int) -> AsyncIterator[bytes | bytearray]:
        start = part.start + len(part.first)
        if part.first:
            yield part.take_first()
        while start < part.stop:
            end = min(start + self.piece_bytes(longest), part.stop)
            async for piece in part.content.read(start, end):
                start += len(piece)
                yield piece
                del piece

    def piece_bytes(self, longest: int = LONGEST_PIECE) -> int:
        """The largest piece of an answer in bytes, given how many are being sent now."""
        share = SHARED_BYTES // max(self._room.places, 1)
        return max(SHORTEST_PIECE, min(share, longest, LONGEST_PIECE))


class _Text:
    """Text in memory as the content of an answer."""

    def __init__(self, text: bytes | bytearray) -> None:
        self.size = len(text)
        self._text = text

    def read_at_once(self, start: int, stop: int) -> bytes | bytearray:
        return self._text[start:stop]

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes | bytearray]:
        yield self._text[start:stop]

    def close(self) -> None:
        """Nothing is open."""


def _held(piece: int) -> int:
    return QUEUED_PIECES * piece + min(GATHERED_PIECES * piece, GATHERED_BYTES)


async def _send_piece(piece: bytes | bytearray, request: Request, send: Send, place: Place) -> None:
    # With HTTP/2 this may wait although the kernel has nothing to send. The count makes the waiting
    # known to `Connections`.
    request.exchange.sending += 1
    try:
        message = {"type": "http.response.body", "body": piece, "more_body": True}
        await place.wait(send(message))
    finally:
        request.exchange.sending -= 1
