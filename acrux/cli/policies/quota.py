"""acrux quota: how much some repositories may take together."""

from collections.abc import Sequence

import click
from msgspec import UNSET, to_builtins

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import asking, output_option, print_json, print_table
from acrux.cli.policies.options import name_option, pattern_option
from acrux.domain.content.byte_sizes import parse_bytes, written_bytes
from acrux.http.management.policies import bodies, shapes

ONE = "/quotas/{name}"

_SIZE = "Such as 20GiB, 500MB or a number of bytes."


@click.group()
def quota() -> None:
    """Manage quotas: what repositories may take together, in bytes.

    A push that would exceed one is refused, and the answer says how much is used and needed. What
    exceeds it already stays.
    """


@quota.command()
@name_option
@pattern_option(required=True)
@click.option("--max", "size", required=True, metavar="SIZE", help=_SIZE)
@place_options("data_dir")
@output_option
def create(
    place: Place,
    policy_name: str,
    pattern: str,
    size: str,
    output: str,
) -> None:
    """Create a quota. If several cover a repository, each must have room.

    \b
    Examples:
      acrux quota create -n team-quota --repository-pattern "team/*" --max 20GiB
      acrux quota create -n whole --repository-pattern "*" --max 1.5TiB
    """
    wanted = bodies.CreateQuota(name=policy_name, repositories=pattern, max_bytes=parse_bytes(size))
    with place.reach() as api:
        created = api.put("POST", "/quotas", wanted, shapes.Quota)
    _print([created], output)


@quota.command()
@place_options("data_dir")
@output_option
def list(place: Place, output: str) -> None:  # noqa: A001 -- as az acr
    """List the quotas."""
    with place.reach() as api:
        found = [*api.every("/quotas", shapes.QuotaList)]
    _print(found, output, many=True)


@quota.command()
@name_option
@place_options("data_dir")
@output_option
def show(place: Place, policy_name: str, output: str) -> None:
    """Show one quota."""
    with place.reach() as api:
        found = api.get(ONE, shapes.Quota, name=policy_name)
    _print([found], output)


@quota.command()
@name_option
@pattern_option(required=False)
@click.option("--max", "size", metavar="SIZE", help=_SIZE)
@place_options("data_dir")
@output_option
def update(
    place: Place,
    policy_name: str,
    pattern: str | None,
    size: str | None,
    output: str,
) -> None:
    """Change a quota.

    \b
    Examples:
      acrux quota update -n team-quota --max 40GiB
    """
    if pattern is None and size is None:
        raise click.UsageError("say what to change: see acrux quota update --help")
    change = bodies.ChangeQuota(
        repositories=UNSET if pattern is None else pattern,
        max_bytes=UNSET if size is None else parse_bytes(size),
    )
    with place.reach() as api:
        # It warns of the pattern that there is, too: but a new size says nothing about it.
        is_quiet = pattern is None
        changed = api.put("PATCH", ONE, change, shapes.Quota, is_quiet=is_quiet, name=policy_name)
    _print([changed], output)


@quota.command()
@name_option
@asking("Delete the quota {policy_name}?")
@place_options("data_dir")
def delete(place: Place, policy_name: str) -> None:
    """Delete a quota."""
    with place.reach() as api:
        api.do("DELETE", ONE, name=policy_name)
    click.echo(f"Deleted the quota {policy_name}.")


def _print(quotas: Sequence[shapes.Quota], output: str, *, many: bool = False) -> None:
    if output == "json":
        print_json(to_builtins(quotas if many else quotas[0]))
        return
    rows = [(one.name, one.repositories, written_bytes(one.max_bytes)) for one in quotas]
    print_table(("NAME", "REPOSITORIES", "MAX"), rows)
