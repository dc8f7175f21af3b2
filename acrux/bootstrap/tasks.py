"""The background tasks of an open registry."""

import asyncio
import time
from datetime import timedelta
from functools import partial
from secrets import token_hex

from msgspec.structs import asdict

from acrux.adapters import heap
from acrux.adapters.keys.key_set_file import KeySetFile
from acrux.adapters.log import hear_libraries
from acrux.adapters.metrics.history import EVERY_SECONDS, History
from acrux.adapters.metrics.publisher import Publisher
from acrux.adapters.passwords.htpasswd import HtpasswdFile, NoFile
from acrux.background import BackgroundTask
from acrux.bootstrap import served
from acrux.bootstrap.adapters import Adapters
from acrux.bootstrap.databases import watch_of
from acrux.bootstrap.services import HOLDER_BYTES, Services
from acrux.http.request_log import Log, Seldom
from acrux.ports.accounts import UserFile
from acrux.services.access.users import FileUsers
from acrux.services.connections import Connections
from acrux.services.leases import HeldLease
from acrux.settings import Settings

REVOCATION_SECONDS = 0.5
AUDIT_LOG_SECONDS = 0.5
CONNECTION_SECONDS = 1.0
METRICS_SECONDS = 0.5
PULL_SECONDS = 1.0
DATABASE_SECONDS = 5.0
STORE_SECONDS = 10.0
LOG_LEVEL_SECONDS = 1.0
TIDY_SECONDS = 60.0
WEBHOOK_SECONDS = 0.5
STRAY_SECONDS = 3600.0


def every_process(adapters: Adapters, services: Services) -> tuple[BackgroundTask, ...]:
    """The tasks of every process that has the registry open, even for a single command.

    What another worker or a command changes takes effect here within REVOCATION_SECONDS.
    """
    return (
        BackgroundTask(
            "revocations", REVOCATION_SECONDS, adapters.revocations.refresh, at_start=True
        ),
        BackgroundTask("signing-keys", REVOCATION_SECONDS, adapters.keys.signer.refresh),
        BackgroundTask(
            "failed-logins", REVOCATION_SECONDS, adapters.failed_logins.refresh, at_start=True
        ),
        BackgroundTask("audit-log", AUDIT_LOG_SECONDS, services.audit_log.keep),
        BackgroundTask("tidy-failed-logins", TIDY_SECONDS, services.lockout.tidy),
    )


def of_a_server(
    settings: Settings, adapters: Adapters, services: Services, connections: Connections
) -> tuple[BackgroundTask, ...]:
    """The tasks of a process that answers requests, besides those of every process."""
    keep_settings = partial(served.keep, adapters.facts, settings)
    watched = (
        ("database", DATABASE_SECONDS, watch_of(adapters.database)),
        ("object-store", STORE_SECONDS, adapters.storage.watch),
    )
    return (
        *(BackgroundTask(name, seconds, watch) for name, seconds, watch in watched if watch),
        BackgroundTask("settings", TIDY_SECONDS, keep_settings, at_start=True),
        BackgroundTask("storage", TIDY_SECONDS, adapters.reserve.watch, at_start=True),
        BackgroundTask("retire-keys", TIDY_SECONDS, services.keys.retire),
        BackgroundTask("connections", CONNECTION_SECONDS, connections.watch),
        BackgroundTask("heap", TIDY_SECONDS, heap.give_back),
    )


def of_the_log(services: Services, log: Log) -> tuple[BackgroundTask, ...]:
    """The task that follows changes of the level from which on is logged."""

    async def follow() -> None:
        if level := await services.log_levels.follow():
            log.obey("warning")  # so that the log says at any level why it is silent from now on
            log.warning("log-level", least=level)
            log.obey(level)
            hear_libraries(level)

    return (BackgroundTask("log-level", LOG_LEVEL_SECONDS, follow, at_start=True),)


