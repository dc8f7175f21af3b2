"""The operations about space."""

from acrux.domain.access.scope import READ, WRITE
from acrux.http.management.operation import PAGED, Operation
from acrux.http.management.storage import shapes
from acrux.http.management.storage.bodies import Purge, Restore
from acrux.http.management.storage.deleted import DeletedManagement
from acrux.http.management.storage.handlers import StorageHandlers


def operations(handlers: StorageHandlers) -> tuple[Operation, ...]:
    """Every operation about space."""
    collection, usage = handlers.collection, handlers.usage
    return (
        Operation(
            "GET", "/gc", READ, collection.status, "Show what waits to be collected.",
            answer=shapes.CollectionStatus,
        ),
        Operation(
            "POST", "/gc/run", WRITE, collection.run,
            "Remove what is due, for ten seconds at most.", answer=shapes.CollectionRun,
        ),
        Operation(
            "GET", "/gc/why/{digest}", READ, collection.why,
            "Explain what keeps a blob or manifest.", answer=shapes.Why, query=("repository",),
        ),
        Operation(
            "GET", "/gc/whatIf", READ, collection.what_if, "Say what a deletion would free.",
            answer=shapes.WhatIf, query=("delete",), required=("delete",),
        ),
        Operation(
            "GET", "/usage", READ, usage.show,
            "Show what the registry holds, and its largest repositories.",
            answer=shapes.RegistryUsage, query=("largest",),
        ),
        Operation(
            "GET", "/usage/repositories", READ, usage.show_some,
            "Show what a repository holds, or all repositories below a prefix.",
            answer=shapes.Usage, query=("repository", "prefix"),
        ),
        Operation(
            "GET", "/listUsages", READ, usage.list,
            "List what is used and its limits, as `az acr show-usage` does.",
            answer=shapes.UsageEntryList,
        ),
        *_deleted(handlers.deleted),
    )  # fmt: skip


def _deleted(deleted: DeletedManagement) -> tuple[Operation, ...]:
    return (
        Operation(
            "GET", "/deleted", READ, deleted.list_repositories,
            "List the repositories of which something can be restored.",
            answer=shapes.DeletedRepositoryList, query=PAGED,
        ),
        Operation(
            "GET", "/deleted/manifests", READ, deleted.list_manifests,
            "List the deleted manifests of a repository.",
            answer=shapes.DeletedManifestList, query=("repository", *PAGED),
            required=("repository",),
        ),
        Operation(
            "GET", "/deleted/tags", READ, deleted.list_tags,
            "List the deleted tags of a repository.",
            answer=shapes.DeletedTagList, query=("repository", *PAGED),
            required=("repository",),
        ),
        Operation(
            "POST", "/deleted/restore", WRITE, deleted.restore,
            "Restore a manifest, or the whole deleted repository.", Restore, status=204,
        ),
        Operation(
            "POST", "/deleted/purge", WRITE, deleted.purge,
            "Remove a deleted manifest for good, or all that was deleted of a repository.",
            Purge, status=204,
        ),
    )  # fmt: skip
