"""Build the whole registry, which is then not yet open."""

import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from acrux import edge
from acrux.adapters.log import LineLog
from acrux.adapters.metrics.board import Board
from acrux.adapters.metrics.history import History
from acrux.adapters.metrics.publisher import Publisher
from acrux.adapters.migration import mark
from acrux.adapters.shared_counts import SharedCounts
from acrux.adapters.sql.database import Observer
from acrux.background import BackgroundTask, BackgroundTasks
from acrux.bootstrap import metrics, tasks
from acrux.bootstrap.adapters import Adapters, build_adapters
from acrux.bootstrap.counts import Counts
from acrux.bootstrap.services import Services, build_services
from acrux.bootstrap.tracing import Tracing
from acrux.clocks import Clocks, clocks_of
from acrux.domain.access.limits import Operation
from acrux.edge import Completion
from acrux.errors import RegistryError
from acrux.http.access.audit import AuditRecorder
from acrux.http.access.guard import Guard
from acrux.http.access.identity import Identity
from acrux.http.access.origin import Origins
from acrux.http.acr.catalog import CatalogHandlers
from acrux.http.acr.deleted import DeletedHandlers
from acrux.http.acr.handlers import AcrHandlers
from acrux.http.acr.permissions import PermissionHandlers
from acrux.http.app import Application, Lifespan
from acrux.http.health import HealthHandlers
from acrux.http.management.handlers import ManagementHandlers
from acrux.http.metrics import MetricsHandlers
from acrux.http.oauth2.handlers import TokenHandlers
from acrux.http.request_log import Log, RequestLog, trace_of_caller
from acrux.http.routes import Handlers, Router, Row, table
from acrux.http.traffic import Traffic
from acrux.http.v2.blobs import BlobHandlers
from acrux.http.v2.listings import ListingHandlers
from acrux.http.v2.manifests import ManifestHandlers
from acrux.http.v2.uploads import UploadHandlers
from acrux.pacing import Pacer
from acrux.ports.clock import Clock
from acrux.services.connections import Connections
from acrux.settings import Settings


@dataclass(frozen=True)
class Registry:
    """A registry that is built but not yet open.

    `rehearse` does once what a server does before it serves, and opening does not, so that what
    cannot work is found before there are workers. It raises InvalidSettings. `rows` are those of
    the API, and `pages` those of the pages.
    """

    app: Application
    rows: tuple[Row, ...]
    pages: tuple[Row, ...]
    services: Services
    lifespan: Lifespan
    adapters: Adapters
    rehearse: Callable[[], Awaitable[None]]
    probe: Callable[[], Coroutine[Any, Any, None]]  # of the storage, once before it serves


def build(  # noqa: PLR0913, PLR0917 -- one of each
    settings: Settings,
    clock: Clock | Clocks | None = None,
    log: Log | None = None,
    observe: Observer | None = None,
    board: Board | None = None,
    shared: SharedCounts | None = None,
    tracing: Tracing | None = None,
) -> Registry:
    """The whole registry on one data directory; `lifespan` opens and closes it.

    Makes the folders and the keys if they are missing; opening makes the schema. Raises
    InvalidSettings. `observe` is called with every statement before the database runs it. `board`
    is where the processes of a server put their metrics, and `shared` is what they count together.
    `tracing` also has to serve the application.
    """
    log = log or LineLog(sys.stderr, settings.log_format, settings.log_level)
    clocks = clocks_of(clock, log)
    adapters = build_adapters(settings, clocks, observe, shared, tracing)
    origins = edge.origins(settings)
    connections = edge.connections(settings, origins)
    services = build_services(settings, adapters, Pacer(lambda: connections.begun))
    background = (
        *clocks.background_tasks(adapters.facts),
        *tasks.every_process(adapters, services),
    )
    of_serving = _of_serving(settings, adapters, services, connections, log)
    serving = (*background, *of_serving)
    parts = _Parts(settings, adapters, services, origins, connections, serving, log, tracing)
    app, rows, shown = _application(parts, board or Board(slots=1))
    lifespan = _lifespan(adapters, services, log, background)
    return Registry(
        app,
        rows,
        shown,
        services,
        lifespan,
        adapters,
        BackgroundTasks(of_serving, log).rehearse,
        adapters.storage.probe,
    )


@dataclass(frozen=True)
class _Parts:
    """What an application is made of."""

    settings: Settings
    adapters: Adapters
    services: Services
    origins: Origins
    connections: Connections
    tasks: tuple[BackgroundTask, ...]
    log: Log
    tracing: Tracing | None


_Applied: TypeAlias = tuple[Application, tuple[Row, ...], tuple[Row, ...]]


