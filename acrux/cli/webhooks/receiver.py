"""acrux webhook get-config and renew-secret: what is secret of a webhook."""

from pathlib import Path
from typing import Any

import click
from msgspec import to_builtins

from acrux.cli.options import output_option, print_json, print_table, setting_options
from acrux.cli.webhooks.options import name_option, read_secret, run, secret_option
from acrux.http.management.webhooks import shapes


@click.command(name="get-config")
@name_option
@setting_options("data_dir")
@output_option
def get_config(config: Path | None, webhook_name: str, output: str, **options: object) -> None:
    """Show where the events of a webhook go.

    Of its headers only the names are shown: the values may be credentials.
    """
    found = run(config, options, lambda services: services.webhooks.callback(webhook_name))
    shown = shapes.callback_config(found)
    if output == "json":
        print_json(to_builtins(shown))
    else:
        print_table(("URI", "HEADERS"), [(shown.service_uri, ", ".join(shown.custom_headers))])


@click.command(name="renew-secret")
@name_option
@secret_option
@setting_options("data_dir")
@output_option
def renew_secret(
    config: Path | None, webhook_name: str, secret_file: Any, output: str, **options: object
) -> None:
    """Sign with a new secret and show it once. The old one signs too, for another day.

    \b
    Examples:
      acrux webhook renew-secret -n deploy
    """
    given = read_secret(secret_file)
    secret = run(
        config, options, lambda services: services.webhooks.renew_secret(webhook_name, given)
    )
    if output == "json":
        print_json(to_builtins(shapes.SigningSecret(secret.reveal())))
    else:
        click.echo(secret.reveal())
