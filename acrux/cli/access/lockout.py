"""acrux lockout: see and lift the waits after failed logins."""

import math
from pathlib import Path

import click

from acrux.bootstrap.services import Services
from acrux.cli.options import output_option, print_json, print_table, setting_options
from acrux.cli.registry import on_registry
from acrux.services.access.lockout import ShownFailures
from acrux.settings import Settings


@click.group()
def lockout() -> None:
    """See and lift the waits after failed logins.

    A wait applies to an account at an address, or to an address for all accounts.
    """


@lockout.command()
@setting_options("data_dir")
@output_option
def list(config: Path | None, output: str, **options: object) -> None:  # noqa: A001 -- as the others
    """List the failed logins that still count.

    A user name is shown only if it is the name of an account.
    """

    async def act(services: Services, _: Settings) -> tuple[ShownFailures, ...]:
        accounts = [account.username for account in await services.accounts.list()]
        users = [user.username for user in await services.users.list()]
        return await services.lockout.show(accounts + users)

    shown = on_registry(config, options, act)
    if output == "json":
        print_json([_json(row) for row in shown])
        return
    print_table(
        ("ACCOUNT", "ADDRESS", "FAILURES", "LAST", "WAIT"),
        [
            (
                row.account or "(all)",
                row.address or "(all)",
                str(row.count),
                row.failed_at.isoformat(timespec="seconds"),
                f"{_seconds(row)} s" if row.wait else "",
            )
            for row in shown
        ],
    )


@lockout.command()
@click.option("--name", "-n", "account", default=None, help="The account, or any other user name.")
@click.option("--address", default=None, help="The address of a client, or its network.")
@click.option("--all", "is_all", is_flag=True, help="All accounts at all addresses.")
@setting_options("data_dir")
def clear(
    config: Path | None,
    account: str | None,
    address: str | None,
    is_all: bool,  # noqa: FBT001 -- a flag
    **options: object,
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
    on_registry(
        config,
        options,
        lambda services, _: services.lockout.forgive(account=account, address=address),
    )


def _seconds(row: ShownFailures) -> int:
    return math.ceil(row.wait.total_seconds())


def _json(row: ShownFailures) -> dict[str, object]:
    return {
        "account": row.account or None,
        "address": row.address or None,
        "failures": row.count,
        "lastFailure": row.failed_at.isoformat(),
        "waitSeconds": _seconds(row),
    }
