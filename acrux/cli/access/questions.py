"""Commands that answer questions about rights, and change nothing."""

import click
from msgspec import to_builtins

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import output_option, print_json, print_table, warn
from acrux.domain.access.scope_maps import ScopeMap
from acrux.domain.audit.refusal import to_the_second
from acrux.domain.audit.rights import repository_options
from acrux.http.management.rights import shapes


@click.command()
@click.option("--repository", required=True, help="The repository.")
@place_options("data_dir")
@output_option
def holders(place: Place, repository: str, output: str) -> None:
    """List who may do what on a repository.

    \b
    Examples:
      acrux scope-map holders --repository team/app
    """
    query = (("repository", repository),)
    with place.reach() as api:
        found = [*api.every("/access", shapes.HolderList, query)]
    if output == "json":
        print_json(to_builtins(found))
        return
    rows = [
        (
            one.name,
            one.status,
            one.scope_map_id,
            " ".join(each.action for each in one.actions if each.held),
        )
        for one in found
    ]
    print_table(("NAME", "STATUS", "SCOPE MAP", "ACTIONS"), rows)


@click.command(name="least-privilege")
@click.option("--name", "-n", "account", required=True, help="Its name.")
@place_options("data_dir")
@output_option
def least_privilege(place: Place, account: str, output: str) -> None:
    """List the permissions that an account or user used in the last 30 days.

    A scope map with these covers what it did, as far as the audit log tells, and no more. What only
    tokens held may never have been used.

    \b
    Examples:
      acrux token least-privilege -n ci-team
      acrux user least-privilege -n alice@example.com
    """
    with place.reach() as api:
        used = api.get("/leastPrivilege", shapes.LeastPrivilege, (("account", account),))
    if output == "json":
        print_json(to_builtins(used))
        return
    rows = [
        (
            use.permission,
            str(use.requests),
            to_the_second(use.last_time),
            "tokens" if use.only_tokens else "requests",
        )
        for use in used.uses
    ]
    if not rows:
        click.echo(f"The audit log holds nothing that {account} did in the last 30 days.")
        return
    print_table(("PERMISSION", "REQUESTS", "LAST", "KNOWN FROM"), rows)
    options = repository_options("--repository", ScopeMap.parse("", used.actions), ())
    click.echo(f"\nA scope map with these:\n  acrux scope-map create -n NAME {options}")
    if not used.complete:
        warn(f"only the {used.examined} newest records were examined")
    if used.unknown:
        warn(f"{used.unknown} records of an earlier version do not say what was needed")
    if used.omitted:
        warn("there are more permissions than a scope map can hold")
