"""Damaged blobs, collected while the others go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from acrux.errors import DamagedBlob

# How many are remembered, and may be missing in a backup. With more, repair the storage first.
MAX_DAMAGED: Final = 1_000

SHOWN: Final = 3


class Damage:
    """The digests of damaged blobs, with what is wrong with each; all are counted."""

    def __init__(self) -> None:
        self.count = 0
        self.digests: dict[str, str] = {}

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note a DamagedBlob of the block instead of raising it."""
        try:
            yield
        except DamagedBlob as damaged:
            self.note(damaged)

    def note(self, damaged: DamagedBlob) -> None:
        """Note it."""
        self.count += 1
        if len(self.digests) < MAX_DAMAGED:
            self.digests[damaged.detail["digest"]] = damaged.message

    def without(self, known: tuple[str, ...]) -> "Damage":
        """This damage without that of the blobs that are known to be damaged."""
        rest = Damage()
        rest.digests = {one: what for one, what in self.digests.items() if one not in known}
        rest.count = self.count - (len(self.digests) - len(rest.digests))
        return rest

    def __str__(self) -> str:
        """`sha256:… is missing`, for the first few."""
        shown = [f"{digest} {what}" for digest, what in self.digests.items()][:SHOWN]
        left = self.count - len(shown)
        return ", ".join(shown) + (f" and {left} more" if left else "")
