"""acrux serve: run the registry."""

import asyncio
import base64
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from acrux import server
from acrux.bootstrap.application import Registry, build
from acrux.cli import sample
from acrux.cli.options import load, setting_options
from acrux.errors import StorageReadOnly
from acrux.services.access.accounts import ADMINISTRATOR_PASSWORDS, ShownAccount
from acrux.settings import Settings


@click.command()
@setting_options()
@click.option(
    "--sample",
    "with_sample",
    is_flag=True,
    help="Push a tiny image hello-world:latest, if there is none.",
)
def serve(config: Path | None, *, with_sample: bool, **options: object) -> None:
    """Run the registry.

    Prints `listening on URL` to standard output when it is ready, and everything else to standard
    error. Every option is also an environment variable (ACRUX_PORT) and a key of the TOML file
    (port = 5000).

    \b
    Examples:
      acrux serve
      acrux serve --host 0.0.0.0 --login-server registry.example.com --tls-self-signed
      ACRUX_PORT=5001 acrux serve --data-dir /srv/acrux
    """
    server.survive_signals()
    settings, reserved = server.resolve(load(config, options).settings)
    with reserved:
        certificate = server.certificate_files(settings)
        first_start, more_passwords = asyncio.run(
            _prepare(build(settings), settings, with_sample=with_sample)
        )
        ca = certificate.ca if certificate else None
        greeting = Greeting(settings, first_start, more_passwords, ca, with_sample)
        server.run(settings, greeting.print)


async def _prepare(
    registry: Registry, settings: Settings, *, with_sample: bool
) -> tuple[ShownAccount | None, tuple[str, ...]]:
    accounts = registry.services.accounts
    await registry.lifespan.open()
    try:
        created = await accounts.create_administrator(settings.name)
        passwords = (await accounts.show(settings.name)).passwords
        with suppress(StorageReadOnly):  # content is served all the same, with existing keys
            await registry.services.keys.use(settings.signing_algorithm)
            if with_sample:
                await sample.push(registry.services.uploads, registry.services.manifests)
        names = (password.name for password in passwords)
        return created, tuple(name for name in names if name not in ADMINISTRATOR_PASSWORDS)
    finally:
        await registry.lifespan.close()


EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 -- compared, not bound


@dataclass(frozen=True, slots=True)
class Greeting:
    """What you need to start: login server, admin user, and the document's walk to copy."""

    settings: Settings
    first_start: ShownAccount | None
    more_passwords: tuple[str, ...]
    ca: Path | None
    has_sample: bool

    def print(self) -> None:
        """Print that the registry is ready."""
        settings = self.settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        # First, so that a program that waits for the last line has received these too.
        with suppress(OSError):  # on a full disk these lines are lost, and the registry still runs
            click.echo("\n".join(self._lines()), err=True)
        click.echo(f"listening on {settings.scheme}://{host}:{settings.port}")

    def _lines(self) -> list[str]:
        lines = [
            "",
            f"login server  {self.settings.known_login_servers[0]}",
            f"admin user    {self.settings.name}",
            *self._passwords(),
            *(
                f"warning       the admin user has a third password, {name}, of an earlier "
                f"release: acrux token credential delete -n {self.settings.name} --password {name}"
                for name in self.more_passwords
            ),
        ]
        if self.settings.tls_self_signed:
            lines.append(f"CA            {self.ca}")
        if self.settings.host in EVERY_ADDRESS and not self.settings.login_servers:
            lines.append("other hosts   need --login-server to reach this registry by its name")
        return [*lines, "", "The walk, with curl:", "", *self._walk(), ""]

    def _passwords(self) -> list[str]:
        if self.first_start is None:
            return ["passwords     shown at the first start; for a new one: acrux credential renew"]
        shown = [
            f"{password.name:<12}  {password.value.reveal() if password.value else ''}"
            for password in self.first_start.passwords
        ]
        return [*shown, "              (shown only once: the registry stores keyed hashes)"]

    def _walk(self) -> list[str]:
        registry, user = self.settings.known_login_servers[0], self.settings.name
        url = f"{self.settings.scheme}://{registry}"
        curl = f"curl --cacert {self.ca}" if self.settings.tls_self_signed else "curl"
        manifest = f"{url}/v2/hello-world/manifests/latest"
        token = f"{url}/oauth2/token?service={registry}&scope=repository:hello-world:pull"
        get_token = f'-H "Authorization: Basic {self._credential()}" "{token}"'
        sed = 'sed \'s/.*"access_token":"\\([^"]*\\)".*/\\1/\''
        bearer = f"Authorization: Bearer $({curl} -s {get_token} | {sed})"
        known = self.first_start is not None
        return [
            *([] if known else [f"  acr_credential=$(printf %s '{user}:PASSWORD' | base64 -w0)"]),
            f"  {curl} -v {manifest}",
            f"  {curl} -v {get_token}",
            f'  {curl} -v -H "{bearer}" {manifest}',
            *([] if self.has_sample else ["  (ends with 404 until hello-world is pushed)"]),
        ]

    def _credential(self) -> str:
        if self.first_start is None or self.first_start.passwords[0].value is None:
            return "$acr_credential"
        password = self.first_start.passwords[0].value.reveal()
        return base64.b64encode(f"{self.settings.name}:{password}".encode()).decode()
