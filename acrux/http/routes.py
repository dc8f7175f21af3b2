"""The routing table, one row per endpoint: path, method, requirement."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from acrux.cache import memoize
from acrux.domain.access.limits import Operation
from acrux.domain.access.scope import READ, WRITE
from acrux.errors import AccessRefused, UnknownEndpoint, Unsupported
from acrux.http.access import audit, challenge, guard
from acrux.http.access.audit import Recorded
from acrux.http.access.guard import Requirement
from acrux.http.access.origin import Origin
from acrux.http.acr.catalog import CatalogHandlers
from acrux.http.acr.deleted import DeletedHandlers
from acrux.http.acr.handlers import AcrHandlers
from acrux.http.acr.permissions import PermissionHandlers
from acrux.http.health import HealthHandlers
from acrux.http.management import bodies
from acrux.http.management.handlers import ManagementHandlers
from acrux.http.management.openapi import OpenApi
from acrux.http.management.operation import ROOT
from acrux.http.management.routes import operations
from acrux.http.messages import Request, Response
from acrux.http.metrics import MetricsHandlers
from acrux.http.oauth2.handlers import TokenHandlers
from acrux.http.v2.blobs import BlobHandlers
from acrux.http.v2.listings import ListingHandlers
from acrux.http.v2.manifests import ManifestHandlers
from acrux.http.v2.uploads import UploadHandlers

Handler = Callable[[Request], Awaitable[Response]]
Challenge = Callable[[Origin, AccessRefused], str]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who may call it, what handles it, how a 401 challenges, and what the audit log records.

    `counts` is what a request counts as where that is limited, if it counts at all. `sends_blob`
    says whether its body may be a blob or a part of one.
    """

    requires: Requirement
    handler: Handler
    challenge: Challenge = challenge.bearer
    records: Recorded = audit.changes
    counts: Operation | None = None
    sends_blob: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One path of the API and its methods; `number` is the specification's."""

    number: str
    path: str
    methods: Mapping[str, Endpoint]


@dataclass(frozen=True, slots=True)
class Handlers:
    """The handlers of every part of the API."""

    tokens: TokenHandlers
    manifests: ManifestHandlers
    blobs: BlobHandlers
    uploads: UploadHandlers
    listings: ListingHandlers
    acr: AcrHandlers
    catalog: CatalogHandlers
    permissions: PermissionHandlers
    deleted: DeletedHandlers
    health: HealthHandlers
    management: ManagementHandlers
    metrics: MetricsHandlers | None = None  # if they are served here


def _reads(requires: Requirement, handler: Handler) -> Endpoint:
    return Endpoint(requires, handler, counts=Operation.READ)


def _writes(requires: Requirement, handler: Handler) -> Endpoint:
    return Endpoint(requires, handler, counts=Operation.WRITE)


def _deletes(requires: Requirement, handler: Handler) -> Endpoint:
    return Endpoint(requires, handler, counts=Operation.DELETE)


def table(handlers: Handlers) -> tuple[Row, ...]:
    """Every endpoint of the registry. What is not listed here does not exist."""
    return (
        *_uploads(handlers),
        *_v2(handlers),
        *_deleted(handlers.deleted),
        *_acr_v1(handlers),
        *_management(handlers.management),
        *_public(handlers),
        *_metrics(handlers.metrics),
    )


def _v2(handlers: Handlers) -> tuple[Row, ...]:
    list_referrers = Endpoint(guard.pull, handlers.listings.referrers, counts=Operation.REFERRERS)
    return (
        Row("end-1", "/v2/", {"GET": Endpoint(guard.any_token, handlers.health.version)}),
        Row("end-1", "/v2", {"GET": Endpoint(guard.any_token, handlers.health.version)}),
        Row(
            "catalog",
            "/v2/_catalog",
            {"GET": _reads(guard.catalog, handlers.listings.repositories)},
        ),
        Row(
            "end-3, end-7, end-9",
            "/v2/{repository}/manifests/{reference}",
            {
                "GET": _reads(guard.pull, handlers.manifests.get),
                "PUT": _writes(guard.push, handlers.manifests.put),
                "DELETE": _deletes(guard.delete, handlers.manifests.delete),
            },
        ),
        Row(
            "end-8",
            "/v2/{repository}/tags/list",
            {"GET": _reads(guard.list_tags, handlers.listings.tags)},
        ),
        Row(
            "end-12",
            "/v2/{repository}/referrers/{digest}",
            {"GET": list_referrers},
        ),
        Row(
            "end-2, end-10",
            "/v2/{repository}/blobs/{digest}",
            {
                "GET": _reads(guard.pull, handlers.blobs.get),
                "DELETE": _deletes(guard.delete, handlers.blobs.delete),
            },
        ),
    )


