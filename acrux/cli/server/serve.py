"""acrux serve: run the registry."""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
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
    passed = service_manager.passed_socket(os.environ)
    settings, held = listening.resolve(given, passed)
    with held, listening.for_metrics(settings) or nullcontext() as metrics:
        certificate = tls.certificate_files(settings)
        first_start, more_passwords = asyncio.run(
            prepare(build(settings), settings, with_sample=with_sample)
        )
        ca = certificate.ca if certificate else None
        greeting = Greeting(
            settings, first_start, more_passwords, ca, with_sample, sys.stderr.isatty()
        )
        current = CurrentSettings(settings, given, read)
        server.run(current, partial(_ready, greeting), passed, metrics)


def _ready(greeting: Greeting) -> None:
    greeting.print()
    service_manager.tell_ready(os.environ)


async def _has_other_images(registry: Registry) -> bool:
    found = await registry.services.listings.repositories(Page(2), (EVERY_REPOSITORY,))
    return any(name != sample.REPOSITORY.value for name in found.items)


async def prepare(
    registry: Registry, settings: Settings, *, with_sample: bool
) -> tuple[ShownAccount | None, tuple[str, ...]]:
    """Make what the registry lacks: the admin user, a key of the chosen algorithm, the sample.

    Then rehearse a worker's start, so that what prevents it is said in one line. Returns the admin
    user if it was made, and names of passwords that earlier releases gave it.
    """
    accounts = registry.services.accounts
    await registry.lifespan.open()
    try:
        file = settings.admin_password_file
        created = await accounts.create_administrator(
            settings.name, PasswordFile(file) if file else None
        )
        passwords = (await accounts.show(settings.name)).passwords
        with suppress(StorageReadOnly):  # content is served all the same, with existing keys
            await registry.services.keys.use(settings.signing_algorithm)
            if with_sample and not await _has_other_images(registry):
                await sample.push(registry.services.uploads, registry.services.manifests)
        await registry.rehearse()
        names = (password.name for password in passwords)
        return created, tuple(name for name in names if name not in ADMINISTRATOR_PASSWORDS)
    finally:
        await registry.lifespan.close()
