"""acrux credential: the admin user's two passwords."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from acrux.bootstrap import build
from acrux.cli.options import load, output_option, print_json, print_table, setting_options
from acrux.errors import InvalidSettings
from acrux.services.accounts import PASSWORD_NAMES, Accounts, ShownAccount
from acrux.settings import Settings


@click.group()
def credential() -> None:
    """Show the admin user, or renew one of its two passwords."""


@credential.command()
@setting_options("name", "data_dir")
@output_option
def show(config: Path | None, output: str, **options: object) -> None:
    """Show the admin user and the names of its passwords.

    The passwords themselves are not kept, so they cannot be shown: renew one to get a new value.
    """
    settings = load(config, options).settings
    _print(_on_accounts(settings, lambda accounts: accounts.show(settings.name)), output)


@credential.command()
@setting_options("name", "data_dir")
@click.option(
    "--password-name", type=click.Choice(PASSWORD_NAMES), required=True, help="Which of the two."
)
@output_option
def renew(config: Path | None, password_name: str, output: str, **options: object) -> None:
    """Renew a password: the new one works at once, the other one goes on working.

    \b
    Example:
      acrux credential renew --password-name password --output json
    """
    settings = load(config, options).settings
    _print(
        _on_accounts(
            settings, lambda accounts: accounts.renew_password(settings.name, password_name)
        ),
        output,
    )


def _on_accounts(
    settings: Settings, act: Callable[[Accounts], Awaitable[ShownAccount]]
) -> ShownAccount:
    if not settings.data_dir.is_dir():
        raise InvalidSettings(
            f"data_dir: there is no registry in {settings.data_dir}: give the --data-dir of "
            "acrux serve"
        )

    async def run() -> ShownAccount:
        registry = build(settings)
        await registry.lifespan.open()
        try:
            return await act(registry.services.accounts)
        finally:
            await registry.lifespan.close()

    return asyncio.run(run())


def _print(account: ShownAccount, output: str) -> None:
    values = {
        password.name: password.value.reveal() if password.value else None
        for password in account.passwords
    }
    if output == "json":
        passwords = [{"name": name, "value": value} for name, value in values.items()]
        print_json({"username": account.username, "passwords": passwords})
    else:
        rows = [(account.username, name, value or "(not kept)") for name, value in values.items()]
        print_table(("USERNAME", "PASSWORD", "VALUE"), rows)
