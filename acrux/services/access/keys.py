"""Rotate the keys that sign tokens: publish, then sign, then retire."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from acrux.domain.access.signing import PUBLISHED_BEFORE, KeyRecord, newest, retired, signing
from acrux.errors import UnknownName
from acrux.ports.clock import Clock
from acrux.ports.keys import CertificateAuthority, SigningKeys


class KeyState(Enum):
    """What a key does now. In every state it is published, and verifies."""

    ANNOUNCED = "announced"  # it will sign
    SIGNING = "signing"
    VERIFYING = "verifying"  # it has signed, and its tokens may still be valid


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key as it may be shown in public."""

    record: KeyRecord
    state: KeyState


class Keys:
    """The signing keys. At every step, any worker can verify what any other has signed.

    `longest_life` is how long after it was signed a token may still be presented. `aged` is the
    clock that says which key can be removed, if that is not `clock`: removal cannot be undone.
    """

    def __init__(
        self,
        keys: SigningKeys,
        clock: Clock,
        longest_life: timedelta,
        authority: CertificateAuthority,
        *,
        aged: Clock | None = None,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._aged = aged or clock
        self._longest_life = longest_life
        self._authority = authority

    async def certificate(self) -> bytes:
        """The certificate (PEM) of the CA that certifies every key, for those who trust it."""
        return await self._authority.certificate()

    async def list(self) -> tuple[ShownKey, ...]:
        """All keys, the oldest first."""
        records = await self._keys.list()
        current = signing(records, self._clock())
        return tuple(ShownKey(record, _state(record, current)) for record in records)

    async def rotate(self, *, now: bool = False) -> tuple[ShownKey, ...]:
        """Publish a new key that signs in PUBLISHED_BEFORE, or at once; return all keys.

        If a key is announced already, no other is created: calling it twice makes one key.
        """
        records = await self._keys.list()
        await self._follow(records, newest(records).algorithm, at_once=now)
        return await self.list()

    async def use(self, algorithm: str) -> None:
        """If the newest key has another algorithm, publish one with this algorithm.

        It signs in PUBLISHED_BEFORE.
        """
        records = await self._keys.list()
        last = newest(records)
        if last.algorithm != algorithm:
            await self._keys.add(algorithm, last.number + 1, self._now() + PUBLISHED_BEFORE)

    async def revoke(self, name: str) -> tuple[ShownKey, ...]:
        """Remove a key that may be compromised, and so revoke its tokens; return the other keys.

        It takes effect on every worker within a second. If it is the key that signs, another one
        signs at once. Raises UnknownName.
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
        """Remove the keys whose tokens have all expired."""
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
            # Somebody else is rotating at the same time: one key is enough for both.
            last = newest(await self._keys.list())
        if signs_from < last.signs_from:
            await self._keys.advance(last, signs_from)

    def _now(self) -> datetime:
        return self._clock().replace(microsecond=0)  # keys store whole seconds


def _state(record: KeyRecord, current: KeyRecord) -> KeyState:
    if record == current:
        return KeyState.SIGNING
    return KeyState.ANNOUNCED if record.number > current.number else KeyState.VERIFYING