def _uploads(handlers: Handlers) -> tuple[Row, ...]:
    # Only the start counts: how many requests a blob takes is the choice of the client's authors.
    start_upload = Endpoint(
        guard.mount,
        handlers.uploads.start,
        records=audit.finishes,
        counts=Operation.WRITE,
        sends_blob=True,
    )
    append = Endpoint(guard.go_on, handlers.uploads.append, records=audit.finishes, sends_blob=True)
    return (
        # Some clients omit the final slash.
        Row("end-4, end-11", "/v2/{repository}/blobs/uploads/", {"POST": start_upload}),
        Row("end-4, end-11", "/v2/{repository}/blobs/uploads", {"POST": start_upload}),
        Row(
            "end-5, end-6, end-13, end-14",
            "/v2/{repository}/blobs/uploads/{upload}",
            {
                "GET": Endpoint(guard.go_on, handlers.uploads.status),
                "PATCH": append,
                "PUT": Endpoint(guard.go_on, handlers.uploads.finish, sends_blob=True),
                "DELETE": Endpoint(guard.go_on, handlers.uploads.cancel, records=audit.finishes),
            },
        ),
    )


def _deleted(handlers: DeletedHandlers) -> tuple[Row, ...]:
    # acr-protocol.md §5.1. Before the rows of which it would be a part of a repository's name.
    catalog = _reads(guard.deleted_catalog, handlers.list_repositories)
    list_manifests = _reads(guard.read_deleted, handlers.list_manifests)
    list_tags = _reads(guard.read_deleted, handlers.list_tags)
    restore = _writes(guard.restore, handlers.restore)
    return (
        Row("acr", "/acr/v1/_deleted/_catalog", {"GET": catalog}),
        Row("acr", "/acr/v1/_deleted/{repository}/_manifests", {"GET": list_manifests}),
        Row("acr", "/acr/v1/_deleted/{repository}/_tags", {"GET": list_tags}),
        Row("acr", "/acr/v1/_deleted/{repository}/_manifests/{digest}", {"POST": restore}),
    )


def _acr_v1(handlers: Handlers) -> tuple[Row, ...]:
    # acr-protocol.md §5.1, with the scopes of §1.4.
    catalog = _reads(guard.catalog, handlers.catalog.list)
    permissions = _reads(guard.any_token, handlers.permissions.show)
    list_tags = _reads(guard.read_metadata, handlers.acr.list_tags)
    list_manifests = _reads(guard.read_metadata, handlers.acr.list_manifests)
    return (
        Row("acr", "/acr/v1/_catalog", {"GET": catalog}),
        Row("acr", "/acr/v1/_permissions", {"GET": permissions}),
        Row("acr", "/acr/v1/{repository}/_tags", {"GET": list_tags}),
        Row(
            "acr",
            "/acr/v1/{repository}/_tags/{tag}",
            {
                "GET": _reads(guard.read_metadata, handlers.acr.get_tag),
                "PATCH": _writes(guard.write_metadata, handlers.acr.change_tag),
                "DELETE": _deletes(guard.untag, handlers.acr.delete_tag),
            },
        ),
        Row("acr", "/acr/v1/{repository}/_manifests", {"GET": list_manifests}),
        Row(
            "acr",
            "/acr/v1/{repository}/_manifests/{digest}",
            {
                "GET": _reads(guard.read_metadata, handlers.acr.get_manifest),
                "PATCH": _writes(guard.write_metadata, handlers.acr.change_manifest),
            },
        ),
        # Last: a repository's name would match all of the above.
        Row(
            "acr",
            "/acr/v1/{repository}",
            {
                "GET": _reads(guard.read_metadata, handlers.acr.get_repository),
                "PATCH": _writes(guard.write_metadata, handlers.acr.change_repository),
                "DELETE": _deletes(guard.delete, handlers.acr.delete_repository),
            },
        ),
    )


