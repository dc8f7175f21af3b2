"""acrux trust: accept tokens of external issuers, without stored secrets."""

from collections.abc import Sequence
from typing import Any, Final

import click
from msgspec import UNSET, to_builtins

from acrux.cli.access.simulations import of_trust
from acrux.cli.access.trust_create import create
from acrux.cli.access.trust_options import (
    allow_option,
    claim_option,
    lifetime_option,
    name_option,
    print_trusts,
    scope_map_option,
)
from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import asking, output_option, print_json, print_table
from acrux.cli.repositories import joined
from acrux.cli.words import WordsCommand
from acrux.errors import Denied, InvalidToken
from acrux.http.management import bodies, shapes
from acrux.http.management.bodies import Status
from acrux.http.management.logins.bodies import TestedToken
from acrux.http.management.logins.shapes import TrustTest, TrustVerdict

ONE = "/trusts/{name}"

MAX_READ_CHARACTERS: Final = 100_000  # of a token, which is refused if it is that long


@click.group()
def trust() -> None:
    """Accept tokens of external OpenID issuers, without a stored secret.

    The token of a GitHub or GitLab job, of a Kubernetes service account or of Entra ID then works
    as a password: docker login -u 00000000-0000-0000-0000-000000000000. It can also be exchanged
    at /oauth2/exchange.
    """


trust.add_command(create)
trust.add_command(of_trust)


@trust.command()
@place_options("data_dir")
@output_option
def list(place: Place, output: str) -> None:  # noqa: A001 -- as az acr
    """List the trusts."""
    with place.reach() as api:
        found = [*api.every("/trusts", shapes.TrustList)]
    print_trusts(found, output, many=True)


@trust.command()
@name_option
@place_options("data_dir")
@output_option
def show(place: Place, trust: str, output: str) -> None:
    """Show one trust."""
    with place.reach() as api:
        found = api.get(ONE, shapes.Trust, name=trust)
    print_trusts([found], output)


@trust.command(cls=WordsCommand)
@name_option
@scope_map_option
@allow_option
@claim_option
@click.option("--audience", default=None, help="The audience of its tokens.")
@lifetime_option
@click.option(
    "--status", type=click.Choice(["enabled", "disabled"]), help="Whether it accepts tokens."
)
@place_options("data_dir")
@output_option
def update(  # noqa: PLR0913 -- each may change
    *,
    place: Place,
    trust: str,
    scope_map: str | None,
    allow: tuple[tuple[str, ...], ...],
    claims: tuple[str, ...],
    audience: str | None,
    minutes: int | None,
    status: Status | None,
    output: str,
) -> None:
    """Change a trust. The tokens issued through it are revoked unless it only grants more.

    An option replaces the old value as a whole: all claims, and the scope map or all repositories.

    \b
    Examples:
      acrux trust update -n ci --status disabled
      acrux trust update -n ci --claim "repository=org/app" --claim "ref=refs/tags/v*"
    """
    change = bodies.ChangeTrust(
        scope_map_id=scope_map or UNSET,
        actions=[*joined(allow)] or UNSET,
        claims=[*claims] or UNSET,
        audience=audience or UNSET,
        lifetime_in_minutes=minutes or UNSET,
        status=status or UNSET,
    )
    if change == bodies.ChangeTrust():
        raise click.UsageError("say what to change: see acrux trust update --help")
    with place.reach() as api:
        changed = api.put("PATCH", ONE, change, shapes.Trust, name=trust)
    print_trusts([changed], output)


@trust.command()
@name_option
@asking("Delete the trust {trust} and revoke every token issued through it?")
@place_options("data_dir")
def delete(place: Place, trust: str) -> None:
    """Delete a trust and revoke the tokens issued through it at once."""
    with place.reach() as api:
        api.do("DELETE", ONE, name=trust)
    click.echo(f"Deleted the trust {trust}, and revoked every token issued through it.")


@trust.command()
@click.option(
    "--token-file",
    type=click.File(),
    default="-",
    help="A file with the token. Without it, standard input is read.",
)
@place_options("data_dir", password=False)
@output_option
def test(place: Place, token_file: Any, output: str) -> None:
    """Show which trusts accept a token, and why the others do not.

    The issuer's keys are fetched as for an exchange. The exit code is 1 if no trust accepts the
    token.

    \b
    Examples:
      acrux trust test --token-file token.jwt
      kubectl create token builder --audience registry.example.com | acrux trust test
    """
    wanted = TestedToken(token=token_file.read(MAX_READ_CHARACTERS).strip())
    with place.reach() as api:
        tested = api.put("POST", "/testTrusts", wanted, TrustTest)
        if tested.refusal:
            raise InvalidToken(tested.refusal, **tested.detail)
    if output == "json":
        print_json(to_builtins(tested.value))
    else:
        print_table(
            ("TRUST", "ACCEPTS", "WHY"), [row for one in tested.value for row in _rows(one)]
        )
    if not any(one.lets_in for one in tested.value):
        raise Denied("no trust accepts this token")


def _rows(one: TrustVerdict) -> Sequence[tuple[str, str, str]]:
    if one.lets_in:
        return [(one.trust, "yes", permission) for permission in one.actions]
    return [(one.trust, "no", objection) for objection in one.objections]