def of_a_key_set_file(settings: Settings, adapters: Adapters) -> tuple[BackgroundTask, ...]:
    """The task that keeps the file of public keys up to date, if there is to be one."""
    if settings.key_set_file is None:
        return ()
    file = KeySetFile(settings.key_set_file)

    async def write() -> None:
        await asyncio.to_thread(file.write, adapters.keys.signer.public_keys())

    return (BackgroundTask("key-set-file", REVOCATION_SECONDS, write, at_start=True),)


def of_metrics(publisher: Publisher, history: History) -> tuple[BackgroundTask, ...]:
    """The tasks that let other processes know what this one counts, and note what all count."""

    async def publish() -> None:
        publisher.publish()

    return (
        BackgroundTask("metrics", METRICS_SECONDS, publish),
        BackgroundTask("history", EVERY_SECONDS, history.sample, at_start=True),
    )


def of_content(settings: Settings, services: Services, log: Log) -> tuple[BackgroundTask, ...]:
    """The tasks that remove what is old, free what nothing refers to, and record pulls."""

    async def collect() -> None:
        freed = await services.collection.run()
        if freed and any(asdict(freed).values()):
            log.info("collected", **asdict(freed))

    async def disown() -> None:
        if disowned := await services.orphans.disown():
            log.info("orphans", copies=disowned)

    async def retain() -> None:
        if run := await services.retention.continue_():
            log.info("retention", **asdict(run.removed))

    async def keep_pulls() -> None:
        if lost := await services.pulls.keep():
            log.warning("pulls-lost", pulls=lost)

    return (
        BackgroundTask("collection", settings.gc_interval_seconds, collect),
        BackgroundTask("retention", settings.gc_interval_seconds, retain),
        BackgroundTask("orphans", TIDY_SECONDS, disown),
        BackgroundTask("pulls", PULL_SECONDS, keep_pulls),
    )


def of_a_bucket(adapters: Adapters, log: Log) -> tuple[BackgroundTask, ...]:
    """The task that aborts multipart uploads of killed processes; one process of all nodes does."""
    abort_strays = adapters.storage.abort_strays
    if abort_strays is None:
        return ()
    # It is not released: until it expires, nobody needs to do it again.
    lease = HeldLease(
        adapters.leases,
        "multipart",
        token_hex(HOLDER_BYTES),
        adapters.clock,
        timedelta(seconds=STRAY_SECONDS),
    )

    async def sweep() -> None:
        if await lease.acquire() and (aborted := await abort_strays()):
            log.info("multipart", aborted=aborted)

    return (BackgroundTask("multipart", STRAY_SECONDS, sweep),)


def of_webhooks(services: Services, log: Log) -> tuple[BackgroundTask, ...]:
    """The tasks that deliver the events of webhooks; how that fails is logged once a minute."""
    seldom = Seldom(time.monotonic)

    async def deliver() -> None:
        trouble = await services.deliveries.run()
        if trouble and seldom.times():
            log.warning("webhook-failing", **asdict(trouble))

    return (
        BackgroundTask("webhooks", WEBHOOK_SECONDS, deliver),
        BackgroundTask("tidy-webhooks", TIDY_SECONDS, services.deliveries.tidy),
    )


def of_users_in_a_file(
    settings: Settings, adapters: Adapters, log: Log
) -> tuple[BackgroundTask, ...]:
    """The task that follows the htpasswd file; without a file, it removes its former users."""
    # If the setting is removed, the users of the file must no longer be accepted.
    file: UserFile = HtpasswdFile(settings.htpasswd) if settings.htpasswd else NoFile()
    users = FileUsers(
        file,
        adapters.accounts,
        adapters.scope_maps,
        adapters.revocations,
        adapters.clock,
        settings.htpasswd_scope_map,
    )

    async def follow() -> None:
        for problem in await users.follow():
            log.warning("htpasswd", problem=problem)

    return (BackgroundTask("htpasswd", REVOCATION_SECONDS, follow, at_start=True),)
