"""Seals with which an upload continues after its token has expired."""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime

from acrux.adapters.keys.keyed_hash import KeyedHash


class KeyedCapabilities:
    """The port Capabilities with a key that only this registry knows."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._keyed_hash = KeyedHash(key)

    def seal(self, upload: str, repository: str, principal: str, expires_at: datetime) -> str:
        """See ports.Capabilities."""
        end = str(int(expires_at.timestamp()))
        return f"{end}.{self._seal(upload, repository, principal, end)}"

    def is_good(
        self, text: str, upload: str, repository: str, principal: str, now: datetime
    ) -> bool:
        """See ports.Capabilities."""
        end, _, sealed = text.partition(".")
        expected = self._seal(upload, repository, principal, end)
        if not hmac.compare_digest(sealed.encode(), expected.encode()):
            return False
        return now < datetime.fromtimestamp(int(end), UTC)  # we wrote the number, so it is one

    def _seal(self, upload: str, repository: str, principal: str, end: str) -> str:
        # No field holds a newline, so the sealed text can be read in one way only.
        content = f"{upload}\n{repository}\n{principal}\n{end}"
        return self._keyed_hash.digest(content.encode("utf-8", "replace")).hex()
