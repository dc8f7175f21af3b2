"""Rotate the keys that sign tokens: publish, then sign, then retire."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from acrux.domain.access.signing import PUBLISHED_BEFORE, KeyRecord, newest, retired, signing
from acrux.errors import UnknownName
from acrux.ports.clock import Clock
from acrux.ports.keys import SigningKeys


class KeyState(Enum):
    """What a key does now. Each of them is published, and verifies."""

    ANNOUNCED = "announced"  # it will sign
    SIGNING = "signing"
    VERIFYING = "verifying"  # it has signed, and tokens of it may be alive


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key as it may be shown: in public."""

    record: KeyRecord
    state: KeyState


class Keys:
    """The signing keys. At every step any worker verifies what any other has signed.

    `longest_life` is how long after its signature a token may still be shown. `aged` is the clock
    that says which key is done, where that is not `clock`: what is removed does not come back.
    """

    def __init__(
        self,
        keys: SigningKeys,
        clock: Clock,
        longest_life: timedelta,
        *,
        aged: Clock | None = None,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._aged = aged or clock
        self._longest_life = longest_life

    async def list(self) -> tuple[ShownKey, ...]:
        """All keys, the oldest first."""
        records = await self._keys.list()
        current = signing(records, self._clock())
        return tuple(ShownKey(record, _state(record, current)) for record in records)

    async def rotate(self, *, now: bool = False) -> tuple[ShownKey, ...]:
        """Publish a new key that signs in a while, or at once; return all keys.

        Where one is announced already that is the one: asking twice makes no two keys.
        """
        records = await self._keys.list()
        await self._follow(records, newest(records).algorithm, at_once=now)
        return await self.list()

    async def use(self, algorithm: str) -> None:
        """Where the newest key is of another algorithm, publish one of this for a while to come."""
        records = await self._keys.list()
        last = newest(records)
        if last.algorithm != algorithm:
            await self._keys.add(algorithm, last.number + 1, self._now() + PUBLISHED_BEFORE)

    async def revoke(self, name: str) -> tuple[ShownKey, ...]:
        """End all tokens of a key that others may know, within a second; return what is left.

        Where it is the one that signs, another one signs at once. Raises UnknownName.
        """
        records = await self._keys.list()
        found = next((record for record in records if record.name == name), None)
        if found is None:
            raise UnknownName(f"there is no signing key {name!r}: see acrux key list")
        if found == signing(records, self._clock()):
            await self._follow(records, found.algorithm, at_once=True)
        await self._keys.remove(found)
        return await self.list()

    async def retire(self) -> None:
        """Remove the keys of which no token can be alive any more."""
        for record in retired(await self._keys.list(), self._aged(), self._longest_life):
            await self._keys.remove(record)

    async def _follow(
        self, records: tuple[KeyRecord, ...], algorithm: str, *, at_once: bool
    ) -> None:
        now, last = self._now(), newest(records)
        signs_from = now if at_once else now + PUBLISHED_BEFORE
        if last.signs_from <= now:
            if await self._keys.add(algorithm, last.number + 1, signs_from):
                return
            # Somebody else rotates at the same time: one key is enough for both.
            last = newest(await self._keys.list())
        if signs_from < last.signs_from:
            await self._keys.advance(last, signs_from)

    def _now(self) -> datetime:
        return self._clock().replace(microsecond=0)  # keys keep whole seconds


def _state(record: KeyRecord, current: KeyRecord) -> KeyState:
    if record == current:
        return KeyState.SIGNING
    return KeyState.ANNOUNCED if record.number > current.number else KeyState.VERIFYING
