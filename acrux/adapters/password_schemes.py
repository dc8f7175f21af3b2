"""Generated and chosen passwords side by side, told apart by their hashes."""

from typing import Final

from acrux.adapters.chosen_passwords import ARGON2, BCRYPT, ChosenPasswords
from acrux.adapters.passwords import MAX_CHARACTERS, KeyedPasswords

_SLOW: Final = (f"{ARGON2}:", f"{BCRYPT}:")


class AllPasswords:
    """Every password of the registry. Implements acrux.ports.accounts.Passwords.

    A generated password is compared at once; only where it is none of those is the slow work done.
    """

    def __init__(self, generated: KeyedPasswords, chosen: ChosenPasswords) -> None:
        self._generated = generated
        self._chosen = chosen
        self._has_chosen = False

    def generate(self) -> str:
        """See ports.Passwords."""
        return self._generated.generate()

    def hash(self, password: str) -> str:
        """See ports.Passwords."""
        return self._generated.hash(password)

    async def hash_chosen(self, password: str) -> str:
        """See ports.Passwords."""
        return await self._chosen.hash(password)

    def is_outdated(self, kept: str) -> bool:
        """See ports.Passwords."""
        return self._chosen.is_outdated(kept)

    async def find(self, password: str, hashes: tuple[str, ...]) -> int | None:
        """See ports.Passwords."""
        place = self._generated.find(password, hashes)
        if place is not None or len(password) > MAX_CHARACTERS:
            return place
        slow = tuple(kept for kept in hashes if kept.startswith(_SLOW))
        self._has_chosen |= bool(slow)
        for kept in slow:
            if await self._chosen.matches(password, kept):
                return hashes.index(kept)
        # Whoever has no chosen password is refused no sooner than whoever has one.
        if self._has_chosen and not slow:
            await self._chosen.work_in_vain(password)
        return None
