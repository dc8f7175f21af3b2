"""acrux purge: what `acr purge` does, on the server's side."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from acrux.bootstrap.services import Services
from acrux.cli.options import asking, setting_options, warn
from acrux.cli.policies.removals import Removals, removals_option
from acrux.cli.registry import on_registry
from acrux.domain.content.storage.purge import MAX_KEPT, Filter, Purge, parse_age
from acrux.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

_FLAGS: Final = (
    click.option(
        "--filter", "-f", "filters", multiple=True, metavar="REPOSITORY:TAG",
        help="Regular expressions (RE2): a repository as a whole, and any part of a tag. "
        "Repeatable.",
    ),
    click.option(
        "--ago", metavar="AGE",
        help="Only what was pushed longer ago: days and a duration of Go, such as 1d2h30m.",
    ),
    click.option(
        "--keep", type=click.IntRange(0, MAX_KEPT), default=0, metavar="COUNT",
        help="Of the tags that would go, and of the manifests, keep so many of the newest.",
    ),
    click.option(
        "--untagged", is_flag=True, help="Then also remove manifests of that age without a tag."
    ),
    click.option(
        "--untagged-only", is_flag=True,
        help="Remove only manifests without a tag; --filter and --ago are optional.",
    ),
    click.option(
        "--include-locked", is_flag=True, help="Also what is locked; write-once tags stay."
    ),
    click.option(
        "--concurrency", type=int, metavar="COUNT", help="Accepted as by acr purge, and not used."
    ),
)  # fmt: skip
_FIELDS: Final = ("filters", "ago", "keep", "untagged", "untagged_only", "include_locked")


def _flags(command: Command) -> Command:
    for option in reversed(_FLAGS):
        command = option(command)
    return command


@click.command()
@_flags
@click.option("--dry-run", is_flag=True, help="Change nothing, and print what would be removed.")
@asking(
    "Remove this for good, but what soft delete keeps? See it first by --dry-run.", unless="dry_run"
)
@setting_options("data_dir")
@removals_option
def purge(
    config: Path | None,
    dry_run: bool,  # noqa: FBT001 -- a flag
    output: str,
    **options: Any,
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
    del options["concurrency"]
    wanted = _read(**{name: options.pop(name) for name in _FIELDS})

    async def act(services: Services, _: Settings) -> None:
        removals, purges = Removals(output, is_dry=dry_run), services.purges
        unmatched = tuple(one.text for one in wanted.filters)
        async for step in purges.preview(wanted) if dry_run else purges.run(wanted):
            unmatched = step.unmatched
            for item in step.items:
                removals.add(step.repository, item)
        removals.end()
        warn(*(f"nothing matches the filter {text} at present" for text in unmatched))

    on_registry(config, options, act)


def _read(
    filters: tuple[str, ...],
    ago: str | None,
    *,
    untagged: bool,
    untagged_only: bool,
    **others: Any,
) -> Purge:
    if untagged and untagged_only:
        raise click.UsageError("--untagged and --untagged-only exclude each other")
    if not untagged_only and not (filters and ago):
        raise click.UsageError("give --filter and --ago, or --untagged-only")
    wanted = Purge(
        filters=tuple(map(Filter.parse, filters)),
        ago=parse_age(ago) if ago else Purge().ago,
        untagged=untagged,
        untagged_only=untagged_only,
        **others,
    )
    wanted.check()
    return wanted
