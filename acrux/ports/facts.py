"""A few named texts that all processes share."""

from typing import Protocol


class Facts(Protocol):
    """What the registry remembers of itself."""

    async def find(self, name: str) -> str | None:
        """The text of this name; None if there is none."""

    async def keep(self, name: str, value: str) -> None:
        """Store the text under this name; it is durable when this returns."""
