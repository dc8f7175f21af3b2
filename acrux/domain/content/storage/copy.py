"""A blob's bytes in the store, under a name that is never used again."""

from msgspec import Struct

from acrux.domain.content.digest import Digest


class Copy(Struct, frozen=True):
    """One copy of a blob in the store: its digest, its name, its size in bytes.

    Every upload that becomes a blob becomes a copy of its own, with a name that no other copy gets:
    so bytes that nothing refers to can be removed while the same blob is being pushed. The name is
    empty if a former version stored the copy: then the digest alone names it.
    """

    digest: Digest
    name: str
    size: int
