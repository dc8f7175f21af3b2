"""Which repositories a rule covers: one, all below a prefix, or all."""

from collections.abc import Iterable
from typing import Final, Self

from msgspec import Struct

from acrux.domain.content.names import RepositoryName
from acrux.errors import InvalidName, InvalidScope

ANY_REPOSITORY: Final = "*"


class RepositoryPattern(Struct, frozen=True):
    """The repositories that a rule covers: one name, all below a prefix (`team/*`), or all (`*`).

    The only wildcard is a whole last component (acr-protocol.md §4.3): `team/*` covers `team/app`
    and `team/app/x`, but not `team` itself.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern; raise InvalidScope if it is invalid, or has a wildcard elsewhere."""
        prefix = text.removesuffix("/*")
        if text != ANY_REPOSITORY:
            try:
                RepositoryName.parse(prefix)
            except InvalidName:
                raise InvalidScope(
                    "a rule names one repository, all below one (team/*), or all (*)",
                    repository=text[:160],
                ) from None
        return cls(text)

    @property
    def covers_all(self) -> bool:
        """Whether it covers every repository."""
        return self.text == ANY_REPOSITORY

    @property
    def prefix(self) -> str | None:
        """What the names below it begin with; None if it covers one name or all of them."""
        return self.text.removesuffix("*") if self.text.endswith("/*") else None

    def covers(self, name: str) -> bool:
        """Whether it covers this repository. Only the pattern `*` covers the name `*`."""
        if self.covers_all:
            return True
        if self.prefix is not None:
            return name.startswith(self.prefix) and name != ANY_REPOSITORY
        return name == self.text

    def covers_every(self, other: Self) -> bool:
        """Whether it covers every repository that the other pattern covers."""
        if self.covers_all or self == other:
            return True
        within = other.prefix or other.text
        return self.prefix is not None and not other.covers_all and within.startswith(self.prefix)


def narrowed(
    patterns: Iterable[RepositoryPattern], below: RepositoryPattern
) -> tuple[RepositoryPattern, ...]:
    """What of the patterns lies below another one, such as `team/*`."""
    within = (
        below if one.covers_every(below) else one
        for one in patterns
        if one.covers_every(below) or below.covers_every(one)
    )
    return tuple(dict.fromkeys(within))


EVERY_REPOSITORY: Final = RepositoryPattern(ANY_REPOSITORY)
