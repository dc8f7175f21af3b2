"""The four switches of a repository, a tag or a manifest."""

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from msgspec import Struct

from acrux.errors import Disallowed


class Attributes(Struct, frozen=True):
    """What may be done with a repository, a tag or a manifest (acr-protocol.md §5.5)."""

    delete_enabled: bool = True
    write_enabled: bool = True
    list_enabled: bool = True
    read_enabled: bool = True


class AttributesChange(Struct, frozen=True):
    """Which switches to set, and how; None leaves one as it is."""

    delete_enabled: bool | None = None
    write_enabled: bool | None = None
    list_enabled: bool | None = None
    read_enabled: bool | None = None


UNLOCKED: Final = Attributes()

# It begins as ACR's own message does (acr-protocol.md §5.6).
_LOCKED: Final = (
    "The operation is disallowed on this registry, repository or image: {what} is locked, with "
    "{switch}-enabled false. acrux repository update {option} NAME --{switch}-enabled true unlocks "
    "it"
)


class Operation(Enum):
    """What a caller is about to do within a repository, or to the whole of it."""

    READ = auto()
    WRITE = auto()
    DELETE = auto()
    DELETE_REPOSITORY = auto()


# The switches that must be on: of the repository, and of each tag and manifest.
_NEEDED: Final[dict[Operation, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    Operation.READ: (("read",), ("read",)),
    Operation.WRITE: (("write",), ("write",)),
    Operation.DELETE: (("write",), ("write", "delete")),
    Operation.DELETE_REPOSITORY: (("write", "delete"), ("write", "delete")),
}


def check(operation: Operation, repository: Attributes, items: Iterable[Attributes] = ()) -> None:
    """Raise Disallowed if a switch of the repository, or of one of the items, forbids it.

    `items` are the tags and manifests that would be read, overwritten or deleted. This is the one
    place that decides on locks (acr-protocol.md §5.5). If a repository may not be written, nothing
    can be pushed to it or deleted from it. If it may not be deleted, single images still can be.
    """
    of_repository, of_items = _NEEDED[operation]
    if switch := _off(of_repository, repository):
        raise Disallowed(
            _LOCKED.format(what="the repository", option="--repository", switch=switch)
        )
    for item in items:
        if switch := _off(of_items, item):
            what = "a tag or a manifest that this is about"
            raise Disallowed(_LOCKED.format(what=what, option="--image", switch=switch))


def _off(needed: tuple[str, ...], found: Attributes) -> str:
    """The first of the switches that is off, empty if none is."""
    return next((switch for switch in needed if not getattr(found, f"{switch}_enabled")), "")
