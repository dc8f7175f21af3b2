"""acrux scope-map: which actions on which repositories an account may get."""

from collections.abc import Sequence

import click
from msgspec import UNSET, to_builtins

from acrux.cli.access.questions import holders
from acrux.cli.access.simulations import of_scope_map
from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import asking, output_option, print_json, print_table
from acrux.cli.repositories import joined, registry_option, repository_option
from acrux.cli.words import WordsCommand
from acrux.domain.access.scope import MANAGEMENT, METRICS
from acrux.http.management import bodies, shapes

ONE = "/scopeMaps/{name}"

name_option = click.option("--name", "-n", "scope_map", required=True, help="Its name.")


@click.group(name="scope-map")
def scope_map() -> None:
    """Manage scope maps: which actions on which repositories an account may get.

    A repository is a name, all names below a prefix (team/*), or all (*). The actions are
    content/read, content/write, content/delete, metadata/read and metadata/write. In addition,
    --management read and --management write allow managing accounts over HTTP, and --metrics read
    allows reading /metrics.
    """


for question in (holders, of_scope_map):
    scope_map.add_command(question)


@scope_map.command(cls=WordsCommand)
@name_option
@repository_option("repository", "A repository and the actions allowed there; repeatable.")
@registry_option(MANAGEMENT, "Allow seeing accounts over HTTP (read), or changing them (write).")
@registry_option(METRICS, "Allow reading /metrics.")
@click.option("--description", default="", help="What it is for.")
@place_options("data_dir")
@output_option
def create(  # noqa: PLR0913, PLR0917 -- as az acr, and some of ours
    place: Place,
    scope_map: str,
    repository: tuple[tuple[str, ...], ...],
    management: tuple[str, ...],
    metrics: tuple[str, ...],
    description: str,
    output: str,
) -> None:
    """Create a scope map.

    \b
    Examples:
      acrux scope-map create -n pull-team --repository "team/*" content/read metadata/read
    """
    wanted = bodies.CreateScopeMap(
        name=scope_map,
        actions=[*joined(repository), *management, *metrics],
        description=description,
    )
    with place.reach() as api:
        created = api.put("POST", "/scopeMaps", wanted, shapes.ScopeMap)
    _print([created], output)


@scope_map.command()
@place_options("data_dir")
@output_option
def list(place: Place, output: str) -> None:  # noqa: A001 -- as az acr
    """List the scope maps, the built-in ones first."""
    with place.reach() as api:
        found = [*api.every("/scopeMaps", shapes.ScopeMapList)]
    _print(sorted(found, key=lambda one: (one.type, one.name)), output, many=True)


@scope_map.command()
@name_option
@place_options("data_dir")
@output_option
def show(place: Place, scope_map: str, output: str) -> None:
    """Show one scope map."""
    with place.reach() as api:
        found = api.get(ONE, shapes.ScopeMap, name=scope_map)
    _print([found], output)


@scope_map.command(cls=WordsCommand)
@name_option
@repository_option("add-repository", "A repository and the actions to allow there.")
@repository_option("remove-repository", "A repository and the actions to withdraw there.")
@registry_option(
    MANAGEMENT, "Allow seeing accounts over HTTP (read), or changing them (write).", "add-"
)
@registry_option(MANAGEMENT, "Withdraw read or write access to accounts over HTTP.", "remove-")
@registry_option(METRICS, "Allow reading /metrics.", "add-")
@registry_option(METRICS, "Withdraw reading /metrics.", "remove-")
@click.option("--description", default=None, help="What it is for.")
@place_options("data_dir")
@output_option
def update(  # noqa: PLR0913 -- as az acr, and some of ours
    *,
    place: Place,
    scope_map: str,
    add_repository: tuple[tuple[str, ...], ...],
    remove_repository: tuple[tuple[str, ...], ...],
    add_management: tuple[str, ...],
    remove_management: tuple[str, ...],
    add_metrics: tuple[str, ...],
    remove_metrics: tuple[str, ...],
    description: str | None,
    output: str,
) -> None:
    """Change a scope map. Withdrawing actions revokes the tokens of everyone who has it."""
    change = bodies.ChangeScopeMap(
        add_actions=[*joined(add_repository), *add_management, *add_metrics],
        remove_actions=[*joined(remove_repository), *remove_management, *remove_metrics],
        description=UNSET if description is None else description,
    )
    with place.reach() as api:
        changed = api.put("PATCH", ONE, change, shapes.ScopeMap, name=scope_map)
    _print([changed], output)


@scope_map.command()
@name_option
@asking("Delete the scope map {scope_map}?")
@place_options("data_dir")
def delete(place: Place, scope_map: str) -> None:
    """Delete a scope map that is not in use."""
    with place.reach() as api:
        api.do("DELETE", ONE, name=scope_map)
    click.echo(f"Deleted the scope map {scope_map}.")


def _print(maps: Sequence[shapes.ScopeMap], output: str, *, many: bool = False) -> None:
    if output == "json":
        print_json(to_builtins(maps if many else maps[0]))
    else:
        rows = [(one.name, one.description, ", ".join(one.actions)) for one in maps]
        print_table(("NAME", "DESCRIPTION", "ACTIONS"), rows)
