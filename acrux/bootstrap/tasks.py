"""What an open registry does beside its requests."""

from acrux.adapters import heap
from acrux.adapters.passwords.htpasswd import HtpasswdFile, NoFile
from acrux.background import BackgroundTask
from acrux.bootstrap.adapters import Adapters
from acrux.bootstrap.services import Services
from acrux.http.request_log import Log
from acrux.ports.accounts import UserFile
from acrux.services.access.users import FileUsers
from acrux.services.connections import Connections
from acrux.settings import Settings

REVOCATION_SECONDS = 0.5
AUDIT_LOG_SECONDS = 0.5
CONNECTION_SECONDS = 1.0
TIDY_SECONDS = 60.0


def every_process(adapters: Adapters, services: Services) -> tuple[BackgroundTask, ...]:
    """The tasks of whoever has the registry open, be it for one command.

    What another worker or a command changed holds here within REVOCATION_SECONDS.
    """
    return (
        BackgroundTask(
            "revocations", REVOCATION_SECONDS, adapters.revocations.refresh, at_start=True
        ),
        BackgroundTask("signing-keys", REVOCATION_SECONDS, adapters.signer.refresh),
        BackgroundTask(
            "failed-logins", REVOCATION_SECONDS, adapters.failed_logins.refresh, at_start=True
        ),
        BackgroundTask("audit-log", AUDIT_LOG_SECONDS, services.audit_log.keep),
        BackgroundTask("tidy-failed-logins", TIDY_SECONDS, services.lockout.tidy),
    )


def of_a_server(
    adapters: Adapters, services: Services, connections: Connections
) -> tuple[BackgroundTask, ...]:
    """The tasks of a process that answers requests, beside those of every process."""
    return (
        BackgroundTask("storage", TIDY_SECONDS, adapters.reserve.watch, at_start=True),
        BackgroundTask("retire-keys", TIDY_SECONDS, services.keys.retire),
        BackgroundTask("connections", CONNECTION_SECONDS, connections.watch),
        BackgroundTask("heap", TIDY_SECONDS, heap.give_back),
    )


def of_users_in_a_file(
    settings: Settings, adapters: Adapters, log: Log
) -> tuple[BackgroundTask, ...]:
    """The task that follows an htpasswd file, or the end of its users where there is none."""
    # Whoever stops using a file stops letting its users in.
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
            log.info("htpasswd", problem=problem)

    return (BackgroundTask("htpasswd", REVOCATION_SECONDS, follow, at_start=True),)
