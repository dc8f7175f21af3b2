"""What keeps the registry's own secrets, such as its signing keys."""

from typing import Protocol, TypeAlias

# Secrets by name, each with what changes whenever the secret does.
Listing: TypeAlias = frozenset[tuple[str, object]]


class Secrets(Protocol):
    """Secrets by name, such as `pepper` or `signing/ES256-0001.pem`, of all processes and nodes.

    Every method raises InvalidSettings if a secret is there and cannot be read or stored, and
    StorageExhausted, StorageReadOnly or StorageUnavailable if the storage cannot be used now.
    """

    async def read(self, name: str) -> bytes | None:
        """The secret of this name; None if there is none."""

    async def create(self, name: str, content: bytes) -> bool:
        """Store a secret, durably, unless there is one of this name; return whether it was stored.

        If several call this at the same time, on any nodes, one of them stores its secret.
        """

    async def replace(self, name: str, content: bytes) -> None:
        """Replace the secret, durably and as a whole; do nothing if it no longer exists."""

    async def remove(self, name: str) -> None:
        """Remove the secret, durably, if there is one."""

    async def list(self, folder: str = "") -> Listing:
        """Those whose names begin with `folder`, which is empty or ends in a slash."""

    def place(self, name: str) -> str:
        """Where the secret is, in words for the operator."""
