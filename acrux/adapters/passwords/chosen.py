"""Passwords that people choose: argon2id, and bcrypt from htpasswd files."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import argon2
import bcrypt

from acrux.adapters.blobs.upload_files import in_thread
from acrux.adapters.keys.keyed_hash import KeyedHash
from acrux.adapters.keys.slow_hashes import ARGON2, BCRYPT, nobodys_like
from acrux.domain.access.users import normalize
from acrux.ports.clock import Clock

# OWASP, Password Storage Cheat Sheet: 19 MiB, two passes, one lane. About 17 ms.
MEMORY_KIBIBYTES: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1

# The beginning of every hash that was made with the parameters above (PHC string format).
_CURRENT: Final = f"{ARGON2}:$argon2id$v=19$m={MEMORY_KIBIBYTES},t={PASSES},p={LANES}$"

# bcrypt ignores the rest, so that a longer password would match by its first bytes alone.
MAX_BCRYPT_BYTES: Final = 72

CACHED: Final = 10_000
CACHED_FOR: Final = timedelta(minutes=5)

# How many hashes one process computes at once. Each takes its memory and a core.
AT_ONCE: Final = 1

Result = TypeVar("Result")


class ChosenPasswords:
    """Slow hashes, computed in threads, AT_ONCE at a time.

    Clients send the password with every token request. So a password that was right is cached for
    CACHED_FOR with the hash that it matched, as a keyed hash under a key that no other process
    knows. A password that was wrong is never cached.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hasher = argon2.PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIBIBYTES, parallelism=LANES
        )
        self._keyed_hash = KeyedHash(partial(secrets.token_bytes, 32))
        self._right: dict[bytes, datetime] = {}
        self._free = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        """What to store of the password: `argon2id:` and a PHC string."""
        text = _encode(password)
        return f"{ARGON2}:{await self._compute(lambda: self._hasher.hash(text))}"

    async def find(
        self,
        password: str,
        hashes: Sequence[str],
        closed: Sequence[str] = (),
        in_use: Sequence[str] = (),
    ) -> str | None:
        """The hash, among `hashes` and `closed`, that the password matches; None if none.

        This is the slow work: ask `cached` first. Hashes in `closed` open nothing. Unless one
        of `hashes` matches, the work of every scheme and cost in `in_use` is done, whichever of
        them these hashes have.
        """
        found = await self._compute(lambda: self._search(password, hashes, closed, in_use))
        if found is not None and found in hashes:
            self._cache(password, found)
        return found

    def cached(self, password: str, hashes: Sequence[str]) -> str | None:
        """The hash that the password is known to match, without any work; None if unknown."""
        for kept in hashes:
            end = self._right.get(self._key(password, kept))
            if end is not None and self._clock() < end:
                return kept
        return None

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash of ours was made with other than the present parameters."""
        return kept.startswith(f"{ARGON2}:") and not kept.startswith(_CURRENT)

    def _search(
        self, password: str, hashes: Sequence[str], closed: Sequence[str], in_use: Sequence[str]
    ) -> str | None:
        # In one turn of the semaphore: a login that waited for two could be told apart by its time.
        found, done = None, set()
        for kept in (*hashes, *closed):
            nobodys = nobodys_like(kept)
            matches = None if nobodys is None else self._verify(password, kept)
            if matches:
                found = kept
                if kept in hashes:
                    return found
            if matches is not None:
                done.add(nobodys)
        kinds = {nobodys for kept in in_use if (nobodys := nobodys_like(kept))}
        for nobodys in sorted(kinds - done):
            self._verify(password, nobodys)
        return found

    def _verify(self, password: str, kept: str) -> bool | None:
        """Whether it is the password of this hash; None if that was found without the work."""
        scheme, _, hashed = kept.partition(":")
        text = _encode(password)
        try:
            if scheme == BCRYPT:
                # A password that bcrypt cuts or alters matches nothing, after the same work.
                looked_at = text.replace(b"\0", b"")[:MAX_BCRYPT_BYTES]
                return bcrypt.checkpw(looked_at, hashed.encode()) and looked_at == text
            return self._hasher.verify(hashed, text)
        except argon2.exceptions.VerifyMismatchError:
            return False
        except (argon2.exceptions.Argon2Error, argon2.exceptions.InvalidHashError, ValueError):
            return None  # the hash is damaged

    def _cache(self, password: str, kept: str) -> None:
        if len(self._right) >= CACHED:
            self._right.clear()
        self._right[self._key(password, kept)] = self._clock() + CACHED_FOR

    def _key(self, password: str, kept: str) -> bytes:
        return self._keyed_hash.digest(kept.encode() + b"\0" + _encode(password))

    async def _compute(self, work: Callable[[], Result]) -> Result:
        # To its end, even if the client is gone: the next may begin only once the thread is free.
        async with self._free:
            return await in_thread(work)


def _encode(password: str) -> bytes:
    # Lone surrogates are not valid text, but must lead to a refusal, not to a crash.
    return normalize(password).encode("utf-8", "surrogatepass")
