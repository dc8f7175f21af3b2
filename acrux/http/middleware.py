"""Around every request: an id, common headers, one log line."""

import os
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from acrux.http import parsing
from acrux.http.messages import Request, Response
from acrux.http.responses import COMMON_HEADERS, CORRELATION_ID, REGISTRY_VERSION

Answer = Callable[[Request], Awaitable[Response]]


class Log(Protocol):
    """Where lines go: an event, and named values."""

    def info(self, event: str, /, **values: object) -> object: ...
    def exception(self, event: str, /, **values: object) -> object: ...
    def flush(self) -> object: ...


def new_request_id() -> str:
    """A random id for a request, shown in its answer and in its log line."""
    digits = os.urandom(16).hex()
    # RFC 9562 §5.4: the version is 4, the variant binary 10.
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-"
        f"{'89ab'[int(digits[16], 16) & 3]}{digits[17:20]}-{digits[20:]}"
    )


def complete(request: Request, response: Response) -> None:
    """Add the headers that every answer carries (acr-protocol.md §1.5)."""
    response.headers += COMMON_HEADERS
    response.headers.append((CORRELATION_ID, request.id.encode()))
    if request.path.startswith(("/v2", "/acr/")):
        response.headers.append(REGISTRY_VERSION)


class RequestLog:
    """One line a request, of these values and no others: a secret has no way in."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def write(self, request: Request, response: Response, started: float) -> None:
        """Tell how the request ended; `started` is an instant of `time.perf_counter`."""
        self._log.info(
            "request",
            method=request.method,
            path=request.raw_path.decode("ascii", "backslashreplace"),
            status=response.status,
            ms=round((time.perf_counter() - started) * 1000, 1),
            received=request.body.received_bytes,
            sent=0 if request.method == "HEAD" else response.size,
            principal=request.grant.principal,
            peer=request.peer,
            agent=parsing.header(request, b"user-agent") or "",
            id=request.id,
        )

    def write_failure(self, request: Request) -> None:
        """Tell of an exception that nobody foresaw, with its traceback."""
        self._log.exception(
            "failure",
            method=request.method,
            path=request.raw_path.decode("ascii", "backslashreplace"),
            id=request.id,
        )
