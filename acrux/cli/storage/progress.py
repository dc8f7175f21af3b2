"""What a long command has done so far, on a terminal's standard error."""

import sys
from time import monotonic
from types import TracebackType
from typing import Final, Self

from acrux.domain.content.byte_sizes import written_bytes
from acrux.services.content.collection import Freed, GoOn

SECONDS: Final = 0.2  # between two lines

_CLEAR: Final = "\r\x1b[K"


def is_terminal() -> bool:
    """Whether standard error is a terminal."""
    return sys.stderr.isatty()


class Progress:
    """One line that is overwritten; nothing unless standard error is a terminal."""

    def __init__(self) -> None:
        self._is_shown = is_terminal()
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._write("")

    def after(self, before: Freed) -> GoOn:
        """Shows what a run freed, added to what was freed before; never ends the run."""

        def show(freed: Freed) -> bool:
            if monotonic() >= self._next:
                self._next = monotonic() + SECONDS
                self.shows(before + freed)
            return True

        return show

    def shows(self, freed: Freed) -> None:
        """Shows what was freed so far."""
        self._write(
            f"{freed.manifests} manifests, {freed.blobs} blobs, {freed.uploads} uploads, "
            f"{written_bytes(freed.bytes)} freed"
        )

    def waits(self) -> None:
        """Shows that another process is waited for."""
        self._write("waiting for what another process does")

    def _write(self, text: str) -> None:
        if self._is_shown:
            sys.stderr.write(_CLEAR + text)
            sys.stderr.flush()
