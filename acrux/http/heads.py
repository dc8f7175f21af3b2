"""What every request's header must keep to, whatever it asks."""

from acrux.errors import HeadersTooLarge, InvalidRequest
from acrux.http.messages import Request

MAX_HEADER_BYTES = 64 * 1024  # of the names and values of all of a request's headers


def check(request: Request) -> int:
    """How many bytes the headers have.

    Raises HeadersTooLarge, and InvalidRequest unless one Host is named (RFC 9112 §3.2).
    """
    size = request.header_bytes()
    if size > MAX_HEADER_BYTES:
        raise HeadersTooLarge(f"the headers are longer than {MAX_HEADER_BYTES} bytes")
    # The server beneath gives an empty one to a request without.
    has_none = request.version == "1.1" and not request.headers.get(b"host")
    if has_none or (request.repeats_headers and len(request.values(b"host")) > 1):
        raise InvalidRequest("a request must have one Host header, and no more")
    return size
