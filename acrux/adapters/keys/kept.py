"""Keys of the registry that are made when they are first needed."""

from collections.abc import Callable
from secrets import token_bytes
from typing import Final

from acrux.errors import InvalidSettings
from acrux.ports.secrets import Secrets

KEY_BYTES: Final = 32
ATTEMPTS: Final = 3


async def kept(secrets: Secrets, name: str, make: Callable[[], bytes]) -> bytes:
    """The secret of this name; if there is none, what `make` returns, durably stored.

    All that start at the same time get the same secret. Raises as `Secrets` does.
    """
    for _ in range(ATTEMPTS):
        found = await secrets.read(name)
        if found is not None:
            return found
        await secrets.create(name, make())  # whoever is first decides
    raise InvalidSettings(
        f"{secrets.place(name)} can neither be read nor stored: is it a link to what is missing?"
    )


class Key:
    """A key of KEY_BYTES random bytes that is known once the registry is open; call it for it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._value: bytes | None = None

    async def open(self, secrets: Secrets) -> None:
        """Read the key, and make it if there is none. Raises as `Secrets` does."""
        self._value = await kept(secrets, self._name, lambda: token_bytes(KEY_BYTES))

    def __call__(self) -> bytes:
        """The key. Raises RuntimeError before it is open."""
        if self._value is None:
            raise RuntimeError("the registry is not open")
        return self._value
