"""acrux token: accounts that can get tokens, each with a scope map."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import click
from msgspec import UNSET, to_builtins

from acrux.cli.access.own_scope_map import ensure
from acrux.cli.access.questions import least_privilege
from acrux.cli.carrier.api import Api
from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import asking, output_option, print_json, print_table
from acrux.cli.repositories import repository_option
from acrux.cli.words import WordsCommand
from acrux.domain.audit.refusal import to_the_second
from acrux.http.management import bodies, shapes
from acrux.http.management.bodies import PasswordName, Status
from acrux.services.access.accounts import TOKEN_PASSWORDS

ONE = "/tokens/{name}"

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


token.add_command(least_privilege)


@token.command(cls=WordsCommand)
@name_option
@click.option("--scope-map", default=None, help="Its scope map.")
@repository_option(
    "repository", "Create the scope map NAME-scope-map with this repository and these actions."
)
@click.option("--no-passwords", is_flag=True, help="Do not generate passwords yet.")
@status_option
@expiration_option
@place_options("data_dir")
@output_option
def create(  # noqa: PLR0913 -- az acr has that many options
    *,
    place: Place,
    account: str,
    scope_map: str | None,
    repository: tuple[tuple[str, ...], ...],
    no_passwords: bool,
    status: Status | None,
    expiration_in_days: int | None,
    output: str,
) -> None:
    """Create an account and show its passwords. They are shown only once.

    \b
    Examples:
      acrux token create -n ci-team --scope-map _repositories_push
      acrux token create -n reader --repository team/app content/read metadata/read
    """
    if (scope_map is None) == (not repository):
        raise click.UsageError("give either --scope-map or --repository")

    with place.reach() as api:
        chosen = scope_map or ensure(api, account, repository, f"Created by token: {account}")
        wanted = bodies.CreateToken(
            name=account,
            scope_map_id=chosen,
            status=status or "enabled",
            generate_passwords=not no_passwords,
            expiry=_expiry(expiration_in_days),
        )
        created = api.put("POST", "/tokens", wanted, shapes.Token)
    _print([created], output)


@token.command()
@place_options("data_dir")
@output_option
def list(place: Place, output: str) -> None:  # noqa: A001 -- as az acr
    """List the accounts."""
    with place.reach() as api:
        found = [*api.every("/tokens", shapes.TokenList)]
    _print(found, output, many=True)


@token.command()
@name_option
@place_options("data_dir")
@output_option
def show(place: Place, account: str, output: str) -> None:
    """Show one account."""
    with place.reach() as api:
        found = api.get(ONE, shapes.Token, name=account)
    _print([found], output)


@token.command()
@name_option
@click.option("--scope-map", default=None, help="Its new scope map.")
@status_option
@place_options("data_dir")
@output_option
def update(
    place: Place, account: str, scope_map: str | None, status: Status | None, output: str
) -> None:
    """Change the scope map or status of an account. Reducing its rights revokes its tokens."""
    change = bodies.ChangeToken(
        scope_map_id=UNSET if scope_map is None else scope_map,
        status=UNSET if status is None else status,
    )
    with place.reach() as api:
        changed = api.put("PATCH", ONE, change, shapes.Token, name=account)
    _print([changed], output)


@token.command()
@name_option
@asking("Delete the account {account} and revoke its tokens?")
@place_options("data_dir")
def delete(place: Place, account: str) -> None:
    """Delete an account and revoke its tokens at once."""
    with place.reach() as api:
        api.do("DELETE", ONE, name=account)
    click.echo(f"Deleted the account {account}, and revoked its tokens.")


@token.command()
@name_option
@asking("Revoke all tokens of {account}?")
@place_options("data_dir")
def revoke(place: Place, account: str) -> None:
    """Revoke all tokens of an account within a second. Its passwords keep working."""
    with place.reach() as api:
        api.do("POST", f"{ONE}/revoke", name=account)
    click.echo(f"Revoked all tokens of {account}.")


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
@place_options("data_dir")
@output_option
def generate(
    place: Place,
    account: str,
    password_names: tuple[PasswordName, ...],
    expiration_in_days: int | None,
    output: str,
) -> None:
    """Generate a new password and show it once. Tokens from the old one are revoked.

    \b
    Examples:
      acrux token credential generate -n ci-team --expiration-in-days 90
      acrux token credential generate -n ci-team --password password1 --password password2
    """
    expiry = _expiry(expiration_in_days)
    with place.reach() as api:
        generated = [_generated(api, account, name, expiry) for name in password_names]
        shown = api.get(ONE, shapes.Token, name=account)
    _print([_with_values(shown, generated)], output)


@credential.command(name="delete")
@name_option
@click.option("--password", "password_name", type=click.Choice(TOKEN_PASSWORDS), required=True)
@asking("Delete {password_name} of {account} and revoke its tokens?")
@place_options("data_dir")
@output_option
def delete_password(place: Place, account: str, password_name: str, output: str) -> None:
    """Delete a password and revoke the tokens obtained with it."""
    with place.reach() as api:
        api.do("DELETE", f"{ONE}/credentials/{{password}}", name=account, password=password_name)
        changed = api.get(ONE, shapes.Token, name=account)
    _print([changed], output)


def _generated(
    api: Api, account: str, name: PasswordName, expiry: datetime | None
) -> shapes.Password:
    wanted = bodies.GenerateCredentials(name=name, expiry=expiry)
    path = f"{ONE}/generateCredentials"
    (password,) = api.put("POST", path, wanted, shapes.Credentials, name=account).passwords
    return password


def _with_values(account: shapes.Token, generated: Sequence[shapes.Password]) -> shapes.Token:
    values = {password.name: password.value for password in generated}
    for password in _passwords(account):
        password.value = values.get(password.name, UNSET)
    return account


def _passwords(account: shapes.Token) -> Sequence[shapes.Password]:
    return () if account.credentials is UNSET else account.credentials.passwords


def _expiry(days: int | None) -> datetime | None:
    return None if days is None else datetime.now(UTC) + timedelta(days=days)


def _print(accounts: Sequence[shapes.Token], output: str, *, many: bool = False) -> None:
    if output == "json":
        print_json(to_builtins(accounts if many else accounts[0]))
        return
    rows = [(account.name, account.status, account.scope_map_id) for account in accounts]
    print_table(("NAME", "STATUS", "SCOPE MAP"), rows)
    values = [
        (
            password.name,
            password.value or "(not stored)",
            to_the_second(password.expiry) if password.expiry else "never",
        )
        for account in accounts
        for password in _passwords(account)
    ]
    if values:
        print_table(("PASSWORD", "VALUE", "EXPIRY"), values)
