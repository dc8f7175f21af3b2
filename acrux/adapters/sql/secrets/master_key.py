"""The key that the operator gives, and under which secrets are sealed."""

import base64
import binascii
import hmac
import os
import re
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from acrux.errors import InvalidSettings

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
FINGERPRINT_DIGITS: Final = 16

MAX_FILE_BYTES: Final = 1024

_PURPOSE: Final = b"acrux: the fingerprint of a master key"
_HEX: Final = re.compile(rb"[0-9a-fA-F]{64}")

_MAKE: Final = "make one with: openssl rand -base64 32"


class MasterKey:
    """AES-256-GCM with a random nonce (NIST SP 800-38D) under a key of KEY_BYTES bytes.

    `fingerprint` names the key, and tells nothing of it. `place` is where it came from.
    """

    def __init__(self, key: bytes, place: str) -> None:
        self._cipher = AESGCM(key)
        self.fingerprint = hmac.digest(key, _PURPOSE, "sha256").hex()[:FINGERPRINT_DIGITS]
        self.place = place

    def seal(self, name: str, content: bytes) -> bytes:
        """The content, which only this key opens, and only under this name."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes | None:
        """What was sealed under this name; None if it was not, or was changed."""
        nonce, content = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, content, name.encode())
        except (InvalidTag, ValueError):  # ValueError: too short
            return None


def read_master_key(path: Path) -> MasterKey:
    """The master key in a file, as base64 or as 64 hexadecimal digits.

    Raises InvalidSettings if the file cannot be read, holds anything else, or may be used by all
    users of the machine. A group may have access: Kubernetes gives it to that of a volume.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(MAX_FILE_BYTES)
    except OSError as failed:
        raise InvalidSettings(
            f"master_key_file: {path} cannot be read ({failed.strerror}): make it readable by the "
            f"user who runs acrux, and by nobody else; for a new registry, {_MAKE}"
        ) from failed
    if mode & stat.S_IRWXO:
        raise InvalidSettings(
            f"master_key_file: {path} has mode {mode:04o}, so others may use it: chmod 600 {path}"
        )
    key = _parse(content.strip())
    if key is None:
        raise InvalidSettings(
            f"master_key_file: {path} does not hold {KEY_BYTES} bytes as base64 or as "
            f"{2 * KEY_BYTES} hexadecimal digits: {_MAKE}"
        )
    return MasterKey(key, str(path))


def _parse(text: bytes) -> bytes | None:
    if _HEX.fullmatch(text):
        return bytes.fromhex(text.decode())
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    return key if len(key) == KEY_BYTES else None
