"""acrux show and acrux update: the admin user, anonymous callers."""

import click
from msgspec import UNSET, to_builtins

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import Boolean, output_option, print_json, print_table
from acrux.cli.repositories import joined, repository_option
from acrux.cli.words import WordsCommand
from acrux.http.management import bodies, shapes

# The scope map that --anonymous-repository sets.
OF_ANONYMOUS = "anonymous-scope-map"


@click.command()
@place_options("name", "data_dir", "login_servers")
@output_option
def show(place: Place, output: str) -> None:
    """Show the registry: its names, its admin user, and what anonymous callers may do."""
    with place.reach() as api:
        found = api.get("/registry", shapes.Registry)
    _print(found, output)


@click.command(cls=WordsCommand)
@click.option(
    "--admin-enabled", type=Boolean(), default=None, help="Whether the admin user may log in."
)
@click.option(
    "--anonymous-pull-enabled",
    type=Boolean(),
    default=None,
    help="Whether anonymous callers may pull and list everything.",
)
@click.option(
    "--anonymous-scope-map",
    default=None,
    help="The scope map of anonymous callers, for access to chosen repositories.",
)
@repository_option(
    "anonymous-repository",
    f"Give anonymous callers these actions on this repository, with the scope map {OF_ANONYMOUS}; "
    "repeatable.",
)
@place_options("name", "data_dir", "login_servers")
@output_option
def update(
    place: Place,
    admin_enabled: bool | None,  # noqa: FBT001 -- a flag
    anonymous_pull_enabled: bool | None,  # noqa: FBT001 -- a flag
    anonymous_scope_map: str | None,
    anonymous_repository: tuple[tuple[str, ...], ...],
    output: str,
) -> None:
    """Change the registry while it runs, and show what is now so.

    \b
    Examples:
      acrux update --anonymous-pull-enabled true
      acrux update --anonymous-repository "public/*" content/read metadata/read
      acrux update --anonymous-scope-map public
      acrux update --admin-enabled false
    """
    ways = (anonymous_pull_enabled is not None, anonymous_scope_map is not None)
    if sum((*ways, bool(anonymous_repository))) > 1:
        raise click.UsageError(
            "give one of --anonymous-pull-enabled, --anonymous-scope-map, --anonymous-repository"
        )

    with place.reach() as api:
        if anonymous_repository:
            wanted = bodies.CreateScopeMap(
                name=OF_ANONYMOUS,
                actions=[*joined(anonymous_repository)],
                description="Of anonymous callers",
                if_exists="replace",
            )
            anonymous_scope_map = api.put("POST", "/scopeMaps", wanted, shapes.ScopeMap).name
        change = bodies.ChangeRegistry(
            admin_user_enabled=UNSET if admin_enabled is None else admin_enabled,
            anonymous_pull_enabled=UNSET
            if anonymous_pull_enabled is None
            else anonymous_pull_enabled,
            anonymous_scope_map_id=UNSET if anonymous_scope_map is None else anonymous_scope_map,
        )
        changed = api.put("PATCH", "/registry", change, shapes.Registry)
    _print(changed, output)


def _print(registry: shapes.Registry, output: str) -> None:
    if output == "json":
        print_json(to_builtins(registry))
        return
    row = (
        registry.name,
        "enabled" if registry.admin_user_enabled else "disabled",
        registry.anonymous_scope_map_id or "nothing",
    )
    print_table(("NAME", "ADMIN USER", "ANONYMOUS CALLERS MAY"), [row])
