"""What `acr purge` removes: its filters, its ages, and what it keeps."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Self

from msgspec import Struct

from acrux.domain.content.policies.tag_selection import Expression, compile_filter
from acrux.errors import InvalidInput

MAX_FILTERS: Final = 100
MAX_KEPT: Final = 1_000_000
MAX_AGE: Final = timedelta(days=150 * 365)  # as in acr-cli, which says that more would overflow

# What comes before a colon that does not end the repository: `(?:`, `(?i:`, `[:`, `[^:`.
_WITHIN: Final = re.compile(r"(?:\(\?[imsU-]{0,5}|\[\^*)\Z")

# Go's durations (https://pkg.go.dev/time#ParseDuration), with days before them.
_AGE: Final = re.compile(
    r"(?:([0-9]{1,9})d)?((?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ns|us|µs|ms|s|m|h))*)"
)
_PART: Final = re.compile(r"([0-9.]+)([a-zµ]+)")
_MICROSECONDS: Final = {
    "ns": 0.001, "us": 1, "µs": 1, "ms": 1000, "s": 1e6, "m": 60e6, "h": 3600e6,
}  # fmt: skip


class Filter(Struct, frozen=True):
    """Repositories by a whole name, and tags by any part of it, as regular expressions."""

    text: str
    repositories: Expression
    tags: Expression

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `repository:tag`, both regular expressions (RE2). Raises InvalidInput.

        A colon of a group or of a class of characters, such as `(?:` or `[:alpha:]`, divides
        nothing.
        """
        places = [
            place
            for place, character in enumerate(text)
            if character == ":" and text[place + 1 : place + 2] != "]"
            and not _WITHIN.search(text, 0, place)
        ]  # fmt: skip
        parts = (text[: places[0]], text[places[0] + 1 :]) if len(places) == 1 else ("", "")
        if not all(parts):
            raise InvalidInput(
                "a filter is a repository and a tag, both as regular expressions, with one colon "
                "between them, such as team/app:^dev- or .*:.*",
                filter=text[:160],
            )
        return cls(text, compile_filter(f"^(?:{parts[0]})$"), compile_filter(parts[1]))


class Purge(Struct, frozen=True, kw_only=True):
    """What to remove: tags, and with `untagged` or `untagged_only` manifests, older than `ago`.

    Of what it would remove, it keeps the `keep` newest tags and the `keep` newest manifests.
    Without filters it is about all repositories.
    """

    filters: tuple[Filter, ...] = ()
    ago: timedelta = timedelta()
    keep: int = 0
    untagged: bool = False
    untagged_only: bool = False
    include_locked: bool = False

    def check(self) -> None:
        """Raise InvalidInput if it is invalid."""
        if len(self.filters) > MAX_FILTERS:
            raise InvalidInput(f"a purge has at most {MAX_FILTERS} filters")
        if not 0 <= self.keep <= MAX_KEPT:
            raise InvalidInput(f"keep is a number from 0 to {MAX_KEPT}, not {self.keep}")

    def covers(self, repository: str) -> bool:
        """Whether it is about this repository."""
        return not self.filters or any(self._of(repository))

    def tags(self, repository: str) -> tuple[Expression, ...]:
        """The expressions of its tags; a tag matches if one of them does."""
        return tuple(self._of(repository))

    def _of(self, repository: str) -> Iterable[Expression]:
        return (one.tags for one in self.filters if one.repositories.search(repository))


class Unmatched:
    """The filters of a purge that have matched nothing so far."""

    def __init__(self, purge: Purge) -> None:
        self._untagged_only = purge.untagged_only
        self._left = purge.filters

    @property
    def texts(self) -> tuple[str, ...]:
        """As they were given."""
        return tuple(one.text for one in self._left)

    def see(self, repository: str, tags: Sequence[str] = ()) -> None:
        """Take note of a repository, and of tags in it; a purge of manifests needs no tags."""
        self._left = tuple(
            one
            for one in self._left
            if not one.repositories.search(repository)
            or not (self._untagged_only or any(map(one.tags.search, tags)))
        )


class Kept:
    """Counts what a purge would remove, newest first, and lets the newest of it stay."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._counted = 0
        self._last: tuple[datetime, str] | None = None

    def keeps(self, pushed_at: datetime, name: str) -> bool:
        """Whether this next one is among those that stay."""
        if self._counted >= self._keep:
            return False
        self._counted += 1
        self._last = (pushed_at, name)
        return True

    def kept(self, pushed_at: datetime, name: str) -> bool:
        """Whether one that counts, now or later, is among those that stay, or may become one."""
        is_full = self._counted >= self._keep
        return not is_full or (self._last is not None and (pushed_at, name) >= self._last)


def parse_age(text: str) -> timedelta:
    """Read an age as `acr purge --ago` has it: days, and a duration of Go, such as 1d2h30m.

    More than MAX_AGE counts as MAX_AGE. Raises InvalidInput.
    """
    found = _AGE.fullmatch(text)
    if found is None or not text:
        raise InvalidInput(
            "an age is a number of days, hours, minutes and seconds, such as 7d, 1d2h30m or 90m",
            ago=text[:60],
        )
    days, parts = found.groups()
    exact = sum(float(count) * _MICROSECONDS[unit] for count, unit in _PART.findall(parts))
    limit = MAX_AGE / timedelta(microseconds=1)
    return min(
        MAX_AGE,
        timedelta(days=min(int(days or 0), MAX_AGE.days))
        + timedelta(microseconds=min(exact, limit)),
    )
