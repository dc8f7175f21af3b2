"""Small servers that tests run in a thread."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from threading import Thread


class QuietServer(ThreadingHTTPServer):
    """An HTTP server that a client may leave in the middle."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that disconnects is not an error."""


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Answer in a thread until the block ends; the caller closes the server."""
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
