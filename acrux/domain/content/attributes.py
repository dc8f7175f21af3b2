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


class Operation(Enum):
    """What a caller is about to do within a repository, or to the whole of it."""

    READ = auto()
    WRITE = auto()
    DELETE = auto()
    DELETE_REPOSITORY = auto()


def check(operation: Operation, repository: Attributes, items: Iterable[Attributes] = ()) -> None:
    """Raise Disallowed if a switch of the repository, or of one of the items, forbids it.

    `items` are the tags and manifests that would be read, overwritten or deleted. This is the one
    place that decides on locks (acr-protocol.md §5.5). If a repository may not be written, nothing
    can be pushed to it or deleted from it. If it may not be deleted, single images still can be.
    """
    if not _allows(operation, repository, tuple(items)):
        raise Disallowed


def _allows(operation: Operation, repository: Attributes, items: tuple[Attributes, ...]) -> bool:
    match operation:
        case Operation.READ:
            return all(item.read_enabled for item in (repository, *items))
        case Operation.WRITE:
            return all(item.write_enabled for item in (repository, *items))
        case Operation.DELETE:
            return repository.write_enabled and _are_deletable(items)
    return _are_deletable((repository, *items))  # what is left: DELETE_REPOSITORY


def _are_deletable(items: Iterable[Attributes]) -> bool:
    return all(item.write_enabled and item.delete_enabled for item in items)
