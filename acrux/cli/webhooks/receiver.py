"""acrux webhook get-config and renew-secret: what is secret of a webhook."""

from typing import Any

import click
from msgspec import to_builtins

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import output_option, print_json, print_table
from acrux.cli.webhooks.options import ONE, name_option, read_secret, secret_option
from acrux.http.management.webhooks import bodies, shapes


@click.command(name="get-config")
@name_option
@place_options("data_dir")
@output_option
def get_config(place: Place, webhook_name: str, output: str) -> None:
    """Show where the events of a webhook go.

    Of its headers only the names are shown: the values may be credentials.
    """
    with place.reach() as api:
        path = f"{ONE}/getCallbackConfig"
        shown = api.put("POST", path, None, shapes.CallbackConfig, name=webhook_name)
    if output == "json":
        print_json(to_builtins(shown))
    else:
        print_table(("URI", "HEADERS"), [(shown.service_uri, ", ".join(shown.custom_headers))])


@click.command(name="renew-secret")
@name_option
@secret_option
@place_options("data_dir", password=False)
@output_option
def renew_secret(place: Place, webhook_name: str, secret_file: Any, output: str) -> None:
    """Sign with a new secret and show it once. The old one signs too, for another day.

    \b
    Examples:
      acrux webhook renew-secret -n deploy
    """
    wanted = bodies.RenewSecret(secret=read_secret(secret_file))
    with place.reach() as api:
        path = f"{ONE}/renewSecret"
        renewed = api.put("POST", path, wanted, shapes.SigningSecret, name=webhook_name)
    if output == "json":
        print_json(to_builtins(renewed))
    else:
        click.echo(renewed.secret)
