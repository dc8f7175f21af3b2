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
    hosts = request.values(b"host")
    # The server beneath gives an empty one to a request without.
    if len(hosts) > 1 or (request.version == "1.1" and not (hosts and hosts[0])):
        raise InvalidRequest("a request must have one Host header, and no more")
    return size
