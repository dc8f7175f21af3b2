"""Generated and chosen passwords together, distinguished by their hashes."""

from collections.abc import Awaitable, Callable

from acrux.adapters.keys import slow_hashes
from acrux.adapters.passwords.chosen import ChosenPasswords
from acrux.adapters.passwords.generated import MAX_CHARACTERS, KeyedPasswords


class AllPasswords:
    """Every password of the registry. Implements acrux.ports.accounts.Passwords.

    Generated passwords are compared first, which is fast. The slow work is done only if none of
    them opens. `in_use` returns at least one hash of every scheme and cost that is stored now.
    """

    def __init__(
        self,
        generated: KeyedPasswords,
        chosen: ChosenPasswords,
        in_use: Callable[[], Awaitable[tuple[str, ...]]],
    ) -> None:
        self._generated = generated
        self._chosen = chosen
        self._in_use = in_use

    def generate(self) -> str:
        """See ports.Passwords."""
        return self._generated.generate()

    def hash(self, password: str) -> str:
        """See ports.Passwords."""
        return self._generated.hash(password)

    async def hash_chosen(self, password: str) -> str:
        """See ports.Passwords."""
        return await self._chosen.hash(password)

    def is_slow(self, kept: str) -> bool:
        """See ports.Passwords."""
        return slow_hashes.is_slow(kept)

    def is_outdated(self, kept: str) -> bool:
        """See ports.Passwords."""
        return self._chosen.is_outdated(kept)

    async def find(
        self,
        password: str,
        hashes: tuple[str, ...],
        opens: Callable[[int], bool] = lambda _: True,
    ) -> int | None:
        """See ports.Passwords."""
        place = self._generated.find(password, hashes)
        if len(password) > MAX_CHARACTERS or (place is not None and opens(place)):
            return place
        slow = [(kept, opens(at)) for at, kept in enumerate(hashes) if self.is_slow(kept)]
        cached = self._chosen.cached(password, [kept for kept, is_open in slow if is_open])
        if cached is not None:  # before anything is read: users log in again and again
            return hashes.index(cached)
        in_use = await self._in_use()
        if not slow and not in_use:
            return place
        found = await self._chosen.find(
            password,
            hashes=[kept for kept, is_open in slow if is_open],
            closed=[kept for kept, is_open in slow if not is_open],
            in_use=in_use,
        )
        return place if found is None else hashes.index(found)
