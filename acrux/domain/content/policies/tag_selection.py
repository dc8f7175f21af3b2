"""Which tags a policy is about: globs, and expressions that cannot hang."""

import re
from fnmatch import fnmatchcase
from typing import Any, Final, Protocol

from msgspec import Struct

from acrux.errors import InvalidInput

MAX_GLOB_CHARACTERS: Final = 128  # of a tag
MAX_FILTER_CHARACTERS: Final = 512

# The characters of a tag, and two wildcards.
GLOB: Final = re.compile(r"[a-zA-Z0-9._*?-]+")

# What a compiled expression may take, in bytes. re2 keeps the last 128 of them, and allows 8 MiB
# for each by default.
_MAX_MEMORY: Final = 256 * 1024

# A selection that matches all of these is taken to match every tag.
_ALL_KINDS: Final = ("latest", "_", "0", "V1.2-rc_3", "dev-20261129", "z" * 128)


class Expression(Protocol):
    """A compiled regular expression."""

    def search(self, text: str, /) -> object:
        """What matches in the text; None if nothing does."""
        ...


def check_globs(globs: tuple[str, ...]) -> None:
    """Raise InvalidInput if one of them is not a tag with `*` and `?` as wildcards."""
    for glob in globs:
        if len(glob) > MAX_GLOB_CHARACTERS or GLOB.fullmatch(glob) is None:
            raise InvalidInput(
                "tags are named as they are, or with * for any characters and ? for any one, such "
                f"as dev-*, in at most {MAX_GLOB_CHARACTERS} characters",
                tag=glob[:160],
            )


def matches_glob(globs: tuple[str, ...], tag: str) -> bool:
    """Whether one of the globs matches the whole tag. The case of letters matters."""
    return any(fnmatchcase(tag, glob) for glob in globs)


def compile_filter(text: str) -> Expression:
    """The regular expression, which matches in time linear in the text (RE2).

    Raises InvalidInput if it cannot be read, or is too long.
    """
    import re2  # noqa: PLC0415 -- it takes 15 ms, and most registries have no filter

    if len(text) > MAX_FILTER_CHARACTERS:
        raise InvalidInput(f"a filter has at most {MAX_FILTER_CHARACTERS} characters")
    options = re2.Options()
    options.max_mem = _MAX_MEMORY
    options.log_errors = False
    try:
        compiled: Any = re2.compile(text, options)
    except re2.error as refused:
        why = refused.args[0].decode(errors="replace")
        raise InvalidInput(
            f"the filter is not a regular expression of RE2: {why}. Look-ahead, look-behind and "
            "back-references are not supported; an exception can be given as a tag to keep",
            filter=text[:160],
        ) from None
    expression: Expression = compiled
    return expression


class TagSelection(Struct, frozen=True):
    """The tags that a glob or the filter matches, without those that an exception matches.

    As in `acr purge --filter`, the filter may match anywhere in the tag; `^` and `$` anchor it.
    Without globs and filter, nothing is selected.
    """

    globs: tuple[str, ...]
    expression: Expression | None
    exceptions: tuple[str, ...]

    def selects(self, tag: str) -> bool:
        """Whether the tag is selected."""
        return self._matches(tag) and not matches_glob(self.exceptions, tag)

    def _matches(self, tag: str) -> bool:
        if matches_glob(self.globs, tag):
            return True
        return self.expression is not None and bool(self.expression.search(tag))

    @property
    def selects_all(self) -> bool:
        """Whether it seems to select every tag but the exceptions: it matches one of each kind."""
        return all(map(self._matches, _ALL_KINDS))
