"""Ask the registry on this machine whether it answers."""

import http.client
import ssl
from typing import Final

from acrux import __version__
from acrux.settings import Settings

# Where to reach a registry that listens on every address.
_HERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared, not bound

MAX_BODY_BYTES: Final = 4096


def ask(settings: Settings, path: str, seconds: float = 1) -> tuple[int, str]:
    """The status and the body with which the registry of these settings answers a GET.

    Raises OSError or http.client.HTTPException if it does not answer within the seconds.
    """
    connection = _connect(settings, seconds)
    try:
        connection.request("GET", path, headers={"User-Agent": f"acrux/{__version__}"})
        answer = connection.getresponse()
        return answer.status, answer.read(MAX_BODY_BYTES).decode(errors="replace")
    finally:
        connection.close()


def url(settings: Settings, path: str) -> str:
    """What is asked, for messages."""
    host = _host(settings)
    return f"{settings.scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}{path}"


def _host(settings: Settings) -> str:
    return _HERE.get(settings.host, settings.host)


def _connect(settings: Settings, seconds: float) -> http.client.HTTPConnection:
    host = _host(settings)
    if settings.scheme == "http":
        return http.client.HTTPConnection(host, settings.port, timeout=seconds)
    # We only ask ourselves whether we answer, and send no secret.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, settings.port, timeout=seconds, context=context)
