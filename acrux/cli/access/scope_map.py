"""acrux scope-map: which actions on which repositories an account may get."""

from collections.abc import Sequence
from pathlib import Path

import click
from msgspec import to_builtins

from acrux.cli.options import asking, output_option, print_json, print_table, setting_options
from acrux.cli.registry import on_registry
from acrux.cli.repositories import joined, registry_option, repository_option
from acrux.cli.words import WordsCommand
from acrux.domain.access.scope import MANAGEMENT, METRICS
from acrux.http.management import shapes
from acrux.ports.accounts import StoredScopeMap

name_option = click.option("--name", "-n", "scope_map", required=True, help="Its name.")


@click.group(name="scope-map")
def scope_map() -> None:
    """Manage scope maps: which actions on which repositories an account may get.

    A repository is a name, all names below a prefix (team/*), or all (*). The actions are
    content/read, content/write, content/delete, metadata/read and metadata/write. In addition,
    --management read and --management write allow managing accounts over HTTP, and --metrics read
    allows reading /metrics.
    """


@scope_map.command(cls=WordsCommand)
@name_option
@repository_option("repository", "A repository and the actions allowed there; repeatable.")
@registry_option(MANAGEMENT, "Allow seeing accounts over HTTP (read), or changing them (write).")
@registry_option(METRICS, "Allow reading /metrics.")
@click.option("--description", default="", help="What it is for.")
@setting_options("data_dir")
@output_option
def create(  # noqa: PLR0913, PLR0917 -- as az acr, and some of ours
    config: Path | None,
    scope_map: str,
    repository: tuple[tuple[str, ...], ...],
    management: tuple[str, ...],
    metrics: tuple[str, ...],
    description: str,
    output: str,
    **options: object,
) -> None:
    """Create a scope map.

    \b
    Examples:
      acrux scope-map create -n pull-team --repository "team/*" content/read metadata/read
    """
    created = on_registry(
        config,
        options,
        lambda services, _: services.scope_maps.create(
            scope_map, (*joined(repository), *management, *metrics), description
        ),
    )
    _print([created], output)


@scope_map.command()
@setting_options("data_dir")
@output_option
def list(config: Path | None, output: str, **options: object) -> None:  # noqa: A001 -- as az acr
    """List the scope maps, the built-in ones first."""
    _print(
        on_registry(config, options, lambda services, _: services.scope_maps.list()),
        output,
        many=True,
    )


@scope_map.command()
@name_option
@setting_options("data_dir")
@output_option
def show(config: Path | None, scope_map: str, output: str, **options: object) -> None:
    """Show one scope map."""
    _print(
        [on_registry(config, options, lambda services, _: services.scope_maps.show(scope_map))],
        output,
    )


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
@setting_options("data_dir")
@output_option
def update(  # noqa: PLR0913, PLR0917 -- as az acr, and some of ours
    config: Path | None,
    scope_map: str,
    add_repository: tuple[tuple[str, ...], ...],
    remove_repository: tuple[tuple[str, ...], ...],
    add_management: tuple[str, ...],
    remove_management: tuple[str, ...],
    add_metrics: tuple[str, ...],
    remove_metrics: tuple[str, ...],
    description: str | None,
    output: str,
    **options: object,
) -> None:
    """Change a scope map. Withdrawing actions revokes the tokens of everyone who has it."""
    changed = on_registry(
        config,
        options,
        lambda services, _: services.scope_maps.change(
            scope_map,
            add=(*joined(add_repository), *add_management, *add_metrics),
            remove=(*joined(remove_repository), *remove_management, *remove_metrics),
            description=description,
        ),
    )
    _print([changed], output)


@scope_map.command()
@name_option
@asking("Delete the scope map {scope_map}?")
@setting_options("data_dir")
def delete(config: Path | None, scope_map: str, **options: object) -> None:
    """Delete a scope map that is not in use."""
    on_registry(config, options, lambda services, _: services.scope_maps.delete(scope_map))


def _print(maps: Sequence[StoredScopeMap], output: str, *, many: bool = False) -> None:
    if output == "json":
        shown = to_builtins([shapes.scope_map(one) for one in maps])
        print_json(shown if many else shown[0])
    else:
        rows = [(one.name, one.description, ", ".join(one.permissions)) for one in maps]
        print_table(("NAME", "DESCRIPTION", "ACTIONS"), rows)
