"""acrux usage, acrux show-usage: what the registry holds."""

import click
from msgspec import to_builtins

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import output_option, print_json, print_table, warn
from acrux.cli.storage import tables
from acrux.domain.content.policies.definition import warnings
from acrux.http.management.storage import shapes
from acrux.services.content.space import LARGEST, MAX_LARGEST


@click.command()
@click.option("--repository", help="Only this repository.")
@click.option("--prefix", help="All repositories below it, such as team for team/app.")
@click.option(
    "--largest", type=click.IntRange(0, MAX_LARGEST), default=LARGEST, show_default=True,
    help="How many repositories to list, if none is named.",
)  # fmt: skip
@place_options("data_dir")
@output_option
def usage(
    place: Place,
    repository: str | None,
    prefix: str | None,
    largest: int,
    output: str,
) -> None:
    """Show what the registry, a repository, or the repositories below a prefix hold.

    The size counts each blob once. What is its own would be freed with it; the rest is shared with
    others.

    \b
    Examples:
      acrux usage
      acrux usage --repository team/app
      acrux usage --prefix team --output json
    """
    if repository is not None and prefix is not None:
        raise click.UsageError("give either --repository or --prefix")
    if repository is None and prefix is None:
        _show_registry(place, largest, output)
        return
    of = ("repository", repository) if repository is not None else ("prefix", prefix or "")
    with place.reach() as api:
        found = api.get("/usage/repositories", shapes.Usage, (of,))
    if prefix is not None and not found.repositories:
        warn(*warnings([found.name]))
    if output == "json":
        print_json(to_builtins(found))
    else:
        print_table(*tables.usage([found]))


def _show_registry(place: Place, largest: int, output: str) -> None:
    with place.reach() as api:
        found = api.get("/usage", shapes.RegistryUsage, (("largest", str(largest)),))
    if output == "json":
        print_json(to_builtins(found))
        return
    print_table(*tables.registry(found))
    for line in tables.registry_notes(found):
        click.echo(line)


@click.command()
@place_options("data_dir")
@output_option
def show_usage(place: Place, output: str) -> None:
    """Show what is used and its limit, as az acr show-usage does. Without a quota the limit is -1.

    \b
    Examples:
      acrux show-usage --output json
    """
    with place.reach() as api:
        shown = api.get("/listUsages", shapes.UsageEntryList).value
    if output == "json":
        print_json(to_builtins({"value": shown}))
        return
    rows = [(one.name, str(one.current_value), str(one.limit), one.unit) for one in shown]
    print_table(("NAME", "CURRENT VALUE", "LIMIT", "UNIT"), rows)
