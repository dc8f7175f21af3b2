"""acrux health: ask the registry on this machine whether it works."""

import http.client
from pathlib import Path

import click

from acrux.cli import exits
from acrux.cli.caller import failures
from acrux.cli.options import load, setting_options
from acrux.serving import probe

SECONDS = 5  # a registry that takes longer serves nobody


class _Unhealthy(click.ClickException):
    exit_code = exits.REFUSED


class _Unreachable(click.ClickException):
    exit_code = exits.UNREACHABLE


@click.command()
@setting_options("host", "port", "tls_cert", "tls_key", "tls_self_signed")
@click.option("--ready", is_flag=True, help="Ask also for the database and room for pushes.")
def health(config: Path | None, *, ready: bool, **options: object) -> None:
    """Ask the registry on this machine whether it works, as a container's health check does.

    It takes the settings of `acrux serve`, and asks /livez, or with --ready /readyz. It needs no
    password. The exit code is 0 if the registry is well, 1 if it says that it is not, and 3 if it
    does not answer within 5 seconds.

    \b
    Examples:
      acrux health
      acrux health --ready --port 5001
    """
    settings = load(config, options).settings
    path = "/readyz" if ready else "/livez"
    where = probe.url(settings, path)
    try:
        status, body = probe.ask(settings, path, SECONDS)
    except (OSError, http.client.HTTPException) as error:
        raise _Unreachable(f"{where} does not answer: {failures.reason(error)}") from None
    if status != http.client.OK:
        raise _Unhealthy(f"{where} answered {status}: {body}")
    click.echo(body)
