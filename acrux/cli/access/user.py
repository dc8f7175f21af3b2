"""acrux user: accounts of people, with passwords that they choose."""

import sys
from collections.abc import Sequence

import click
from msgspec import UNSET, to_builtins

from acrux.cli.access.own_scope_map import ensure
from acrux.cli.access.questions import least_privilege
from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import asking, output_option, print_json, print_table, read_password
from acrux.cli.repositories import repository_option
from acrux.cli.words import WordsCommand
from acrux.domain.access.credential import Secret
from acrux.http.management import bodies, shapes
from acrux.http.management.bodies import Status

ONE = "/users/{name}"

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


user.add_command(least_privilege)


@user.command(cls=WordsCommand)
@name_option
@click.option("--scope-map", default=None, help="The user's scope map.")
@repository_option(
    "repository", "Create a scope map for the user with this repository and these actions."
)
@password_option
@place_options("data_dir", password=False)
@output_option
def create(
    place: Place,
    user_name: str,
    scope_map: str | None,
    repository: tuple[tuple[str, ...], ...],
    password_stdin: bool,  # noqa: FBT001 -- a flag
    output: str,
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

    with place.reach() as api:
        chosen = scope_map or ensure(api, user_name, repository, f"Created by user: {user_name}")
        wanted = bodies.CreateUser(name=user_name, scope_map_id=chosen, password=password.reveal())
        created = api.put("POST", "/users", wanted, shapes.User)
    _print([created], output)


@user.command()
@place_options("data_dir")
@output_option
def list(place: Place, output: str) -> None:  # noqa: A001 -- as az acr
    """List the users, including those of the htpasswd file."""
    with place.reach() as api:
        found = [*api.every("/users", shapes.UserList)]
    _print(found, output, many=True)


@user.command()
@name_option
@place_options("data_dir")
@output_option
def show(place: Place, user_name: str, output: str) -> None:
    """Show one user."""
    with place.reach() as api:
        found = api.get(ONE, shapes.User, name=user_name)
    _print([found], output)


@user.command()
@name_option
@click.option("--scope-map", default=None, help="The user's new scope map.")
@status_option
@place_options("data_dir")
@output_option
def update(
    place: Place,
    user_name: str,
    scope_map: str | None,
    status: Status | None,
    output: str,
) -> None:
    """Change the scope map or status of a user. Reducing their rights revokes their tokens."""
    change = bodies.ChangeUser(
        scope_map_id=UNSET if scope_map is None else scope_map,
        status=UNSET if status is None else status,
    )
    with place.reach() as api:
        changed = api.put("PATCH", ONE, change, shapes.User, name=user_name)
    _print([changed], output)


@user.command()
@name_option
@password_option
@place_options("data_dir", password=False)
@output_option
def passwd(
    place: Place,
    user_name: str,
    password_stdin: bool,  # noqa: FBT001 -- a flag
    output: str,
) -> None:
    """Set a user's password and revoke their tokens at once.

    \b
    Examples:
      acrux user passwd -n alice
      pwgen 20 1 | tee secret | acrux user passwd -n alice --password-stdin
    """
    wanted = bodies.SetPassword(password=_password(from_stdin=password_stdin).reveal())
    with place.reach() as api:
        changed = api.put("POST", f"{ONE}/setPassword", wanted, shapes.User, name=user_name)
    _print([changed], output)


@user.command()
@name_option
@asking("Revoke all tokens of {user_name}?")
@place_options("data_dir")
def revoke(place: Place, user_name: str) -> None:
    """Revoke all tokens of a user within a second. The password keeps working."""
    with place.reach() as api:
        api.do("POST", f"{ONE}/revoke", name=user_name)
    click.echo(f"Revoked all tokens of {user_name}.")


@user.command()
@name_option
@asking("Delete the user {user_name} and revoke their tokens?")
@place_options("data_dir")
def delete(place: Place, user_name: str) -> None:
    """Delete a user and revoke their tokens at once."""
    with place.reach() as api:
        api.do("DELETE", ONE, name=user_name)
    click.echo(f"Deleted the user {user_name}, and revoked their tokens.")


def _password(*, from_stdin: bool) -> Secret:
    # Never an option: the list of processes and the shell's history would show it.
    if from_stdin:
        return read_password()
    if not sys.stdin.isatty():
        raise click.UsageError(
            "cannot prompt for the password without a terminal: use --password-stdin."
        )
    return Secret(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _print(users: Sequence[shapes.User], output: str, *, many: bool = False) -> None:
    if output == "json":
        print_json(to_builtins(users if many else users[0]))
        return
    rows = [(user.name, user.status, user.scope_map_id, user.source) for user in users]
    print_table(("NAME", "STATUS", "SCOPE MAP", "SOURCE"), rows)
