"""acrux credential: the admin user's two passwords."""

from typing import Literal

import click
from msgspec import UNSET

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import output_option, print_json, print_table
from acrux.http.management import bodies, shapes
from acrux.services.access.accounts import ADMINISTRATOR_PASSWORDS


@click.group()
def credential() -> None:
    """Show the admin user, or renew one of its two passwords."""


@credential.command()
@place_options("name", "data_dir")
@output_option
def show(place: Place, output: str) -> None:
    """Show the admin user and the names of its passwords.

    The passwords themselves are not stored, so they cannot be shown: renew one to get a new value.
    """
    with place.reach() as api:
        shown = api.put("POST", "/listCredentials", None, shapes.Credentials)
    _print(shown, output)


@credential.command()
@place_options("name", "data_dir")
@click.option(
    "--password-name",
    type=click.Choice(ADMINISTRATOR_PASSWORDS),
    required=True,
    help="Which of the two.",
)
@output_option
def renew(place: Place, password_name: Literal["password", "password2"], output: str) -> None:
    """Renew a password. The new one works at once, and the other password keeps working.

    Access tokens and refresh tokens that were obtained with the old one are revoked.

    \b
    Examples:
      acrux credential renew --password-name password --output json
    """
    wanted = bodies.RegenerateCredential(name=password_name)
    with place.reach() as api:
        renewed = api.put("POST", "/regenerateCredential", wanted, shapes.Credentials)
    _print(renewed, output)


def _print(shown: shapes.Credentials, output: str) -> None:
    values = {
        password.name: None if password.value is UNSET else password.value
        for password in shown.passwords
    }
    if output == "json":
        passwords = [{"name": name, "value": value} for name, value in values.items()]
        print_json({"username": shown.username, "passwords": passwords})
    else:
        rows = [(shown.username, name, value or "(not stored)") for name, value in values.items()]
        print_table(("USERNAME", "PASSWORD", "VALUE"), rows)
