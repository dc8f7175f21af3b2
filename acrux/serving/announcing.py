"""Tells when the registry answers, which is asked of the registry itself."""

import http.client
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from acrux.settings import Settings

ANSWER_SECONDS: Final = 30  # a server that does not answer by then has failed


def announce(
    settings: Settings, answering: Callable[[], None], tell: Callable[[str, str], None]
) -> None:
    """Call `answering` once the registry answers, or `tell` if it does not."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while not _answers(settings):
        if time.monotonic() > deadline:
            told = f"the registry did not answer within {ANSWER_SECONDS} seconds"
            tell("no-answer", told)
            return
        time.sleep(0.01)
    answering()


def _answers(settings: Settings) -> bool:
    connection = _connect(settings)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.client.OK
    return False


def _connect(settings: Settings) -> http.client.HTTPConnection:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 -- compared
    if settings.scheme == "http":
        return http.client.HTTPConnection(host, settings.port, timeout=1)
    # We only ask ourselves whether we answer, and send no secret.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, settings.port, timeout=1, context=context)
