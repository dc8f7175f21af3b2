"""acrux show and acrux update: the admin user, anonymous callers."""

from pathlib import Path

import click
from msgspec import to_builtins

from acrux.bootstrap.services import Services
from acrux.cli.options import Boolean, output_option, print_json, print_table, setting_options
from acrux.cli.registry import on_registry
from acrux.cli.repositories import joined, repository_option
from acrux.cli.words import WordsCommand
from acrux.http.management import shapes
from acrux.services.access.accounts import EVERYTHING_PULLED
from acrux.settings import Settings

# The scope map that --anonymous-repository sets.
OF_ANONYMOUS = "anonymous-scope-map"


@click.command()
@setting_options("name", "data_dir", "login_servers")
@output_option
def show(config: Path | None, output: str, **options: object) -> None:
    """Show the registry: its names, its admin user, and what anonymous callers may do."""
    _print(on_registry(config, options, _shown), output)


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
@setting_options("name", "data_dir", "login_servers")
@output_option
def update(
    config: Path | None,
    admin_enabled: bool | None,  # noqa: FBT001 -- a flag
    anonymous_pull_enabled: bool | None,  # noqa: FBT001 -- a flag
    anonymous_scope_map: str | None,
    anonymous_repository: tuple[tuple[str, ...], ...],
    output: str,
    **options: object,
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

    async def act(services: Services, settings: Settings) -> shapes.Registry:
        if admin_enabled is not None:
            await services.accounts.change(settings.name, is_enabled=admin_enabled)
        if anonymous_pull_enabled is not None:
            await services.accounts.let_anonymous(
                EVERYTHING_PULLED if anonymous_pull_enabled else None
            )
        if anonymous_scope_map is not None:
            await services.accounts.let_anonymous(anonymous_scope_map)
        if anonymous_repository:
            await services.scope_maps.set(
                OF_ANONYMOUS, joined(anonymous_repository), "Of anonymous callers"
            )
            await services.accounts.let_anonymous(OF_ANONYMOUS)
        return await _shown(services, settings)

    _print(on_registry(config, options, act), output)


async def _shown(services: Services, settings: Settings) -> shapes.Registry:
    administrator = await services.accounts.show(settings.name)
    anonymous = await services.accounts.anonymous_scope_map()
    return shapes.registry(administrator, settings.known_login_servers, anonymous)


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
