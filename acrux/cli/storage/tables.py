"""Answers about space, for people."""

from collections.abc import Iterator, Sequence

from acrux.domain.content.byte_sizes import written_bytes
from acrux.http.management.storage import sentences
from acrux.http.management.storage.sentences import instant
from acrux.http.management.storage.shapes import (
    Amount,
    CollectionStatus,
    Keeper,
    RegistryUsage,
    Usage,
    WhatIf,
    Why,
)

# The columns of a table, and its rows.
Table = tuple[Sequence[str], Sequence[Sequence[str]]]

_USAGE = ("REPOSITORY", "SIZE", "OWN", "MANIFESTS", "BLOBS", "TAGS")


def status(found: CollectionStatus) -> Table:
    """What waits to be collected."""
    counts = (found.due, found.reviews, found.holds, found.repositories)
    return (
        ("DUE", "REVIEWS", "HOLDS", "REPOSITORIES", "SIZE", "OLDEST DUE", "COUNTED", "COLLECTING"),
        [
            (
                *map(str, counts),
                written_bytes(found.bytes),
                instant(found.oldest_due),
                "yes" if found.is_counted else "not yet",
                f"until {instant(found.lease.expires_at)}" if found.lease else "nobody",
            )
        ],
    )


def why(kept: Why) -> Iterator[str]:
    """What keeps a digest, as a tree in each repository."""
    yield f"{kept.digest}: {written_bytes(kept.size)}"
    if kept.removed_at is not None:
        yield f"nothing refers to it any more: its bytes go at {instant(kept.removed_at)}"
    for keeper in kept.repositories:
        yield ""
        yield sentences.keeper(
            keeper.repository, is_deleted=keeper.is_deleted, cleared_at=keeper.cleared_at
        )
        yield from _chains(keeper)
    if kept.more:
        yield ""
        yield "There are more repositories that have it: name one with --repository."


def _chains(keeper: Keeper) -> Iterator[str]:
    for chain in keeper.chains:
        yield f"  {chain.reason}:"
        for depth, step in enumerate(chain.steps, 2):
            yield "  " * depth + sentences.step(step.type, step.name, step.since)
    if keeper.more:
        yield "  and more that refers to it"


def freeable(found: WhatIf) -> Table:
    """What a deletion would free, and when."""
    return (
        ("", "MANIFESTS", "BLOBS", "SIZE"),
        [
            ("freed at once", *_amount(found.now)),
            (f"freed from {instant(found.due_at)} on", *_amount(found.later)),
            ("shared, and stays", *_amount(found.shared)),
        ],
    )


def _amount(amount: Amount) -> tuple[str, str, str]:
    return str(amount.manifests), str(amount.blobs), written_bytes(_size(amount))


def _size(amount: Amount) -> int:
    return amount.manifest_bytes + amount.blob_bytes


def notes(found: WhatIf) -> Iterator[str]:
    """With whom something is shared, and what is not known."""
    for share in found.shared_with:
        yield f"shared with {share.repository}: {share.blobs} blobs, {written_bytes(share.bytes)}"
    if found.more:
        yield "and with more repositories"
    if not found.is_complete:
        yield "That is part of it: more would be freed than could be looked at."


def usage(found: Sequence[Usage]) -> Table:
    """What repositories hold."""
    return _USAGE, [_usage(one, one.name) for one in found]


def registry(found: RegistryUsage) -> Table:
    """What the registry holds, under its largest repositories."""
    total = _usage(found.total, f"(all {found.total.repositories})")
    return _USAGE, [*(_usage(one, one.name) for one in found.repositories), total]


def _usage(found: Usage, name: str) -> tuple[str, ...]:
    own = "" if found.own is None else written_bytes(_size(found.own))
    content = found.content
    counts = (content.manifests, content.blobs, found.tags)
    return (name, written_bytes(_size(content)), own, *map(str, counts))


def registry_notes(found: RegistryUsage) -> Iterator[str]:
    """What else takes space, and what is not known."""
    if found.deleted.manifests:
        yield f"{found.deleted.manifests} of the manifests are those of deleted repositories."
    if found.waiting_bytes:
        yield f"{written_bytes(found.waiting_bytes)} more wait to be removed: acrux gc status"
    if not found.is_counted:
        yield "What an earlier acrux stored is still being counted: acrux gc run --wait"
