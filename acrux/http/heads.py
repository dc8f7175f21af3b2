"""Limits on the headers of every request, whatever it asks for."""

from acrux.errors import HeadersTooLarge, InvalidRequest
from acrux.http.messages import Request

MAX_HEADER_BYTES = 64 * 1024  # names and values of all headers of a request


def check(request: Request) -> int:
    """The size of the headers in bytes.

    Raises HeadersTooLarge, and InvalidRequest if Host is missing or repeated (RFC 9112 §3.2).
    """
    size = request.header_bytes()
    if size > MAX_HEADER_BYTES:
        raise HeadersTooLarge(f"the headers are longer than {MAX_HEADER_BYTES} bytes")
    # The server adds an empty Host to a request without one.
    has_none = request.version == "1.1" and not request.headers.get(b"host")
    if has_none or (request.repeats_headers and len(request.values(b"host")) > 1):
        raise InvalidRequest("a request must have exactly one Host header")
    return size
