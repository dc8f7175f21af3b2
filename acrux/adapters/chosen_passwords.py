"""Passwords that people choose: argon2id, and bcrypt from htpasswd files."""

import asyncio
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

import argon2
import bcrypt

from acrux.adapters.keyed_hash import KeyedHash
from acrux.adapters.upload_files import in_thread
from acrux.domain.people import normalize
from acrux.ports.clock import Clock

ARGON2: Final = "argon2id"
BCRYPT: Final = "bcrypt"

# OWASP, Password Storage Cheat Sheet: 19 MiB, two passes, one lane. About 17 ms.
MEMORY_KIBIBYTES: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1

# How every hash of ours begins that was made with the parameters above (PHC string format).
_CURRENT: Final = f"{ARGON2}:$argon2id$v=19$m={MEMORY_KIBIBYTES},t={PASSES},p={LANES}$"

# A salt and a hash of zeros: no password is known to have it, and to see that takes all the work.
_NOBODYS: Final = f"{_CURRENT}{'A' * 22}${'A' * 43}"

# bcrypt looks at no more, so that a longer password would match what it begins with.
MAX_BCRYPT_BYTES: Final = 72

_COST: Final = re.compile(rf"{BCRYPT}:\$2[aby]\$([0-9]{{2}})\$")

REMEMBERED: Final = 10_000
REMEMBERED_FOR: Final = timedelta(minutes=5)

# How many hashes one process computes at once, each with its memory and a core.
AT_ONCE: Final = 1

Result = TypeVar("Result")


class ChosenPasswords:
    """Slow hashes, computed in threads, a few at a time.

    A password that was right is remembered for REMEMBERED_FOR, together with the hash it was
    right for, under a key that no other process knows: clients send it with every token request.
    One that was wrong is never remembered.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hasher = argon2.PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIBIBYTES, parallelism=LANES
        )
        self._keyed_hash = KeyedHash(secrets.token_bytes(32))
        self._right: dict[bytes, datetime] = {}
        self._cost = 0  # the greatest of a bcrypt hash that was seen, 0 where there was none
        self._free = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        """What to keep of the password: `argon2id:` and a PHC string."""
        text = _encode(password)
        return f"{ARGON2}:{await self._compute(lambda: self._hasher.hash(text))}"

    async def matches(self, password: str, kept: str) -> bool:
        """Whether it is the password of this hash."""
        proof = self._proof(password, kept)
        end = self._right.get(proof)
        if end is not None and self._clock() < end:
            return True
        self._cost = max(self._cost, _bcrypt_cost(kept))
        if not await self._compute(lambda: self._verify_or_work(password, kept)):
            return False
        if len(self._right) >= REMEMBERED:
            self._right.clear()
        self._right[proof] = self._clock() + REMEMBERED_FOR
        return True

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash of ours was made with other parameters than those of now."""
        return kept.startswith(f"{ARGON2}:") and not kept.startswith(_CURRENT)

    async def work_in_vain(self, password: str) -> None:
        """As much work as `matches` does where it refuses, for who has no such password."""
        await self._compute(lambda: self._work(password, done=""))

    def _verify_or_work(self, password: str, kept: str) -> bool:
        return self._verify(password, kept) or self._work(password, done=kept)

    def _work(self, password: str, done: str) -> bool:
        # Each refusal takes the work of every scheme that is in use, in one turn: an htpasswd file
        # has its own scheme and costs. bcrypt doubles with each cost, so that those from one up to
        # the greatest add up to the greatest.
        if not done.startswith(f"{ARGON2}:"):
            self._verify(password, _NOBODYS)
        if self._cost:
            own = _bcrypt_cost(done)
            for cost in range(own, self._cost) if own else (self._cost,):
                self._verify(password, _nobodys_bcrypt(cost))
        return False

    def _verify(self, password: str, kept: str) -> bool:
        scheme, _, hashed = kept.partition(":")
        text = _encode(password)
        try:
            if scheme == BCRYPT:
                # What bcrypt cannot tell apart matches nothing, after the same work.
                looked_at = text.replace(b"\0", b"")[:MAX_BCRYPT_BYTES]
                return bcrypt.checkpw(looked_at, hashed.encode()) and looked_at == text
            return self._hasher.verify(hashed, text)
        except (argon2.exceptions.Argon2Error, argon2.exceptions.InvalidHashError, ValueError):
            return False  # another password, or a hash that was damaged

    def _proof(self, password: str, kept: str) -> bytes:
        return self._keyed_hash.digest(kept.encode() + b"\0" + _encode(password))

    async def _compute(self, work: Callable[[], Result]) -> Result:
        # To its end, even if the client is gone: others begin only once the thread is free.
        async with self._free:
            return await in_thread(work)


def _bcrypt_cost(kept: str) -> int:
    cost = _COST.match(kept)
    return int(cost[1]) if cost else 0


def _nobodys_bcrypt(cost: int) -> str:
    return f"{BCRYPT}:$2b${cost:02d}${'.' * 53}"


def _encode(password: str) -> bytes:
    # Lone surrogates are no valid text, but whoever sends them gets a refusal, not a crash.
    return normalize(password).encode("utf-8", "surrogatepass")
