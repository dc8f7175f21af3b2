"""HMAC-SHA-256 with one key, computed many times."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC


class KeyedHash:
    """HMAC-SHA-256 (RFC 2104) with `key`, which is processed once: that is half of the work."""

    def __init__(self, key: bytes) -> None:
        self._keyed = HMAC(key, SHA256())

    def digest(self, content: bytes) -> bytes:
        """The hash of the content, 32 bytes."""
        keyed = self._keyed.copy()
        keyed.update(content)
        return keyed.finalize()
