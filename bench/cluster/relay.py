"""A slow line to a server: python -m bench.cluster.relay PORT TO_PORT BYTES_PER_SECOND."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

HOST = "127.0.0.1"
PIECE_BYTES = 1 << 18
LATE_SECONDS = 0.2  # that may be made up for, if this process did not get to run

Pace = Callable[[int], Awaitable[None]]


class Line:
    """All connections together get so many bytes in a second from the server."""

    def __init__(self, port: int, rate: int) -> None:
        self._port = port
        self._rate = rate
        self._free_at = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on a connection until one side ends it."""
        from_server, to_server = await asyncio.open_connection(HOST, self._port, limit=PIECE_BYTES)
        await asyncio.gather(
            _pass_on(reader, to_server, _at_once), _pass_on(from_server, writer, self._pace)
        )

    async def _pace(self, size: int) -> None:
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now - LATE_SECONDS) + size / self._rate
        await asyncio.sleep(max(self._free_at - now, 0))


async def _at_once(_size: int) -> None:
    return


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pace: Pace) -> None:
    with suppress(OSError):
        while piece := await reader.read(PIECE_BYTES):
            await pace(len(piece))
            writer.write(piece)
            await writer.drain()
    writer.close()


async def main(port: int, to_port: int, rate: int) -> None:
    """Listen until a signal ends the process."""
    server = await asyncio.start_server(Line(to_port, rate).serve, HOST, port, limit=PIECE_BYTES)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
