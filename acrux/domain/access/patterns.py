"""Which repositories a rule speaks of: one, all below another, or all."""

from typing import Final, Self

from msgspec import Struct

from acrux.domain.content.names import RepositoryName
from acrux.errors import InvalidName, InvalidScope

ANY_REPOSITORY: Final = "*"


class RepositoryPattern(Struct, frozen=True):
    """Repositories a rule speaks of: one name, all below a prefix (`team/*`), or all (`*`).

    The only wildcard is a whole last component (acr-protocol.md §4.3), so `team/*` speaks of
    `team/app` and `team/app/x`, and not of `team` itself.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern; raise InvalidScope where the wildcard stands anywhere else."""
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
        """Whether it speaks of every repository."""
        return self.text == ANY_REPOSITORY

    @property
    def prefix(self) -> str | None:
        """What the names below it begin with, None where it speaks of one name or of all."""
        return self.text.removesuffix("*") if self.text.endswith("/*") else None

    def covers(self, name: str) -> bool:
        """Whether the rule speaks of this repository; of `*` only where it speaks of all."""
        if self.covers_all:
            return True
        if self.prefix is not None:
            return name.startswith(self.prefix) and name != ANY_REPOSITORY
        return name == self.text

    def covers_every(self, other: Self) -> bool:
        """Whether it speaks of every repository that the other one speaks of."""
        if self.covers_all or self == other:
            return True
        within = other.prefix or other.text
        return self.prefix is not None and not other.covers_all and within.startswith(self.prefix)


EVERY_REPOSITORY: Final = RepositoryPattern(ANY_REPOSITORY)
