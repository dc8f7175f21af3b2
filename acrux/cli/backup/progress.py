"""How far a long command is, for people who watch it."""

import sys
import time
from collections.abc import Callable
from threading import Event
from typing import Final

import click

from acrux.errors import RegistryError

SECONDS: Final = 0.2  # between two lines

_MEBIBYTE: Final = 1 << 20


class Stopped(RegistryError):
    """The command was told to stop."""


class Progress:
    """One line on standard error that is written again and again, if that is a terminal.

    Once `stop` is set, the next call raises Stopped, in the thread that works.
    """

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self.stop = Event()
        self._ticks = ticks
        self._shows = sys.stderr.isatty()
        self._next = 0.0
        self._is_open = False

    def __call__(self, what: str, done: int, count: int, size: int) -> None:
        """See backup.manifest.Tell."""
        if self.stop.is_set():
            raise Stopped("stopped")
        if not self._shows or self._ticks() < self._next:
            return
        self._next = self._ticks() + SECONDS
        self._is_open = True
        sizes = f", {size // _MEBIBYTE:,} MiB" if size else ""
        click.echo(f"\r\033[K{what}: {done:,} of {count:,}{sizes}", err=True, nl=False)

    def end(self) -> None:
        """Remove the line."""
        if self._is_open:
            click.echo("\r\033[K", err=True, nl=False)
            self._is_open = False
