"""Tells when the registry answers, which is asked of the registry itself."""

import http.client
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from acrux.serving import probe
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
    with suppress(OSError, http.client.HTTPException):
        return probe.ask(settings, "/livez")[0] == http.client.OK
    return False
