"""The objects about space, which the commands also print."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from acrux.domain.content.storage import deleted, space
from acrux.http.management.storage.sentences import grounds
from acrux.services.content.collection import Freed, Status
from acrux.services.content.space import Limited

Size: TypeAlias = Annotated[int, Meta(description="In bytes.")]


class Lease(Struct, rename="camel", kw_only=True):
    """The process that collects, and until when no other one does."""

    holder: str
    expires_at: datetime


class CollectionStatus(Struct, rename="camel", kw_only=True):
    """What waits to be collected.

    `due` of the `reviews` are due, the oldest since `oldestDue`. `bytes` are those of the copies.
    Nothing is collected until `isCounted`.
    """

    reviews: int
    due: int
    oldest_due: datetime | None
    holds: int
    repositories: int
    copies: int
    bytes: Size
    is_counted: bool
    lease: Lease | None


class CollectionRun(Struct, rename="camel", kw_only=True):
    """What a run removed; unless `isDone`, more is due, and another call goes on."""

    manifests: int
    blobs: int
    repositories: int
    copies: int
    uploads: int
    bytes: Size
    is_done: bool


class ChainStep(Struct, rename="camel", kw_only=True):
    """One step of a chain, and since when it is as it is."""

    type: Literal["tag", "index", "manifest", "referrer", "blob"]
    name: str
    since: datetime


class Chain(Struct, rename="camel", kw_only=True):
    """What refers to what, down to the digest; `reason` says why the first step is kept."""

    steps: list[ChainStep]
    ground: Literal["tag", "untagged", "hold", "review", "lock", "deleted", "nothing"]
    at: datetime | None
    by: str
    reason: str


class Keeper(Struct, rename="camel", kw_only=True):
    """A repository that has the digest. There may be `more` chains than these."""

    repository: str
    is_deleted: bool
    cleared_at: datetime | None
    chains: list[Chain]
    more: bool


class Why(Struct, rename="camel", kw_only=True):
    """What keeps a digest. There may be `more` repositories than these.

    If nothing does, its bytes are removed at `removedAt`.
    """

    digest: str
    size: Size
    removed_at: datetime | None
    repositories: list[Keeper]
    more: bool


class Amount(Struct, rename="camel", kw_only=True):
    """Manifests and blobs, and their sizes."""

    manifests: int
    manifest_bytes: Size
    blobs: int
    blob_bytes: Size


class Share(Struct, rename="camel", kw_only=True):
    """A repository that has some of the blobs too."""

    repository: str
    blobs: int
    bytes: Size


class WhatIf(Struct, rename="camel", kw_only=True):
    """What a deletion would free: at once, and at `dueAt`.

    `shared` stays, since the repositories of `sharedWith`, and perhaps `more`, refer to it too.
    Unless `isComplete`, all of this is at least so much.
    """

    now: Amount
    later: Amount
    due_at: datetime
    shared: Amount
    shared_with: list[Share]
    more: bool
    is_complete: bool


class Usage(Struct, rename="camel", kw_only=True):
    """What repositories hold, each blob counted once.

    `own` would be freed with them; it is null where it is not computed.
    """

    name: str
    repositories: int
    tags: int
    content: Amount
    own: Amount | None


class RegistryUsage(Struct, rename="camel", kw_only=True):
    """What the registry holds, and its largest repositories.

    `deleted` are the manifests of deleted repositories that are not cleared yet. `waitingBytes`
    nothing refers to any more. Unless `isCounted`, part of it is still to be counted.
    """

    total: Usage
    deleted: Amount
    waiting_bytes: Size
    repositories: list[Usage]
    is_counted: bool


class UsageEntry(Struct, rename="camel", kw_only=True):
    """One entry of ARM's RegistryUsage; the limit is -1 if there is none."""

    name: str
    limit: int
    current_value: int
    unit: Literal["Bytes", "Count"]


class UsageEntryList(Struct):
    """What `az acr show-usage` lists (ARM, Registries - List Usages)."""

    value: list[UsageEntry]


def status(found: Status) -> CollectionStatus:
    """What waits."""
    queue, lease = found.queue, found.lease
    return CollectionStatus(
        reviews=queue.reviews,
        due=queue.due,
        oldest_due=queue.oldest_due,
        holds=queue.holds,
        repositories=queue.repositories,
        copies=queue.copies,
        bytes=queue.bytes,
        is_counted=queue.is_counted,
        lease=Lease(holder=lease.holder, expires_at=lease.expires_at) if lease else None,
    )


