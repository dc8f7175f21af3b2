"""acrux credential: the admin user's two passwords."""

from pathlib import Path

import click

from acrux.cli.options import output_option, print_json, print_table, setting_options
from acrux.cli.registry import on_registry
from acrux.domain.access.shown_accounts import ShownAccount
from acrux.services.access.accounts import ADMINISTRATOR_PASSWORDS


@click.group()
def credential() -> None:
    """Show the admin user, or renew one of its two passwords."""


@credential.command()
@setting_options("name", "data_dir")
@output_option
def show(config: Path | None, output: str, **options: object) -> None:
    """Show the admin user and the names of its passwords.

    The passwords themselves are not stored, so they cannot be shown: renew one to get a new value.
    """
    _print(
        on_registry(
            config, options, lambda services, settings: services.accounts.show(settings.name)
        ),
        output,
    )


@credential.command()
@setting_options("name", "data_dir")
@click.option(
    "--password-name",
    type=click.Choice(ADMINISTRATOR_PASSWORDS),
    required=True,
    help="Which of the two.",
)
@output_option
def renew(config: Path | None, password_name: str, output: str, **options: object) -> None:
    """Renew a password. The new one works at once, and the other password keeps working.

    Access tokens and refresh tokens that were obtained with the old one are revoked.

    \b
    Examples:
      acrux credential renew --password-name password --output json
    """
    account = on_registry(
        config,
        options,
        lambda services, settings: services.accounts.renew_password(settings.name, password_name),
    )
    _print(account, output)


def _print(account: ShownAccount, output: str) -> None:
    values = {
        password.name: password.value.reveal() if password.value else None
        for password in account.passwords
    }
    if output == "json":
        passwords = [{"name": name, "value": value} for name, value in values.items()]
        print_json({"username": account.username, "passwords": passwords})
    else:
        rows = [(account.username, name, value or "(not stored)") for name, value in values.items()]
        print_table(("USERNAME", "PASSWORD", "VALUE"), rows)
