"""acrux lockout: see and lift the waits after failed logins."""

import click
from msgspec import to_builtins

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import output_option, print_json, print_table
from acrux.http.management.logins import bodies, shapes


@click.group()
def lockout() -> None:
    """See and lift the waits after failed logins.

    A wait applies to an account at an address, or to an address for all accounts.
    """


@lockout.command()
@place_options("data_dir")
@output_option
def list(place: Place, output: str) -> None:  # noqa: A001 -- as the others
    """List the failed logins that still count.

    A user name is shown only if it is the name of an account.
    """
    with place.reach() as api:
        shown = api.get("/lockout", shapes.FailedLoginsList).value
    if output == "json":
        print_json([_json(row) for row in shown])
        return
    print_table(
        ("ACCOUNT", "ADDRESS", "FAILURES", "LAST", "WAIT"),
        [
            (
                row.account or "(all)",
                row.address or "(all)",
                str(row.failures),
                row.last_failure.isoformat(timespec="seconds"),
                f"{row.wait_seconds} s" if row.wait_seconds else "",
            )
            for row in shown
        ],
    )


@lockout.command()
@click.option("--name", "-n", "account", default=None, help="The account, or any other user name.")
@click.option("--address", default=None, help="The address of a client, or its network.")
@click.option("--all", "is_all", is_flag=True, help="All accounts at all addresses.")
@place_options("data_dir")
def clear(
    place: Place,
    account: str | None,
    address: str | None,
    is_all: bool,  # noqa: FBT001 -- a flag
) -> None:
    """Forgive failed logins and lift their waits, on every worker within a second.

    \b
    Examples:
      acrux lockout clear -n ci-team
      acrux lockout clear -n ci-team --address 192.0.2.7
      acrux lockout clear --address 192.0.2.7
      acrux lockout clear --all
    """
    if is_all == (account is not None or address is not None):
        raise click.UsageError("give --name or --address or both, or --all")
    wanted = bodies.ClearLockout(account=account, address=address, all=is_all)
    with place.reach() as api:
        api.do("POST", "/lockout/clear", wanted)
    click.echo("Forgave the failed logins, and lifted their waits.")


def _json(row: shapes.FailedLogins) -> dict[str, object]:
    return {**to_builtins(row), "lastFailure": row.last_failure.isoformat()}
