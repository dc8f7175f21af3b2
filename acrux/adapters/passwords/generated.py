"""Generated passwords: hash, verify, with equal work for unknown accounts."""

import hmac
import secrets
import string
from collections.abc import Callable
from typing import Final

from acrux.adapters.keys.keyed_hash import KeyedHash

# 43 out of 62 characters: 43 * log2(62) = 256 bits. A memory-hard hash would only slow down the
# clients, which send the password with every token request (stack.md §5). Not more: `base64` of
# Linux begins a new line after 57 bytes, and so the document's own command would print one line
# for names of up to 13 characters only.
_ALPHABET: Final = string.ascii_letters + string.digits
_CHARACTERS: Final = 43

# A longer password matches nothing, so that nobody can make us hash megabytes.
MAX_CHARACTERS: Final = 4096

_SCHEME: Final = "hmac-sha256"

# An unknown account is compared with as many hashes as a known one has.
_DUMMIES: Final = (f"{_SCHEME}:{'0' * 64}",) * 2


class KeyedPasswords:
    """Generated passwords, stored as HMAC-SHA-256 (RFC 2104) with this registry's `pepper`.

    Implements acrux.ports.accounts.Passwords.
    """

    def __init__(self, pepper: Callable[[], bytes]) -> None:
        self._keyed_hash = KeyedHash(pepper)

    def generate(self) -> str:
        """A new password of 43 letters and digits: 256 bits."""
        return "".join(secrets.choice(_ALPHABET) for _ in range(_CHARACTERS))

    def hash(self, password: str) -> str:
        """What to store of it, `hmac-sha256:<hex>`: useless without the pepper."""
        # Lone surrogates are not valid text, but must lead to a refusal, not to a crash.
        hashed = self._keyed_hash.digest(password.encode("utf-8", "surrogatepass"))
        return f"{_SCHEME}:{hashed.hex()}"

    def find(self, password: str, hashes: tuple[str, ...]) -> int | None:
        """The index of the hash that it matches, or None; the work is the same in both cases."""
        presented = self.hash(password[:MAX_CHARACTERS]).encode()
        found = None
        for place, kept in enumerate(hashes or _DUMMIES):
            if hmac.compare_digest(presented, kept.encode("utf-8", "surrogatepass")):
                found = place
        return found if hashes and len(password) <= MAX_CHARACTERS else None
