"""acrux serve: run the registry."""

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext, suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import click

from acrux import server, settings_sources
from acrux.adapters.log import Style
from acrux.adapters.passwords.password_file import PasswordFile
from acrux.bootstrap.application import Registry, build
from acrux.cli import exits
from acrux.cli.options import load, setting_options, tell
from acrux.cli.server import sample
from acrux.cli.server.greeting import Greeting
from acrux.domain.access.shown_accounts import ShownAccount
from acrux.domain.content.page import Page
from acrux.domain.content.patterns import EVERY_REPOSITORY
from acrux.errors import InvalidSettings, RegistryError, StorageReadOnly
from acrux.services.access.accounts import ADMINISTRATOR_PASSWORDS
from acrux.serving import listening, service_manager, tls
from acrux.settings import Settings, variable
from acrux.settings_sources import CurrentSettings


@click.command()
@setting_options()
@click.option(
    "--sample",
    "with_sample",
    is_flag=True,
    help="Push a tiny image hello-world:latest, if there is no image in the registry.",
)
def serve(config: Path | None, *, with_sample: bool, **options: object) -> None:
    """Run the registry.

    Prints `listening on URL` to standard output when it is ready, and everything else to standard
    error. The first start makes the admin user's passwords, and prints them if standard error is a
    terminal. Every option is also an environment variable (ACRUX_PORT) and a key of the TOML file
    (port = 5000).

    \b
    Examples:
      acrux serve
      acrux serve --host 0.0.0.0 --login-server registry.example.com --tls-self-signed
      ACRUX_PORT=5001 acrux serve --data-dir /srv/acrux
    """
    server.survive_signals()
    given = options["log_format"] or os.environ.get(variable("log_format"))
    style: Style = "json" if given == "json" else "console"
    try:
        settings = load(config, options).settings
        style = settings.log_format
        _serve(settings, partial(_read_again, config, options), with_sample=with_sample)
    except RegistryError as refused:  # as a line of the log, which a collector can parse
        tell(style, "cannot-start", exits.message_of(refused))
        raise SystemExit(exits.code_of(refused)) from None


def _read_again(config: Path | None, options: dict[str, object]) -> Settings:
    # A pipe, such as bash's <(...), can be read once only; then reading waits forever.
    if config is not None and not config.is_file():
        raise InvalidSettings(f"{config} is not a file that can be read again")
    return settings_sources.load(os.environ, options, config).settings


def _serve(given: Settings, read: Callable[[], Settings], *, with_sample: bool) -> None:
    _check_storage(given)
    passed = service_manager.passed_socket(os.environ)
    settings, held = listening.resolve(given, passed)
    with held, listening.for_metrics(settings) or nullcontext() as metrics:
        certificate = tls.certificate_files(settings)
        first_start, more_passwords = _prepared(settings, with_sample=with_sample)
        ca = certificate.ca if certificate else None
        greeting = Greeting(
            settings, first_start, more_passwords, ca, with_sample, sys.stderr.isatty()
        )
        current = CurrentSettings(settings, given, read)
        server.run(current, partial(_ready, greeting), passed, metrics)


def _check_storage(settings: Settings) -> None:
    # The nodes that share a database would each refer to blobs that only one of them has.
    if settings.is_on_postgresql and not (settings.storage or settings.shared_storage):
        raise InvalidSettings(
            f"data_dir: {settings.data_dir} is a directory of this machine, and other nodes may use"
            " the same PostgreSQL: give --storage for blobs in an object store, or --shared-storage"
            " if they have this directory too, or if there is only this node"
        )
    if settings.is_on_postgresql and not (settings.master_key_file or settings.shared_storage):
        raise InvalidSettings(
            "master_key_file: the nodes that share a PostgreSQL need the same keys, which are kept"
            " there under a master key: give --master-key-file, the same on each node"
        )


def _ready(greeting: Greeting) -> None:
    greeting.print()
    service_manager.tell_ready(os.environ)


def _prepared(
    settings: Settings, *, with_sample: bool
) -> tuple[ShownAccount | None, tuple[str, ...]]:
    if not settings.storage:
        return _prepared_here(settings, with_sample)
    # The client of an object store has threads, and the workers that are forked later would wait
    # for them for ever.
    with ProcessPoolExecutor(1, get_context("fork")) as apart:
        return apart.submit(_prepared_here, settings, with_sample).result()


def _prepared_here(
    settings: Settings,
    with_sample: bool,  # noqa: FBT001 -- passed on to another process
) -> tuple[ShownAccount | None, tuple[str, ...]]:
    return asyncio.run(prepare(build(settings), settings, with_sample=with_sample))


async def _has_other_images(registry: Registry) -> bool:
    found = await registry.services.listings.repositories(Page(2), (EVERY_REPOSITORY,))
    return any(name != sample.REPOSITORY.value for name in found.items)


async def prepare(
    registry: Registry, settings: Settings, *, with_sample: bool
) -> tuple[ShownAccount | None, tuple[str, ...]]:
    """Make what the registry lacks: the admin user, a key of the chosen algorithm, the sample.

    The level of the log is that of the settings again.

    Then rehearse a worker's start, so that what prevents it is said in one line. Returns the admin
    user if it was made, and names of passwords that earlier releases gave it.
    """
    accounts = registry.services.accounts
    await registry.probe()
    await registry.lifespan.open()
    try:
        file = settings.admin_password_file
        created = await accounts.create_administrator(
            settings.name, PasswordFile(file) if file else None
        )
        passwords = (await accounts.show(settings.name)).passwords
        with suppress(StorageReadOnly):  # content is served all the same, with existing keys
            await registry.services.keys.use(settings.signing_algorithm)
            await registry.services.log_levels.reset()
            if with_sample and not await _has_other_images(registry):
                await sample.push(registry.services.uploads, registry.services.manifests)
        await registry.rehearse()
        names = (password.name for password in passwords)
        return created, tuple(name for name in names if name not in ADMINISTRATOR_PASSWORDS)
    finally:
        await registry.lifespan.close()
