"""Puts what this process counts where all others can read it."""

from collections.abc import Callable

from acrux.adapters.metrics.board import Board, Slot
from acrux.adapters.metrics.families import Values


class Publisher:
    """Writes to a slot of the board what `counted` returns.

    The slot is claimed when it is first needed: by then the process has been forked.
    """

    def __init__(self, board: Board, counted: Callable[[], Values]) -> None:
        self._board = board
        self._counted = counted
        self._slot: Slot | None = None

    def publish(self) -> None:
        """Write it now. Raises OSError if the board has no slot left."""
        if self._slot is None:
            self._slot = self._board.claim()
        self._slot.write(self._counted())

    def read(self) -> Values:
        """What all processes have published."""
        return self._board.read(self._slot.number if self._slot else None)
