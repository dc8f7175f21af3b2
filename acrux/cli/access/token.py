"""acrux token: accounts that can get tokens, each with a scope map."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from msgspec import to_builtins

from acrux.bootstrap.services import Services
from acrux.cli.options import asking, output_option, print_json, print_table, setting_options
from acrux.cli.registry import on_registry
from acrux.cli.repositories import joined, repository_option
from acrux.cli.words import WordsCommand
from acrux.domain.access.scope_maps import default_name
from acrux.domain.access.shown_accounts import ShownAccount
from acrux.domain.audit.refusal import to_the_second
from acrux.http.management import shapes
from acrux.services.access.accounts import TOKEN_PASSWORDS

name_option = click.option("--name", "-n", "account", required=True, help="Its name.")
status_option = click.option(
    "--status", type=click.Choice(["enabled", "disabled"]), help="Whether it may log in."
)
expiration_option = click.option(
    "--expiration-in-days",
    type=click.IntRange(1, 36500),
    default=None,
    help="After how many days the passwords expire. Default: never.",
)


@click.group()
def token() -> None:
    """Manage accounts for people and machines, which ACR calls tokens.

    Each has a scope map and two passwords, so that one can be renewed while the other works.
    """


@token.command(cls=WordsCommand)
@name_option
@click.option("--scope-map", default=None, help="Its scope map.")
@repository_option(
    "repository", "Create the scope map NAME-scope-map with this repository and these actions."
)
@click.option("--no-passwords", is_flag=True, help="Do not generate passwords yet.")
@status_option
@expiration_option
@setting_options("data_dir")
@output_option
def create(  # noqa: PLR0913, PLR0917 -- az acr has that many options
    config: Path | None,
    account: str,
    scope_map: str | None,
    repository: tuple[tuple[str, ...], ...],
    no_passwords: bool,  # noqa: FBT001 -- a flag
    status: str | None,
    expiration_in_days: int | None,
    output: str,
    **options: object,
) -> None:
    """Create an account and show its passwords. They are shown only once.

    \b
    Examples:
      acrux token create -n ci-team --scope-map _repositories_push
      acrux token create -n reader --repository team/app content/read metadata/read
    """
    if (scope_map is None) == (not repository):
        raise click.UsageError("give either --scope-map or --repository")

    async def act(services: Services) -> ShownAccount:
        chosen = scope_map or default_name(account)
        if scope_map is None:
            description = f"Created by token: {account}"
            await services.scope_maps.ensure(chosen, joined(repository), description)
        created = await services.accounts.create(
            account,
            chosen,
            password_names=() if no_passwords else TOKEN_PASSWORDS,
            expires_at=_expiry(expiration_in_days),
        )
        if status == "disabled":
            await services.accounts.change(account, is_enabled=False)
        return created

    _print([_on(config, options, act)], output)


@token.command()
@setting_options("data_dir")
@output_option
def list(config: Path | None, output: str, **options: object) -> None:  # noqa: A001 -- as az acr
    """List the accounts."""
    _print(_on(config, options, lambda services: services.accounts.list()), output, many=True)


@token.command()
@name_option
@setting_options("data_dir")
@output_option
def show(config: Path | None, account: str, output: str, **options: object) -> None:
    """Show one account."""
    _print([_on(config, options, lambda services: services.accounts.show(account))], output)


@token.command()
@name_option
@click.option("--scope-map", default=None, help="Its new scope map.")
@status_option
@setting_options("data_dir")
@output_option
def update(
    config: Path | None,
    account: str,
    scope_map: str | None,
    status: str | None,
    output: str,
    **options: object,
) -> None:
    """Change the scope map or status of an account. Reducing its rights revokes its tokens."""
    is_enabled = None if status is None else status == "enabled"
    changed = _on(
        config,
        options,
        lambda services: services.accounts.change(
            account, scope_map=scope_map, is_enabled=is_enabled
        ),
    )
    _print([changed], output)


@token.command()
@name_option
@asking("Delete the account {account} and revoke its tokens?")
@setting_options("data_dir")
def delete(config: Path | None, account: str, **options: object) -> None:
    """Delete an account and revoke its tokens at once."""
    _on(config, options, lambda services: services.accounts.delete(account))


@token.command()
@name_option
@asking("Revoke all tokens of {account}?")
@setting_options("data_dir")
def revoke(config: Path | None, account: str, **options: object) -> None:
    """Revoke all tokens of an account within a second. Its passwords keep working."""
    _on(config, options, lambda services: services.accounts.revoke(account))


@token.group()
def credential() -> None:
    """Generate and delete the passwords of an account."""


@credential.command()
@name_option
@click.option(
    "--password",
    "password_names",
    type=click.Choice(TOKEN_PASSWORDS),
    multiple=True,
    default=TOKEN_PASSWORDS[:1],
    show_default=True,
    help="Which of the two; give it twice for both.",
)
@expiration_option
@setting_options("data_dir")
@output_option
def generate(
    config: Path | None,
    account: str,
    password_names: tuple[str, ...],
    expiration_in_days: int | None,
    output: str,
    **options: object,
) -> None:
    """Generate a new password and show it once. Tokens from the old one are revoked.

    \b
    Examples:
      acrux token credential generate -n ci-team --expiration-in-days 90
      acrux token credential generate -n ci-team --password password1 --password password2
    """
    expiry = _expiry(expiration_in_days)
    _print(
        [
            _on(
                config,
                options,
                lambda services: services.accounts.renew_passwords(account, password_names, expiry),
            )
        ],
        output,
    )


@credential.command(name="delete")
@name_option
@click.option("--password", "password_name", type=click.Choice(TOKEN_PASSWORDS), required=True)
@asking("Delete {password_name} of {account} and revoke its tokens?")
@setting_options("data_dir")
@output_option
def delete_password(
    config: Path | None, account: str, password_name: str, output: str, **options: object
) -> None:
    """Delete a password and revoke the tokens obtained with it."""
    changed = _on(
        config, options, lambda services: services.accounts.delete_password(account, password_name)
    )
    _print([changed], output)


def _on(
    config: Path | None, options: dict[str, object], act: Callable[[Services], Awaitable[Any]]
) -> Any:
    return on_registry(config, options, lambda services, _: act(services))


def _expiry(days: int | None) -> datetime | None:
    return None if days is None else datetime.now(UTC) + timedelta(days=days)


def _print(accounts: Sequence[ShownAccount], output: str, *, many: bool = False) -> None:
    if output == "json":
        listed = [shapes.listed_token(account) for account in accounts]
        print_json(to_builtins(listed if many else shapes.token(accounts[0])))
        return
    rows = [
        (account.username, "enabled" if account.is_enabled else "disabled", account.scope_map)
        for account in accounts
    ]
    print_table(("NAME", "STATUS", "SCOPE MAP"), rows)
    values = [
        (
            password.name,
            password.value.reveal() if password.value else "(not stored)",
            to_the_second(password.expires_at) if password.expires_at else "never",
        )
        for account in accounts
        for password in account.passwords
    ]
    if values:
        print_table(("PASSWORD", "VALUE", "EXPIRY"), values)
