"""acrux purge: what `acr purge` does, on the server's side."""

from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import Any, Final, TypeVar

import click
from msgspec.structs import replace

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import asking, warn
from acrux.cli.policies.removals import Removals, portions, removals_option
from acrux.domain.content.storage.purge import MAX_KEPT
from acrux.http.management.policies import bodies, shapes

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
@place_options("data_dir")
@removals_option
def purge(
    place: Place,
    dry_run: bool,  # noqa: FBT001 -- a flag
    output: str,
    **options: Any,
) -> None:
    """Remove old tags by their names, and manifests without a tag, as acr purge does.

    No client is needed: this works on the data directory, also beside a running registry, or at a
    URL. An image of an index that stays is never removed.

    \b
    Examples:
      acrux purge --filter "team/app:^dev-" --ago 30d --dry-run
      acrux purge --filter "team/.*:.*" --ago 7d --keep 3 --untagged --yes
      acrux purge --untagged-only --ago 1d12h --yes
    """
    del options["concurrency"]
    wanted = _read(**options)
    removals = Removals(output, is_dry=dry_run)
    carry_out = _purge_there if place.url else _purge_here
    unmatched = carry_out(place, wanted, removals, is_dry=dry_run)
    removals.end()
    warn(*(f"nothing matches the filter {text} at present" for text in unmatched))


def _purge_here(
    place: Place, wanted: bodies.RunPurge, removals: Removals, *, is_dry: bool
) -> Iterable[str]:
    from acrux.bootstrap.services import Services  # noqa: PLC0415 -- the server, which is not needed at a URL
    from acrux.cli.registry import on_registry  # noqa: PLC0415 -- as above

    purge = bodies.purge(wanted)

    async def act(services: Services) -> Iterable[str]:
        unmatched: Iterable[str] = wanted.filters
        purges = services.purges
        async with aclosing(purges.preview(purge) if is_dry else purges.run(purge)) as steps:
            async for step in steps:
                unmatched = step.unmatched
                for item in step.items:
                    removals.add(shapes.removal(step.repository, item))
        return unmatched

    return on_registry(place.config, place.settings, lambda services, _: act(services))


def _purge_there(
    place: Place, wanted: bodies.RunPurge, removals: Removals, *, is_dry: bool
) -> Iterable[str]:
    path, unmatched = "/previewPurge" if is_dry else "/runPurge", wanted.filters
    with place.reach() as api:

        def ask(after: str, told: int) -> shapes.PurgePortion:
            body = replace(wanted, after=after, told=told)
            return api.put("POST", path, body, shapes.PurgePortion)

        for portion in portions(ask):
            unmatched = [text for text in unmatched if text in portion.unmatched]
            for item in portion.value:
                removals.add(item)
    return unmatched


def _read(
    filters: tuple[str, ...],
    ago: str | None,
    *,
    untagged: bool,
    untagged_only: bool,
    **others: Any,
) -> bodies.RunPurge:
    if untagged and untagged_only:
        raise click.UsageError("--untagged and --untagged-only exclude each other")
    if not untagged_only and not (filters and ago):
        raise click.UsageError("give --filter and --ago, or --untagged-only")
    wanted = bodies.RunPurge(
        filters=[*filters], ago=ago, untagged=untagged, untagged_only=untagged_only, **others
    )
    bodies.purge(wanted).check()  # before any registry is asked
    return wanted
