"""Write-once tags: once pushed, they can be neither moved nor deleted."""

from collections.abc import Iterable
from typing import ClassVar

from msgspec import Struct

from acrux.domain.content.policies.definition import (
    check_name,
    check_patterns,
    check_size,
    covers,
)
from acrux.domain.content.policies.tag_selection import check_globs, matches_glob
from acrux.errors import TagIsWriteOnce


class WriteOncePolicy(Struct, frozen=True, kw_only=True):
    """In these repositories a tag is written once, except those that a glob of `except_tags` names.

    ACR has only locks, one for each tag (Azure/acr#890). Patterns and globs are kept as text.
    """

    kind: ClassVar[str] = "write-once"
    title: ClassVar[str] = "write-once policy"

    name: str
    repositories: tuple[str, ...]
    except_tags: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise InvalidInput if it is invalid."""
        check_name(self.name, self.title)
        check_patterns(self.repositories, self.title)
        check_globs(self.except_tags)
        check_size(self, self.title)

    def forbids(self, repository: str, tag: str) -> bool:
        """Whether it forbids to move or delete this tag, if the tag exists."""
        return covers(self.repositories, repository) and not matches_glob(self.except_tags, tag)


def forbids(
    policies: Iterable[WriteOncePolicy], repository: str, tag: str
) -> WriteOncePolicy | None:
    """The first policy that forbids to move or delete this tag, None if none does.

    Policies add up: an exception of one does not lift another.
    """
    return next((policy for policy in policies if policy.forbids(repository, tag)), None)


def check_movable(policies: Iterable[WriteOncePolicy], repository: str, tag: str) -> None:
    """Raise TagIsWriteOnce, which names the policy, if an existing tag may not move or go."""
    policy = forbids(policies, repository, tag)
    if policy is not None:
        raise TagIsWriteOnce(
            "The operation is disallowed on this registry, repository or image: the tag "
            f"{tag} of {repository} exists, and the write-once policy {policy.name} forbids "
            "moving or deleting it. Push another tag, or ask the administrator for an exception",
            policy=policy.name,
            repository=repository,
            tag=tag,
        )
