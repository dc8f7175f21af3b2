"""acrux gc: free what nothing refers to, and explain what is kept."""

from asyncio import sleep
from pathlib import Path
from typing import Final

import click
from msgspec import to_builtins

from acrux.bootstrap.services import Services
from acrux.cli.options import output_option, print_json, print_table, setting_options
from acrux.cli.registry import on_registry
from acrux.cli.storage import tables
from acrux.cli.storage.progress import Progress
from acrux.domain.content.byte_sizes import written_bytes
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.storage.space import Target
from acrux.errors import NotYet
from acrux.http.management.storage import shapes
from acrux.services.content.collection import Collection, Freed

WAIT_SECONDS: Final = 1.0  # between two looks at what another process does

# Collection obeys these. What is not given is as the registry last ran with: bootstrap/served.py.
RULES: Final = ("data_dir", "gc_untagged", "gc_referrers", "upload_seconds", "upload_grace_seconds")


@click.group()
def gc() -> None:
    """Free what nothing refers to any more, and explain what is kept.

    The registry collects by itself. These commands follow the settings that it last ran with.
    """


@gc.command()
@click.option(
    "--wait", is_flag=True, help="Wait for a process that collects, and until nothing is due."
)
@setting_options(*RULES)
@output_option
def run(config: Path | None, wait: bool, output: str, **options: object) -> None:  # noqa: FBT001 -- a flag
    """Remove all that is due now, and say what was freed. The registry may be running.

    \b
    Examples:
      acrux gc run
      acrux gc run --wait && du -sh /var/lib/acrux
    """

    async def act(services: Services) -> tuple[Freed, bool]:
        with Progress() as progress:
            freed = await _run(services.collection, progress, wait=wait)
        return freed, not await services.collection.is_any_due()

    freed, is_done = on_registry(config, options, lambda services, _: act(services))
    if output == "json":
        print_json(to_builtins(shapes.run(freed, is_done=is_done)))
        return
    columns = ("MANIFESTS", "BLOBS", "REPOSITORIES", "UPLOADS", "SIZE")
    counts = (freed.manifests, freed.blobs, freed.repositories, freed.uploads)
    print_table(columns, [(*map(str, counts), written_bytes(freed.bytes))])
    if not is_done:
        click.echo("More is due, which waits for another process: acrux gc run --wait")


async def _run(collection: Collection, progress: Progress, *, wait: bool) -> Freed:
    total = Freed()
    while True:
        freed = await collection.run(progress.after(total))
        if freed is None and not wait:
            raise NotYet("another process is collecting now: acrux gc run --wait waits for it")
        total += freed or Freed()
        if not wait or (freed is not None and not await collection.is_any_due()):
            return total
        progress.waits()
        await sleep(WAIT_SECONDS)


@gc.command()
@setting_options("data_dir")
@output_option
def status(config: Path | None, output: str, **options: object) -> None:
    """Show what waits to be collected, what is due, and who collects."""
    found = on_registry(config, options, lambda services, _: services.collection.status())
    shown = shapes.status(found)
    if output == "json":
        print_json(to_builtins(shown))
    else:
        print_table(*tables.status(shown))


@gc.command()
@click.argument("digest")
@click.option("--repository", help="Only in this repository.")
@setting_options("data_dir", "gc_untagged")
@output_option
def why(
    config: Path | None, digest: str, repository: str | None, output: str, **options: object
) -> None:
    """Show what keeps a blob or manifest: what refers to it, up to a tag, and since when.

    \b
    Examples:
      acrux gc why sha256:9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0
      acrux gc why sha256:9834… --repository team/app --output json
    """
    wanted = Digest.parse(digest)
    within = None if repository is None else RepositoryName.parse(repository)
    kept = on_registry(config, options, lambda services, _: services.space.why(wanted, within))
    if output == "json":
        print_json(to_builtins(shapes.why(kept)))
        return
    for line in tables.why(kept):
        click.echo(line)


@gc.command("what-if")
@click.option(
    "--delete", "targets", multiple=True, required=True, metavar="REPO[:TAG|@DIGEST]",
    help="What would be deleted; may be given several times.",
)  # fmt: skip
@setting_options("data_dir", "gc_grace_seconds", "gc_untagged", "gc_referrers")
@output_option
def what_if(config: Path | None, targets: tuple[str, ...], output: str, **options: object) -> None:
    """Say what a deletion would free, and what would stay because it is shared. Nothing is changed.

    \b
    Examples:
      acrux gc what-if --delete team/app
      acrux gc what-if --delete team/app:v1 --delete team/app:v2
    """
    wanted = [Target.parse(text) for text in targets]
    found = on_registry(config, options, lambda services, _: services.space.what_if(wanted))
    if output == "json":
        print_json(to_builtins(shapes.what_if(found)))
        return
    print_table(*tables.freeable(found))
    for line in tables.notes(found):
        click.echo(line)
