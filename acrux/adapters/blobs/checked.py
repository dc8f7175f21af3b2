"""The bytes of a copy, verified while they are read."""

from collections.abc import Iterator
from typing import Final, Protocol

from acrux.domain.content.digest import new_hasher
from acrux.domain.content.storage.copy import Copy
from acrux.errors import DamagedBlob

READ_BYTES: Final = 1 << 20


class Content(Protocol):
    """Bytes to read in their order: a file, or a part of one."""

    def read(self, count: int, /) -> bytes: ...


class Checked:
    """The content of a copy, hashed while it is read."""

    def __init__(self, copy: Copy, content: Content) -> None:
        self._copy = copy
        self._content = content
        self._hasher = new_hasher(copy.digest.algorithm)
        self._size = 0

    def read(self, count: int, /) -> bytes:
        """Up to so many bytes; none at the end. Raises DamagedBlob if they cannot be read."""
        try:
            piece = self._content.read(count)
        except OSError as failed:  # a sector that the disk cannot read
            raise DamagedBlob(
                f"cannot be read ({failed.strerror})", digest=str(self._copy.digest)
            ) from failed
        self._hasher.update(piece)
        self._size += len(piece)
        return piece

    def __iter__(self) -> Iterator[bytes]:
        """The rest of the bytes, in pieces. After the last one, as `end`."""
        while piece := self.read(READ_BYTES):
            yield piece
        self.end()

    def end(self) -> None:
        """Raise DamagedBlob if what was read is not the copy."""
        expected = self._copy.size, self._copy.digest.encoded
        if (self._size, self._hasher.hexdigest()) != expected:
            raise DamagedBlob("does not match its digest", digest=str(self._copy.digest))
