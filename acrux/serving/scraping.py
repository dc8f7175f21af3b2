"""A process that serves the metrics on a port of its own."""

import asyncio
import multiprocessing
import os
import socket
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from multiprocessing.process import BaseProcess
from typing import Final

import h11

from acrux.adapters.metrics.board import Board
from acrux.adapters.metrics.page import MetricsPage
from acrux.bootstrap import metrics
from acrux.http import parsing
from acrux.http.metrics import OPEN_METRICS
from acrux.serving import child
from acrux.serving.listeners import Listeners
from acrux.settings import Settings

CONNECTIONS: Final = 16  # at once; more are closed
SECONDS: Final = 10.0  # from the connection to the last byte of the answer
HEADER_BYTES: Final = 16 * 1024
NICENESS: Final = 10  # whoever scrapes without a pause takes no time from requests

PATH: Final = b"/metrics"


@dataclass(frozen=True, slots=True)
class Scraping:
    """Starts the process. Nothing that a scraper does there reaches a worker or their parent.

    `listener` is bound already, and `board` is where the workers count.
    """

    settings: Settings
    listener: socket.socket
    board: Board

    def start(self, ready: int, workers: Listeners) -> BaseProcess:
        """Start it; it writes its process id to the descriptor `ready` once it answers.

        It keeps none of the sockets that workers accept from.
        """
        process = multiprocessing.get_context("fork").Process(
            name="acrux-metrics", target=self._run, args=(ready, workers, os.getpid())
        )
        process.start()
        return process

    def _run(self, ready: int, workers: Listeners, parent: int) -> None:
        child.begin(parent)
        workers.keep_only(None)
        os.nice(NICENESS)
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: int) -> None:
        scrapes = Scrapes(await metrics.alone(self.settings, self.board))
        server = await asyncio.start_server(scrapes.answer, sock=self.listener)
        os.write(ready, child.PID.pack(os.getpid()))
        await server.serve_forever()


class Scrapes:
    """Answers one request on each connection, within limits of number, time and size."""

    def __init__(self, page: MetricsPage, seconds: float = SECONDS) -> None:
        self._page = page
        self._seconds = seconds
        self._open = 0

    async def answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer, and close the connection."""
        self._open += 1
        try:
            if self._open <= CONNECTIONS:
                async with asyncio.timeout(self._seconds):
                    await self._exchange(reader, writer)
        except (OSError, h11.ProtocolError):  # it took too long, went away, or speaks no HTTP
            pass
        finally:
            self._open -= 1
            writer.transport.abort()

    async def _exchange(self, reader: StreamReader, writer: StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES)
        while (event := connection.next_event()) is h11.NEED_DATA:
            connection.receive_data(await reader.read(HEADER_BYTES))
        if not isinstance(event, h11.Request):
            return
        status, content, content_type = await self._respond(event)
        headers = [
            ("content-type", content_type),
            ("content-length", str(len(content))),
            ("connection", "close"),
        ]
        writer.write(connection.send(h11.Response(status_code=status, headers=headers)) or b"")
        if event.method != b"HEAD":
            writer.write(connection.send(h11.Data(data=content)) or b"")
        writer.write_eof()
        # Until the client closes: a reset would take the answer from it.
        with suppress(ConnectionError):
            await writer.drain()
            while await reader.read(HEADER_BYTES):
                pass

    async def _respond(self, request: h11.Request) -> tuple[int, bytes, str]:
        if request.target.partition(b"?")[0] != PATH:
            return HTTPStatus.NOT_FOUND, b"the metrics are at /metrics\n", "text/plain"
        if request.method not in {b"GET", b"HEAD"}:
            return HTTPStatus.METHOD_NOT_ALLOWED, b"only GET and HEAD\n", "text/plain"
        values = b",".join(value for name, value in request.headers if name == b"accept")
        content, content_type = await self._page.render(
            OPEN_METRICS in parsing.parse_accept(values).wanted
        )
        return HTTPStatus.OK, content, content_type
