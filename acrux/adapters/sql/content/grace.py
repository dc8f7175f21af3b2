"""How long what lost its last reference is kept."""

from datetime import timedelta
from typing import Final

from msgspec import Struct

from acrux.domain.instants import to_microseconds
from acrux.ports.clock import Clock

LOCKED_FOR: Final = timedelta(hours=1)  # at least, until something locked is looked at again


class Grace(Struct, frozen=True):
    """How long what lost a reference is kept, and what a push is about to refer to.

    `referrers` says whether referrers are deleted with their subject.
    """

    clock: Clock
    unreferenced: timedelta
    held: timedelta
    referrers: bool = True

    def now(self) -> int:
        """The present, in microseconds since 1970."""
        return to_microseconds(self.clock())

    def ends(self) -> int:
        """When to review what loses a reference now, in microseconds since 1970."""
        return to_microseconds(self.clock() + self.unreferenced)

    def unlocked(self) -> int:
        """When to look again at what is locked, in microseconds since 1970."""
        return to_microseconds(self.clock() + max(self.unreferenced, LOCKED_FOR))

    def held_until(self) -> int:
        """Until when a push that starts now is waited for, in microseconds since 1970."""
        return to_microseconds(self.clock() + self.held)

    def held_after(self, at: int) -> int:
        """Until when a push that was here at an instant is waited for, in microseconds."""
        return at + self.held // timedelta(microseconds=1)

    def held_half(self) -> int:
        """A hold that lasts until then need not be renewed, in microseconds since 1970."""
        return to_microseconds(self.clock() + self.held / 2)