def _management(handlers: ManagementHandlers) -> tuple[Row, ...]:
    managed = operations(handlers)
    rights = {READ: guard.read_management, WRITE: guard.write_management}
    methods: dict[str, dict[str, Endpoint]] = {}
    for one in managed:
        handler = one.handler if one.method == "GET" else bodies.of_json(one.handler)
        endpoint = Endpoint(rights[one.right], handler)
        methods.setdefault(ROOT + one.path, {})[one.method] = endpoint
    document = Endpoint(guard.public, OpenApi(managed).show)
    return (
        Row("management", f"{ROOT}/openapi.json", {"GET": document}),
        *(Row("management", path, by_method) for path, by_method in methods.items()),
    )


def _public(handlers: Handlers) -> tuple[Row, ...]:
    return (
        Row(
            "token",
            "/oauth2/token",
            {
                "GET": Endpoint(guard.public, handlers.tokens.issue, challenge.basic, audit.always),
                "POST": Endpoint(
                    guard.public, handlers.tokens.grant, challenge.basic, audit.always
                ),
            },
        ),
        Row(
            "exchange",
            "/oauth2/exchange",
            {
                "POST": Endpoint(
                    guard.public, handlers.tokens.exchange, challenge.basic, audit.always
                )
            },
        ),
        Row(
            "jwks",
            "/.well-known/jwks.json",
            {"GET": Endpoint(guard.public, handlers.tokens.public_keys)},
        ),
        Row("live", "/livez", {"GET": Endpoint(guard.public, handlers.health.live)}),
        Row("ready", "/readyz", {"GET": Endpoint(guard.public, handlers.health.ready)}),
    )


def _metrics(handlers: MetricsHandlers | None) -> tuple[Row, ...]:
    if handlers is None:
        return ()
    return (
        Row("metrics", "/metrics", {"GET": Endpoint(guard.read_metrics, handlers.show)}),
        Row("metrics", "/metrics/recent", {"GET": Endpoint(guard.read_metrics, handlers.recent)}),
    )


CACHED_PATHS: Final = 1024  # most requests are for few of them


class Router:
    """Splits a path into its row and its parameters. `domain` decides which of them are valid."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self._paths = re.compile("|".join(f"({_pattern(row.path)})" for row in rows), re.DOTALL)
        self._parts = [re.findall(r"{(\w+)}", row.path) for row in rows]
        firsts = [1]
        for parts in self._parts:
            firsts.append(firsts[-1] + len(parts) + 1)
        self._row_of_group = {first: index for index, first in enumerate(firsts)}
        self._cut_once = memoize(self._cut, CACHED_PATHS)

    def match(self, request: Request) -> Endpoint:
        """Find the endpoint, and set the request's `params` and `route`.

        Raises UnknownEndpoint, and Unsupported if the path exists with other methods only.
        """
        row, request.params = self._cut_once(request.path)
        # A HEAD is a GET whose body is not sent (RFC 9110 §9.3.2).
        endpoint = row.methods.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is None:
            allow = ", ".join(row.methods).replace("GET", "GET, HEAD")
            raise Unsupported(f"{request.method} is not one of: {allow}", allow=allow)
        request.route = row.path
        return endpoint

    def _cut(self, path: str) -> tuple[Row, Mapping[str, str]]:
        match = self._paths.fullmatch(path)
        if match is None or match.lastindex is None:
            raise UnknownEndpoint
        # `lastindex` is the group closed last: the outer one of the row that matched.
        index = self._row_of_group[match.lastindex]
        values = match.groups()[match.lastindex : match.lastindex + len(self._parts[index])]
        return self._rows[index], dict(zip(self._parts[index], values, strict=True))


def _pattern(path: str) -> str:
    # A repository's name has slashes and may itself contain /manifests/ or /blobs/, so the last one
    # counts. Every other parameter is one segment.
    escaped = re.escape(path).replace(r"\{", "{").replace(r"\}", "}")
    return re.sub(
        r"{(\w+)}", lambda part: "(.+)" if part[1] == "repository" else "([^/]+)", escaped
    )
