"""HMAC-SHA-256 with one key, computed many times."""

from collections.abc import Callable
from functools import cached_property

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC


class KeyedHash:
    """HMAC-SHA-256 (RFC 2104) with `key`, which is processed once: that is half of the work.

    The key is asked for with the first hash: before that, it may not be known.
    """

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._key = key

    @cached_property
    def _keyed(self) -> HMAC:
        return HMAC(self._key(), SHA256())

    def digest(self, content: bytes) -> bytes:
        """The hash of the content, 32 bytes."""
        keyed = self._keyed.copy()
        keyed.update(content)
        return keyed.finalize()
