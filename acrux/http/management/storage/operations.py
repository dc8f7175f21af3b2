"""The operations about space."""

from acrux.domain.access.scope import READ, WRITE
from acrux.http.management.operation import Operation
from acrux.http.management.storage import shapes
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
            answer=shapes.WhatIf, query=("delete",),
        ),
        Operation(
            "GET", "/usage", READ, usage.show,
            "Show what the registry holds, and its largest repositories.",
            answer=shapes.RegistryUsage,
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
    )  # fmt: skip