def _application(parts: _Parts, board: Board) -> _Applied:
    settings, adapters, services = parts.settings, parts.adapters, parts.services
    identity, origins, traffic = _identity(services), parts.origins, Traffic()
    audit = AuditRecorder(services.audit_log, adapters.clock)
    handlers = build_handlers(settings, services, identity, origins, adapters.trouble)
    counts = Counts(
        traffic, parts.connections, audit, handlers.tokens, services, adapters, parts.tasks
    )
    publisher = Publisher(board, counts.values)
    history = History(publisher.read, adapters.clock)
    if settings.metrics_address is None:
        page = metrics.of_worker(adapters, publisher)
        handlers = replace(handlers, metrics=MetricsHandlers(page.render, history.rates))
    rows = edge.limited(table(handlers), services.limits)
    serving = (*parts.tasks, *tasks.of_metrics(publisher, history))
    lifespan = _lifespan(adapters, services, parts.log, serving, publisher.publish, parts.tracing)
    completions = _completions(settings, origins, parts.tracing)

    def application(rows: Sequence[Row], *, challenges: bool) -> Application:
        return Application(
            router=Router(rows),
            guard=Guard(identity, services.tokens, services.uploads, challenges=challenges),
            origins=origins,
            log=_request_log(settings, parts.log, parts.tracing),
            audit=audit,
            lifespan=lifespan,
            pace=edge.pace(settings),
            connections=parts.connections,
            incoming=edge.incoming(),
            sender=edge.sender(),
            traffic=traffic,
            completions=completions,
        )

    if settings.web == "disabled":
        return application(rows, challenges=True), rows, ()
    from acrux.bootstrap import pages  # noqa: PLC0415 -- a command shows none

    inner = application(
        edge.limited(table(_of_pages(handlers, services, origins)), services.limits),
        challenges=False,
    )
    shown = pages.build(settings, inner.answer, identity, services.trusts, adapters.clock)
    completions = (*completions, shown.complete)
    return application((*rows, *shown.rows), challenges=True), rows, shown.rows


def _of_pages(handlers: Handlers, services: Services, origins: Origins) -> Handlers:
    # Pages show what they read, so they are not redirected to the object store. And whoever looks
    # at an image has not pulled it: retention rules would keep what is looked at.
    return replace(
        handlers,
        blobs=BlobHandlers(services.blobs, redirects=False),
        manifests=ManifestHandlers(services.manifests, None, origins),
    )


def _of_serving(
    settings: Settings,
    adapters: Adapters,
    services: Services,
    connections: Connections,
    log: Log,
) -> tuple[BackgroundTask, ...]:
    # Only a server knows how long its tokens live: a command may have other settings.
    return (
        *tasks.of_a_server(settings, adapters, services, connections),
        *tasks.of_the_log(services, log),
        *tasks.of_users_in_a_file(settings, adapters, log),
        *tasks.of_a_key_set_file(settings, adapters),
        *tasks.of_content(settings, services, log),
        *tasks.of_a_bucket(adapters, log),
        *tasks.of_webhooks(services, log),
    )


def _request_log(settings: Settings, log: Log, tracing: Tracing | None) -> RequestLog:
    trace_of = tracing.trace_id if tracing else trace_of_caller
    return RequestLog(log, trace_of, probes=settings.log_probes)


def _completions(
    settings: Settings, origins: Origins, tracing: Tracing | None
) -> tuple[Completion, ...]:
    completions = edge.completions(settings, origins)
    return (*completions, tracing.complete) if tracing else completions


def _identity(services: Services) -> Identity:
    return Identity(services.authentication, services.federation, services.lockout, services.tokens)


def build_handlers(
    settings: Settings,
    services: Services,
    identity: Identity,
    origins: Origins,
    trouble: Callable[[], str],
) -> Handlers:
    """The handlers of all endpoints. `trouble` says what the disk's reserve lacks."""
    of_tokens = services.limits.on(Operation.TOKEN)
    return Handlers(
        tokens=TokenHandlers(identity, services.tokens, origins, of_tokens),
        manifests=ManifestHandlers(services.manifests, services.pulls, origins),
        blobs=BlobHandlers(services.blobs, redirects=settings.storage_redirect),
        uploads=UploadHandlers(
            services.uploads,
            services.blobs,
            identity,
            mount_from_account=settings.mount_from_account,
        ),
        listings=ListingHandlers(services.listings, identity),
        acr=AcrHandlers(services.properties, services.manifests, origins),
        catalog=CatalogHandlers(services.listings, identity),
        permissions=PermissionHandlers(identity),
        deleted=DeletedHandlers(services.deleted, services.properties, identity, origins),
        health=HealthHandlers(services.listings, trouble),
        management=ManagementHandlers.on(services, settings.name, settings.known_login_servers),
    )


def _lifespan(
    adapters: Adapters,
    services: Services,
    log: Log,
    background: tuple[BackgroundTask, ...],
    publish: Callable[[], None] = lambda: None,
    tracing: Tracing | None = None,
) -> Lifespan:
    running = BackgroundTasks(background, log)

    async def open_() -> None:
        await adapters.open()
        await mark.refuse_unfinished(adapters.facts)
        await adapters.keys.open()
        await adapters.place.check()
        await running.start()
        _tried(publish)

    async def close() -> None:
        await running.stop()
        await services.deliveries.close()
        await services.doctor.close()
        with suppress(RegistryError):  # on a full disk, the addresses of recent logins are lost
            await services.lockout.write_down()
        if lost := await services.pulls.close():
            log.warning("pulls-lost", pulls=lost)
        if lost := await services.audit_log.close():
            log.warning("audit-lost", records=lost)
        await adapters.close()
        _tried(publish)
        if tracing:
            await tracing.stop()
        log.flush()

    return Lifespan(open_, close)


def _tried(publish: Callable[[], None]) -> None:
    with suppress(OSError):  # metrics keep no process from starting, or from ending in good order
        publish()
