"""acrux scope-map: which actions on which repositories an account may get."""

from collections.abc import Sequence
from pathlib import Path

import click
from msgspec import to_builtins

from acrux.cli.options import output_option, print_json, print_table, setting_options
from acrux.cli.registry import on_registry
from acrux.cli.repositories import RepositoryCommand, joined, management_option, repository_option
from acrux.http.management import shapes
from acrux.ports.accounts import StoredScopeMap

name_option = click.option("--name", "-n", "scope_map", required=True, help="Its name.")


@click.group(name="scope-map")
def scope_map() -> None:
    """Manage scope maps: which actions on which repositories an account may get.

    A repository is a name, all below one (team/*), or all (*). The actions are content/read,
    content/write, content/delete, metadata/read and metadata/write. Beside them there is the right
    to manage accounts over HTTP: --management read, --management write.
    """


@scope_map.command(cls=RepositoryCommand)
@name_option
@repository_option("repository", "A repository and what may be done there; repeatable.")
@management_option("management", "Whether accounts may be seen, or changed, over HTTP.")
@click.option("--description", default="", help="What it is for.")
@setting_options("data_dir")
@output_option
def create(
    config: Path | None,
    scope_map: str,
    repository: tuple[tuple[str, ...], ...],
    management: tuple[str, ...],
    description: str,
    output: str,
    **options: object,
) -> None:
    """Make a scope map.

    \b
    Examples:
      acrux scope-map create -n pull-team --repository "team/*" content/read metadata/read
    """
    created = on_registry(
        config,
        options,
        lambda services, _: services.scope_maps.create(
            scope_map, (*joined(repository), *management), description
        ),
    )
    _print([created], output)


@scope_map.command()
@setting_options("data_dir")
@output_option
def list(config: Path | None, output: str, **options: object) -> None:  # noqa: A001 -- as az acr
    """List the scope maps, the system's own first."""
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


@scope_map.command(cls=RepositoryCommand)
@name_option
@repository_option("add-repository", "A repository and what may be done there from now on.")
@repository_option("remove-repository", "A repository and what may no longer be done there.")
@management_option("add-management", "What of accounts may be done over HTTP from now on.")
@management_option("remove-management", "What of accounts may no longer be done over HTTP.")
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
    description: str | None,
    output: str,
    **options: object,
) -> None:
    """Change a scope map. Where it holds less, tokens of whoever has it end."""
    changed = on_registry(
        config,
        options,
        lambda services, _: services.scope_maps.change(
            scope_map,
            add=(*joined(add_repository), *add_management),
            remove=(*joined(remove_repository), *remove_management),
            description=description,
        ),
    )
    _print([changed], output)


@scope_map.command()
@name_option
@setting_options("data_dir")
def delete(config: Path | None, scope_map: str, **options: object) -> None:
    """Delete a scope map that no account has."""
    on_registry(config, options, lambda services, _: services.scope_maps.delete(scope_map))


def _print(maps: Sequence[StoredScopeMap], output: str, *, many: bool = False) -> None:
    if output == "json":
        shown = to_builtins([shapes.scope_map(one) for one in maps])
        print_json(shown if many else shown[0])
    else:
        rows = [(one.name, one.description, ", ".join(one.permissions)) for one in maps]
        print_table(("NAME", "DESCRIPTION", "ACTIONS"), rows)
