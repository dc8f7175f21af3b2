"""Soft delete: for how long what was deleted can be restored."""

from collections.abc import Iterable
from typing import ClassVar, Final

from msgspec import Struct

from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.policies.definition import check_pattern
from acrux.errors import InvalidInput

DEFAULT_DAYS: Final = 7
MAX_DAYS: Final = 90


class SoftDeletePolicy(Struct, frozen=True, kw_only=True):
    """What is deleted in these repositories can be restored for `days` (acr-protocol.md §5.8).

    A pattern has at most one policy, and its name is the pattern.
    """

    kind: ClassVar[str] = "soft-delete"
    title: ClassVar[str] = "soft-delete policy"

    repositories: str
    days: int = DEFAULT_DAYS
    is_enabled: bool = True

    @property
    def name(self) -> str:
        """The pattern of the repositories."""
        return self.repositories

    def check(self) -> None:
        """Raise InvalidInput if it is invalid."""
        check_pattern(self.repositories)
        if not 1 <= self.days <= MAX_DAYS:
            raise InvalidInput(f"what is deleted can be restored for 1 to {MAX_DAYS} days")


def applying(policies: Iterable[SoftDeletePolicy], repository: str) -> SoftDeletePolicy | None:
    """The policy with the most specific pattern that covers the repository, if it is enabled.

    So a disabled policy for `scratch/*` exempts these repositories from an enabled one for `*`.
    """
    found = [one for one in policies if RepositoryPattern(one.repositories).covers(repository)]
    nearest = max(found, key=lambda one: _specificity(one.repositories), default=None)
    return nearest if nearest is not None and nearest.is_enabled else None


def _specificity(pattern: str) -> tuple[bool, int]:
    # A name is more specific than a pattern, and a longer pattern more than a shorter one.
    return not pattern.endswith("*"), len(pattern)
