"""What all policies have: a name, patterns of repositories, a bound."""

import re
from collections.abc import Iterable
from typing import ClassVar, Final, Protocol

import msgspec
from msgspec import Struct

from acrux.domain.content.patterns import RepositoryPattern
from acrux.errors import InvalidInput, InvalidScope

MAX_POLICIES: Final = 500  # of a kind: all are read in the transactions that obey them
MAX_DEFINITION_BYTES: Final = 4096

# As scope maps are named (acr-protocol.md §4.3). Names that begin with an underscore are reserved.
NAME: Final = re.compile(r"[a-zA-Z0-9-][a-zA-Z0-9_-]{4,49}")


class Policy(Protocol):
    """A policy of any kind: data that an administrator defines, and transactions obey."""

    kind: ClassVar[str]  # in the database
    title: ClassVar[str]  # in messages

    @property
    def name(self) -> str:
        """Its name, unique among those of its kind."""

    def check(self) -> None:
        """Raise InvalidInput if it is invalid."""


def warnings(patterns: Iterable[str], tags: Iterable[str] = ()) -> list[str]:
    """Sentences on patterns that no repository matches, and on globs or filters that no tag does.

    They may be mistyped, or what they are about may come later.
    """
    return [
        *(f"no repository matches {pattern} at present" for pattern in patterns),
        *(f"no tag there matches {text} at present" for text in tags),
    ]


def check_name(name: str, title: str) -> None:
    """Raise InvalidInput if a policy cannot have this name; `title` says what is named."""
    if NAME.fullmatch(name) is None:
        raise InvalidInput(
            f"the name of a {title} has 5 to 50 letters, digits, - and _, and does not begin "
            "with _",
            name=name[:60],
        )


def check_patterns(texts: tuple[str, ...], title: str) -> None:
    """Raise InvalidInput if there is no pattern, or one is invalid."""
    if not texts:
        raise InvalidInput(f"a {title} names at least one repository, such as team/app or team/*")
    for text in texts:
        check_pattern(text)


def check_pattern(text: str) -> None:
    """Raise InvalidInput if the text is not a pattern of repositories."""
    try:
        RepositoryPattern.parse(text)
    except InvalidScope as refused:
        raise InvalidInput(refused.message, **refused.detail) from None


def check_size(policy: Struct, title: str) -> None:
    """Raise InvalidInput if the definition takes more than MAX_DEFINITION_BYTES as JSON."""
    if len(msgspec.json.encode(policy)) > MAX_DEFINITION_BYTES:
        raise InvalidInput(
            f"the definition of a {title} takes at most {MAX_DEFINITION_BYTES} bytes: divide it"
        )


def covers(texts: tuple[str, ...], repository: str) -> bool:
    """Whether one of the patterns covers the repository."""
    return any(RepositoryPattern(text).covers(repository) for text in texts)
