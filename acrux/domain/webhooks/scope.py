"""Which repositories and tags a webhook is about."""

from collections.abc import Collection
from typing import Self

from msgspec import Struct

from acrux.domain.content.names import RepositoryName, Tag
from acrux.errors import InvalidInput, InvalidName, InvalidReference


class EventScope(Struct, frozen=True):
    """All events, those of a repository, or those of one of its tags (acr-protocol.md §5.9).

    scope ::= "" | name ":*" | name ":" tag | name, which stands for name ":latest"

    An empty `repository` is all of them, an empty `tag` every tag.
    """

    repository: str = ""
    tag: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a scope. Raises InvalidInput."""
        if not text:
            return cls()
        repository, colon, tag = text.partition(":")
        try:
            RepositoryName.parse(repository)
            if colon and tag != "*":
                Tag.parse(tag)
        except (InvalidName, InvalidReference):
            raise InvalidInput(
                "the scope of a webhook is empty for all events, or REPOSITORY:*, or "
                "REPOSITORY:TAG, or REPOSITORY for its tag latest",
                scope=text[:160],
            ) from None
        if not colon:
            tag = "latest"
        return cls(repository, "" if tag == "*" else tag)

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag or '*'}" if self.repository else ""

    def covers(self, repository: str, tags: Collection[str]) -> bool:
        """Whether it covers what happens to these tags, and to content that has no other tag."""
        return self.repository in ("", repository) and (not self.tag or self.tag in tags)
