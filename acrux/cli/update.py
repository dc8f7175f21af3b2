"""acrux update: enable the admin user, set anonymous access."""

from pathlib import Path

import click

from acrux.bootstrap.services import Services
from acrux.cli.options import setting_options
from acrux.cli.registry import on_registry
from acrux.services.access.accounts import EVERYTHING_PULLED
from acrux.settings import Settings


@click.command()
@click.option("--admin-enabled", type=bool, default=None, help="Whether the admin user may log in.")
@click.option(
    "--anonymous-pull-enabled",
    type=bool,
    default=None,
    help="Whether anonymous callers may pull and list everything.",
)
@click.option(
    "--anonymous-scope-map",
    default=None,
    help="The scope map of anonymous callers, for access to chosen repositories.",
)
@setting_options("name", "data_dir")
def update(
    config: Path | None,
    admin_enabled: bool | None,  # noqa: FBT001 -- a flag
    anonymous_pull_enabled: bool | None,  # noqa: FBT001 -- a flag
    anonymous_scope_map: str | None,
    **options: object,
) -> None:
    """Change the registry while it runs.

    \b
    Examples:
      acrux update --anonymous-pull-enabled true
      acrux update --anonymous-scope-map public
      acrux update --admin-enabled false
    """
    if anonymous_pull_enabled is not None and anonymous_scope_map is not None:
        raise click.UsageError("give either --anonymous-pull-enabled or --anonymous-scope-map")

    async def act(services: Services, settings: Settings) -> None:
        if admin_enabled is not None:
            await services.accounts.change(settings.name, is_enabled=admin_enabled)
        if anonymous_pull_enabled is not None:
            await services.accounts.let_anonymous(
                EVERYTHING_PULLED if anonymous_pull_enabled else None
            )
        if anonymous_scope_map is not None:
            await services.accounts.let_anonymous(anonymous_scope_map)

    on_registry(config, options, act)