def run(freed: Freed, *, is_done: bool) -> CollectionRun:
    """What a run removed."""
    return CollectionRun(
        manifests=freed.manifests,
        blobs=freed.blobs,
        repositories=freed.repositories,
        copies=freed.copies,
        uploads=freed.uploads,
        bytes=freed.bytes,
        is_done=is_done,
    )


def why(kept: space.Kept) -> Why:
    """What keeps a digest."""
    return Why(
        digest=str(kept.digest),
        size=kept.size,
        removed_at=kept.removed_at,
        repositories=[_keeper(one) for one in kept.keepers],
        more=kept.more,
    )


def _keeper(keeper: space.Keeper) -> Keeper:
    return Keeper(
        repository=keeper.name,
        is_deleted=keeper.is_deleted,
        cleared_at=keeper.cleared_at,
        chains=[_chain(one) for one in keeper.chains],
        more=keeper.more,
    )


def _chain(chain: space.Chain) -> Chain:
    return Chain(
        steps=[
            ChainStep(type=step.thing.value, name=step.name, since=step.since)
            for step in chain.steps
        ],
        ground=chain.ground.value,
        at=chain.at,
        by=chain.by,
        reason=grounds(chain),
    )


def what_if(found: space.Freeable) -> WhatIf:
    """What a deletion would free."""
    return WhatIf(
        now=_amount(found.now),
        later=_amount(found.later),
        due_at=found.due_at,
        shared=_amount(found.shared),
        shared_with=[
            Share(repository=one.name, blobs=one.blobs, bytes=one.size) for one in found.shared_with
        ],
        more=found.more,
        is_complete=found.is_complete,
    )


def usage(found: space.Usage) -> Usage:
    """What repositories hold."""
    return Usage(
        name=found.name,
        repositories=found.repositories,
        tags=found.tags,
        content=_amount(found.content),
        own=_amount(found.own) if found.own else None,
    )


def registry(found: space.Usages) -> RegistryUsage:
    """What the registry holds."""
    return RegistryUsage(
        total=usage(found.total),
        deleted=_amount(found.deleted),
        waiting_bytes=found.waiting_bytes,
        repositories=[usage(one) for one in found.largest],
        is_counted=found.is_counted,
    )


def usages(found: Limited) -> UsageEntryList:
    """As ARM lists it. What acrux has no limit for, or does not have, is left out."""
    limit = -1 if found.limit is None else found.limit
    size = UsageEntry(name="Size", limit=limit, current_value=found.used, unit="Bytes")
    return UsageEntryList([size])


def _amount(amount: space.Amount) -> Amount:
    return Amount(
        manifests=amount.manifests,
        manifest_bytes=amount.manifest_bytes,
        blobs=amount.blobs,
        blob_bytes=amount.blob_bytes,
    )


class DeletedRepositoryList(Struct, rename="camel", kw_only=True):
    """A page of the repositories of which something can be restored."""

    value: list[str]


class DeletedManifest(Struct, rename="camel", kw_only=True):
    """A manifest that can be restored until it expires."""

    digest: str
    media_type: str
    image_size: Size
    created_time: datetime
    last_update_time: datetime
    deleted_at: datetime
    expires_after: datetime


class DeletedManifestList(Struct, rename="camel", kw_only=True):
    """A page of deleted manifests."""

    value: list[DeletedManifest]


class DeletedTag(Struct, rename="camel", kw_only=True):
    """A tag that can be restored until it expires."""

    tag: str
    digest: str
    deleted_at: datetime
    expires_after: datetime


class DeletedTagList(Struct, rename="camel", kw_only=True):
    """A page of deleted tags; of one name, the one deleted last comes last."""

    value: list[DeletedTag]


def deleted_manifest(manifest: deleted.DeletedManifest) -> DeletedManifest:
    """A deleted manifest."""
    return DeletedManifest(
        digest=manifest.digest,
        media_type=manifest.media_type,
        image_size=manifest.size,
        created_time=manifest.created_at,
        last_update_time=manifest.updated_at,
        deleted_at=manifest.deleted_at,
        expires_after=manifest.expires_at,
    )


def deleted_tag(tag: deleted.DeletedTag) -> DeletedTag:
    """A deleted tag."""
    return DeletedTag(
        tag=tag.name, digest=tag.digest, deleted_at=tag.deleted_at, expires_after=tag.expires_at
    )
