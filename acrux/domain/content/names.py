"""Repository names, tags and references, valid by construction."""

import re
from typing import Self

from msgspec import Struct

from acrux.domain.content.digest import Digest
from acrux.errors import InvalidDigest, InvalidName, InvalidReference

# component ::= [a-z0-9]+ ( ( "." | "_" | "__" | "-"+ ) [a-z0-9]+ )*
# name      ::= component ( "/" component )*
_COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")

# Many clients limit host + "/" + name to 255 characters (OCI distribution specification, "Pull").
MAX_NAME_CHARACTERS = 255

# tag ::= [a-zA-Z0-9_] [a-zA-Z0-9._-]{0,127}
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


class RepositoryName(Struct, frozen=True):
    """A repository's name (OCI distribution specification, "Pulling manifests")."""

    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name; raise InvalidName if it does not match the grammar or is too long."""
        if len(text) > MAX_NAME_CHARACTERS or NAME.fullmatch(text) is None:
            raise InvalidName(
                "a repository name is lower-case letters and digits, separated by . _ __ or -, "
                f"in components separated by /, at most {MAX_NAME_CHARACTERS} characters",
                name=text[:MAX_NAME_CHARACTERS],
            )
        return cls(text)

    def __str__(self) -> str:
        return self.value


class Tag(Struct, frozen=True):
    """A tag: a name within a repository that can be moved from manifest to manifest."""

    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a tag; raise InvalidReference if it does not match the grammar."""
        if TAG.fullmatch(text) is None:
            raise InvalidReference(
                "a tag is a letter, digit or _ and at most 127 more of letters, digits, . _ -",
                reference=text[:160],
            )
        return cls(text)

    def __str__(self) -> str:
        return self.value


# The last part of a manifest's path. (In June 2026 the specification's main branch renamed it
# <tag-or-digest>; release 1.1.1 and ACR still say reference.)
Reference = Tag | Digest


def parse_reference(text: str) -> Reference:
    """Read a tag or a digest; raise InvalidReference if it is neither."""
    if ":" not in text:  # no tag contains a colon, every digest does
        return Tag.parse(text)
    try:
        return Digest.parse(text)
    except InvalidDigest as refused:
        raise InvalidReference(refused.message, reference=text[:160]) from None
