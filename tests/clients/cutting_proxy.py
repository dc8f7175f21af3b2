"""A proxy between a client and a registry that cuts connections."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

PIECE_BYTES: Final = 65536
PATIENCE: Final = 30.0  # seconds to wait for a part of it
GATEWAY_TIMEOUT: Final = b"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n"


class Cut(Enum):
    """When a request's connections are cut."""

    IN_THE_BODY = auto()  # after half of it was forwarded
    AFTER_THE_BODY = auto()  # whatever the registry does with it
    BEFORE_THE_ANSWER = auto()  # the registry has answered, but the client receives nothing
    INSTEAD_OF_THE_ANSWER = auto()  # as before, and a gateway reports a timeout to the client


# What to do to the request, given its method and its number among those of its method, or None.
Plan = Callable[[str, int], Cut | None]


@dataclass
class Network:
    """Forward connections to a registry's port, and cut those that `plan` selects."""

    target: int
    plan: Plan
    port: int = 0
    cuts: list[tuple[str, Cut]] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The address for clients."""
        return f"127.0.0.1:{self.port}"

    async def serve(self, client: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a client until it closes."""
        answers, registry = await asyncio.open_connection("127.0.0.1", self.target)
        link = _Link(client, writer, answers, registry)
        answering = asyncio.create_task(link.forward_answers())
        try:
            while await self._forward_request(link):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            answering.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await answering
            link.abort()

    async def _forward_request(self, link: "_Link") -> bool:
        first = await link.client.readexactly(1)
        if not first.isalpha():  # TLS, which some clients try first
            return False
        head = first + await link.client.readuntil(b"\r\n\r\n")
        method = head.partition(b" ")[0].decode()
        self._counts[method] = self._counts.get(method, 0) + 1
        cut = self.plan(method, self._counts[method])
        if cut is not None:
            self.cuts.append((method, cut))
            link.withhold()
        body = [piece async for piece in _body(head, link.client)]
        if cut is Cut.IN_THE_BODY:
            body = [b"".join(body)[: sum(map(len, body)) // 2]]
        link.registry.write(b"".join((head, *body)))
        await link.registry.drain()
        if cut in {Cut.BEFORE_THE_ANSWER, Cut.INSTEAD_OF_THE_ANSWER}:
            await asyncio.wait_for(link.answered.wait(), PATIENCE)
        if cut is Cut.INSTEAD_OF_THE_ANSWER:
            link.writer.write(GATEWAY_TIMEOUT)
            await link.writer.drain()
            link.writer.close()
            return False
        return cut is None


@dataclass
class _Link:
    client: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answers: asyncio.StreamReader
    registry: asyncio.StreamWriter
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    _is_withheld: bool = False

    def withhold(self) -> None:
        """Let no further answer through; `answered` is set when one arrives."""
        self._is_withheld = True

    async def forward_answers(self) -> None:
        while piece := await self.answers.read(PIECE_BYTES):
            if self._is_withheld:
                self.answered.set()
                continue
            self.writer.write(piece)
            await self.writer.drain()
        if not self._is_withheld:
            self.writer.close()

    def abort(self) -> None:
        for writer in (self.registry, self.writer):
            if not writer.is_closing():
                writer.transport.abort()


async def _body(head: bytes, client: asyncio.StreamReader) -> AsyncIterator[bytes]:
    if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
        size = b""
        while size != b"0\r\n":
            size = await client.readuntil(b"\r\n")
            yield size + await client.readexactly(int(size, 16) + 2)
    elif found := re.search(rb"(?i)\r\ncontent-length: *(\d+)", head):
        yield await client.readexactly(int(found[1]))


@contextmanager
def cutting(target: int, plan: Plan) -> Iterator[Network]:
    """Run such a network in front of the registry on the port `target`, in its own thread."""
    network, ready, loop = Network(target, plan), threading.Event(), asyncio.new_event_loop()
    over = asyncio.Event()

    async def listen() -> None:
        server = await asyncio.start_server(network.serve, "127.0.0.1", 0)
        network.port = server.sockets[0].getsockname()[1]
        ready.set()
        await over.wait()
        server.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(listen(),))
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        yield network
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
