"""acrux user: accounts of people, with passwords that they choose."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import click
from msgspec import to_builtins

from acrux.bootstrap.services import Services
from acrux.cli.options import (
    asking,
    output_option,
    print_json,
    print_table,
    read_password,
    setting_options,
)
from acrux.cli.registry import on_registry
from acrux.cli.repositories import joined, repository_option
from acrux.cli.words import WordsCommand
from acrux.domain.access.credential import Secret
from acrux.domain.access.scope_maps import default_name
from acrux.http.management import shapes
from acrux.services.access.users import ShownUser

name_option = click.option("--name", "-n", "user_name", required=True, help="The user's name.")
password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)
status_option = click.option(
    "--status", type=click.Choice(["enabled", "disabled"]), help="Whether the user may log in."
)


@click.group()
def user() -> None:
    """Manage users, each with a chosen password and a scope map.

    For machines use acrux token instead, which generates passwords.
    """


@user.command(cls=WordsCommand)
@name_option
@click.option("--scope-map", default=None, help="The user's scope map.")
@repository_option(
    "repository", "Create a scope map for the user with this repository and these actions."
)
@password_option
@setting_options("data_dir")
@output_option
def create(
    config: Path | None,
    user_name: str,
    scope_map: str | None,
    repository: tuple[tuple[str, ...], ...],
    password_stdin: bool,  # noqa: FBT001 -- a flag
    output: str,
    **options: object,
) -> None:
    """Create an account for a user. Prompts for the password.

    \b
    Examples:
      acrux user create -n alice --scope-map _repositories_push
      acrux user create -n carol --repository "team/*" content/read content/write
      acrux user create -n bob@example.com --scope-map readers --password-stdin < secret
    """
    if (scope_map is None) == (not repository):
        raise click.UsageError("give either --scope-map or --repository")
    password = _password(from_stdin=password_stdin)

    async def act(services: Services) -> ShownUser:
        chosen = scope_map or default_name(user_name)
        if scope_map is None:
            description = f"Created by user: {user_name}"
            await services.scope_maps.ensure(chosen, joined(repository), description)
        return await services.users.create(user_name, chosen, password)

    _print([_on(config, options, act)], output)


@user.command()
@setting_options("data_dir")
@output_option
def list(config: Path | None, output: str, **options: object) -> None:  # noqa: A001 -- as az acr
    """List the users, including those of the htpasswd file."""
    _print(_on(config, options, lambda services: services.users.list()), output, many=True)


@user.command()
@name_option
@setting_options("data_dir")
@output_option
def show(config: Path | None, user_name: str, output: str, **options: object) -> None:
    """Show one user."""
    _print([_on(config, options, lambda services: services.users.show(user_name))], output)


@user.command()
@name_option
@click.option("--scope-map", default=None, help="The user's new scope map.")
@status_option
@setting_options("data_dir")
@output_option
def update(
    config: Path | None,
    user_name: str,
    scope_map: str | None,
    status: str | None,
    output: str,
    **options: object,
) -> None:
    """Change the scope map or status of a user. Reducing their rights revokes their tokens."""
    is_enabled = None if status is None else status == "enabled"
    changed = _on(
        config,
        options,
        lambda services: services.users.change(
            user_name, scope_map=scope_map, is_enabled=is_enabled
        ),
    )
    _print([changed], output)


@user.command()
@name_option
@password_option
@setting_options("data_dir")
@output_option
def passwd(
    config: Path | None,
    user_name: str,
    password_stdin: bool,  # noqa: FBT001 -- a flag
    output: str,
    **options: object,
) -> None:
    """Set a user's password and revoke their tokens at once.

    \b
    Examples:
      acrux user passwd -n alice
      pwgen 20 1 | tee secret | acrux user passwd -n alice --password-stdin
    """
    password = _password(from_stdin=password_stdin)
    _print(
        [_on(config, options, lambda services: services.users.set_password(user_name, password))],
        output,
    )


@user.command()
@name_option
@asking("Revoke all tokens of {user_name}?")
@setting_options("data_dir")
def revoke(config: Path | None, user_name: str, **options: object) -> None:
    """Revoke all tokens of a user within a second. The password keeps working."""
    _on(config, options, lambda services: services.users.revoke(user_name))


@user.command()
@name_option
@asking("Delete the user {user_name} and revoke their tokens?")
@setting_options("data_dir")
def delete(config: Path | None, user_name: str, **options: object) -> None:
    """Delete a user and revoke their tokens at once."""
    _on(config, options, lambda services: services.users.delete(user_name))


def _password(*, from_stdin: bool) -> Secret:
    # Never an option: the list of processes and the shell's history would show it.
    if from_stdin:
        return read_password()
    if not sys.stdin.isatty():
        raise click.UsageError(
            "cannot prompt for the password without a terminal: use --password-stdin."
        )
    return Secret(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _on(
    config: Path | None, options: dict[str, object], act: Callable[[Services], Awaitable[Any]]
) -> Any:
    return on_registry(config, options, lambda services, _: act(services))


def _print(users: Sequence[ShownUser], output: str, *, many: bool = False) -> None:
    if output == "json":
        shown = to_builtins([shapes.user(user) for user in users])
        print_json(shown if many else shown[0])
        return
    rows = [
        (user.username, "enabled" if user.is_enabled else "disabled", user.scope_map, user.source)
        for user in users
    ]
    print_table(("NAME", "STATUS", "SCOPE MAP", "SOURCE"), rows)
