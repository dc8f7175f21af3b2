"""Texts that must be read again, sealed with a key of the registry."""

import base64
import binascii
import os
from collections.abc import Callable
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12


class KeyedVault:
    """The port Vault: AES-256-GCM with a random nonce (NIST SP 800-38D), as base64.

    `key` has 32 bytes, and is asked for when it is first needed. Who copies the database alone
    cannot open anything.
    """

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._key = key

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self._key())

    def seal(self, text: str, name: str) -> str:
        """See ports.Vault."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), name.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, name: str) -> str | None:
        """See ports.Vault."""
        try:
            content = base64.b64decode(sealed, validate=True)
            nonce, sealed_text = content[:NONCE_BYTES], content[NONCE_BYTES:]
            return self._cipher.decrypt(nonce, sealed_text, name.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):
            return None
