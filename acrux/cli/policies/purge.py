"""acrux purge: what `acr purge` does, on the server's side."""

from pathlib import Path

import click

from acrux.bootstrap.services import Services
from acrux.cli.options import setting_options
from acrux.cli.policies.removals import FORMATS, Removals
from acrux.cli.registry import on_registry
from acrux.domain.content.purge import MAX_KEPT, Filter, Purge, parse_age
from acrux.settings import Settings


@click.command()
@click.option(
    "--filter", "-f", "filters", multiple=True, metavar="REPOSITORY:TAG",
    help="Regular expressions (RE2): a repository as a whole, and any part of a tag. Repeatable.",
)  # fmt: skip
@click.option(
    "--ago", metavar="AGE",
    help="Only what was pushed longer ago: days and a duration of Go, such as 1d2h30m.",
)  # fmt: skip
@click.option(
    "--keep", type=click.IntRange(0, MAX_KEPT), default=0, metavar="COUNT",
    help="Of the tags that would go, and of the manifests, keep so many of the newest.",
)  # fmt: skip
@click.option(
    "--untagged", is_flag=True, help="Then also remove manifests of that age without a tag."
)
@click.option(
    "--untagged-only", is_flag=True,
    help="Remove only manifests without a tag; --filter and --ago are optional.",
)  # fmt: skip
@click.option("--include-locked", is_flag=True, help="Also what is locked; write-once tags stay.")
@click.option("--dry-run", is_flag=True, help="Change nothing, and print what would be removed.")
@click.option(
    "--concurrency", type=int, metavar="COUNT", help="Accepted as by acr purge, and not used."
)
@setting_options("data_dir")
@click.option(
    "--output", "-o", type=click.Choice(FORMATS), default="table", show_default=True,
    help="JSON or JSON lines for programs, a line for each item for people.",
)  # fmt: skip
def purge(  # noqa: PLR0913, PLR0917 -- the flags of acr purge
    config: Path | None,
    filters: tuple[str, ...],
    ago: str | None,
    keep: int,
    untagged: bool,  # noqa: FBT001 -- a flag
    untagged_only: bool,  # noqa: FBT001 -- a flag
    include_locked: bool,  # noqa: FBT001 -- a flag
    dry_run: bool,  # noqa: FBT001 -- a flag
    concurrency: int | None,  # noqa: ARG001 -- accepted for scripts
    output: str,
    **options: object,
) -> None:
    """Remove old tags by their names, and manifests without a tag, as acr purge does.

    No client is needed: this works on the data directory, also beside a running registry. An image
    of an index that stays is never removed.

    \b
    Examples:
      acrux purge --filter "team/app:^dev-" --ago 30d --dry-run
      acrux purge --filter "team/.*:.*" --ago 7d --keep 3 --untagged
      acrux purge --untagged-only --ago 1d12h
    """
    if untagged and untagged_only:
        raise click.UsageError("--untagged and --untagged-only exclude each other")
    if not untagged_only and not (filters and ago):
        raise click.UsageError("give --filter and --ago, or --untagged-only")
    wanted = Purge(
        filters=tuple(map(Filter.parse, filters)),
        ago=parse_age(ago) if ago else Purge().ago,
        keep=keep,
        untagged=untagged,
        untagged_only=untagged_only,
        include_locked=include_locked,
    )
    wanted.check()

    async def act(services: Services, _: Settings) -> None:
        removals, repositories = Removals(output, is_dry=dry_run), set[str]()
        purges = services.purges
        async for step in purges.preview(wanted) if dry_run else purges.run(wanted):
            repositories.add(step.repository)
            for item in step.items:
                removals.add(step.repository, item)
        removals.end()
        if not repositories:
            click.echo("acrux: warning: no repository matches", err=True)

    on_registry(config, options, act)
