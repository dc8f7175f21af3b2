"""What the services need to remember a few facts about the registry itself."""

from typing import Protocol


class Facts(Protocol):
    """A few named texts, which all processes share. Raises StorageExhausted and the like."""

    async def find(self, name: str) -> str | None:
        """The text of this name; None if there is none."""

    async def keep(self, name: str, value: str) -> None:
        """Store the text under this name; it is durable when this returns."""
