"""Content digests: parse and compute them."""

import hashlib
import re
from collections.abc import Callable
from typing import Protocol, Self

from msgspec import Struct

from acrux.errors import InvalidDigest

# OCI image specification, descriptor.md, "Registered algorithms". The exact length of the encoded
# part is checked before any path or query is built from it (CVE-2024-3727).
_ENCODED_LENGTHS = {"sha256": 64, "sha512": 128}

# digest ::= algorithm ":" encoded, and for both registered algorithms encoded ::= [a-f0-9]+
DIGEST = re.compile(r"(sha256|sha512):([a-f0-9]{64,128})")


class Hasher(Protocol):
    """A digest that is being computed."""

    def update(self, content: bytes | bytearray | memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


_HASHERS: dict[str, Callable[[], Hasher]] = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}


class Digest(Struct, frozen=True):
    """A digest of a registered algorithm, of exactly that algorithm's length.

    Source: OCI image specification, descriptor.md, "Digests".
    """

    algorithm: str
    encoded: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `algorithm:encoded`; raise InvalidDigest for anything else."""
        match = DIGEST.fullmatch(text)
        if match is None or len(match[2]) != _ENCODED_LENGTHS[match[1]]:
            raise InvalidDigest(
                "a digest is sha256: and 64, or sha512: and 128, lower-case hexadecimal digits",
                digest=text[:160],
            )
        return cls(match[1], match[2])

    @classmethod
    def of(cls, content: bytes, algorithm: str = "sha256") -> Self:
        """Compute the digest of `content`."""
        hasher = new_hasher(algorithm)
        hasher.update(content)
        return cls(algorithm, hasher.hexdigest())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.encoded}"


def new_hasher(algorithm: str) -> Hasher:
    """Start a digest; raise InvalidDigest for an algorithm that is not registered."""
    try:
        return _HASHERS[algorithm]()
    except KeyError:
        raise InvalidDigest(
            "the digest algorithms are sha256 and sha512", algorithm=algorithm[:40]
        ) from None
