"""Build the whole registry, which is then not yet open."""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from acrux import edge
from acrux.adapters.log import LineLog
from acrux.adapters.sqlite.connection import Observer
from acrux.background import BackgroundTask, BackgroundTasks
from acrux.bootstrap import tasks
from acrux.bootstrap.adapters import Adapters, build_adapters
from acrux.bootstrap.services import Services, build_services
from acrux.clocks import Clocks, clocks_of
from acrux.errors import RegistryError
from acrux.http.access.audit import AuditRecorder
from acrux.http.access.guard import Guard
from acrux.http.access.identity import Identity
from acrux.http.access.origin import Origins
from acrux.http.acr.deleted import DeletedHandlers
from acrux.http.acr.handlers import AcrHandlers
from acrux.http.app import Application, Lifespan
from acrux.http.health import HealthHandlers
from acrux.http.management.handlers import ManagementHandlers
from acrux.http.oauth2.handlers import TokenHandlers
from acrux.http.request_log import Log, RequestLog
from acrux.http.routes import Handlers, Router, Row, table
from acrux.http.v2.blobs import BlobHandlers
from acrux.http.v2.listings import ListingHandlers
from acrux.http.v2.manifests import ManifestHandlers
from acrux.http.v2.uploads import UploadHandlers
from acrux.pacing import Pacer
from acrux.ports.clock import Clock
from acrux.settings import Settings


@dataclass(frozen=True)
class Registry:
    """A registry that is built but not yet open."""

    app: Application
    rows: tuple[Row, ...]
    services: Services
    lifespan: Lifespan


def build(
    settings: Settings,
    clock: Clock | Clocks | None = None,
    log: Log | None = None,
    observe: Observer | None = None,
) -> Registry:
    """The whole registry on one data directory; `lifespan` opens and closes it.

    Makes the folders and the keys if they are missing; opening makes the schema. Raises
    InvalidSettings. `observe` is called with every statement before the database runs it.
    """
    log = log or LineLog(sys.stderr, settings.log_format)
    clocks = clocks_of(clock, log)
    adapters = build_adapters(settings, clocks, observe)
    origins = edge.origins(settings)
    connections = edge.connections(settings, origins)
    services = build_services(settings, adapters, Pacer(lambda: connections.begun))
    background = (
        *clocks.background_tasks(adapters.facts),
        *tasks.every_process(adapters, services),
    )
    # Only a server knows how long its tokens live: a command may have other settings.
    serving = (
        *background,
        *tasks.of_a_server(settings, adapters, services, connections),
        *tasks.of_users_in_a_file(settings, adapters, log),
        *tasks.of_content(settings, services, log),
    )
    identity = _identity(services)
    rows = table(build_handlers(settings, services, identity, origins, adapters.reserve.trouble))
    app = Application(
        router=Router(rows),
        guard=Guard(identity, services.tokens, services.uploads),
        origins=origins,
        log=RequestLog(log),
        audit=AuditRecorder(services.audit_log, adapters.clock),
        lifespan=_lifespan(adapters, services, log, serving),
        pace=edge.pace(settings),
        connections=connections,
        incoming=edge.incoming(),
        sender=edge.sender(),
        completions=edge.completions(settings, origins),
    )
    return Registry(app, rows, services, _lifespan(adapters, services, log, background))


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
    return Handlers(
        tokens=TokenHandlers(identity, services.tokens, origins),
        manifests=ManifestHandlers(services.manifests, services.pulls),
        blobs=BlobHandlers(services.blobs),
        uploads=UploadHandlers(
            services.uploads,
            services.blobs,
            identity,
            mount_from_account=settings.mount_from_account,
        ),
        listings=ListingHandlers(services.listings, identity),
        acr=AcrHandlers(services.properties, services.manifests, origins),
        deleted=DeletedHandlers(services.deleted, services.properties, identity, origins),
        health=HealthHandlers(services.listings, trouble),
        management=ManagementHandlers.on(services, settings.name, settings.known_login_servers),
    )


def _lifespan(
    adapters: Adapters, services: Services, log: Log, background: tuple[BackgroundTask, ...]
) -> Lifespan:
    running = BackgroundTasks(background, log)

    async def open_() -> None:
        adapters.database.open()
        await adapters.pepper.check(adapters.facts)
        await running.start()

    async def close() -> None:
        await running.stop()
        with suppress(RegistryError):  # on a full disk, the addresses of recent logins are lost
            await services.lockout.write_down()
        if lost := await services.pulls.close():
            log.info("pulls-lost", pulls=lost)
        if lost := await services.audit_log.close():
            log.info("audit-lost", records=lost)
        adapters.database.close()
        log.flush()

    return Lifespan(open_, close)
