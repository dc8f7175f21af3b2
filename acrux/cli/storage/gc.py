"""acrux gc: free what nothing refers to, and explain what is kept."""

import time
from asyncio import sleep
from typing import Final

import click
from msgspec import to_builtins

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import output_option, print_json, print_table
from acrux.cli.storage import tables
from acrux.cli.storage.progress import Progress
from acrux.domain.content.byte_sizes import written_bytes
from acrux.domain.content.digest import Digest
from acrux.errors import NameTaken, NotYet
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
@place_options(*RULES)
@output_option
def run(place: Place, wait: bool, output: str) -> None:  # noqa: FBT001 -- a flag
    """Remove all that is due now, and say what was freed. The registry may be running.

    \b
    Examples:
      acrux gc run
      acrux gc run --wait && du -sh /var/lib/acrux
    """
    # On a data directory one run has no end in time, and shows at once how far it is.
    done = _run_there(place, wait=wait) if place.url else _run_here(place, wait=wait)
    if output == "json":
        print_json(to_builtins(done))
        return
    columns = ("MANIFESTS", "BLOBS", "REPOSITORIES", "UPLOADS", "SIZE")
    counts = (done.manifests, done.blobs, done.repositories, done.uploads)
    print_table(columns, [(*map(str, counts), written_bytes(done.bytes))])
    if not done.is_done:
        click.echo("More is due, which waits for another process: acrux gc run --wait")


def _run_here(place: Place, *, wait: bool) -> shapes.CollectionRun:
    from acrux.bootstrap.services import Services  # noqa: PLC0415 -- the server, which is not needed at a URL
    from acrux.cli.registry import on_registry  # noqa: PLC0415 -- as above

    async def act(services: Services) -> shapes.CollectionRun:
        with Progress() as progress:
            freed = await _run(services.collection, progress, wait=wait)
        return shapes.run(freed, is_done=not await services.collection.is_any_due())

    return on_registry(place.config, place.settings, lambda services, _: act(services))


def _run_there(place: Place, *, wait: bool) -> shapes.CollectionRun:
    total = Freed()
    with place.reach() as api, Progress() as progress:
        while True:
            try:
                done = api.put("POST", "/gc/run", None, shapes.CollectionRun)
            except NameTaken:  # somebody else collects
                if not wait:
                    raise
                progress.waits()
                time.sleep(WAIT_SECONDS)
                continue
            freed = _freed(done)
            total += freed
            if done.is_done or (freed == Freed() and not wait):
                return shapes.run(total, is_done=done.is_done)
            progress.shows(total)


def _freed(done: shapes.CollectionRun) -> Freed:
    return Freed(
        manifests=done.manifests,
        blobs=done.blobs,
        repositories=done.repositories,
        copies=done.copies,
        uploads=done.uploads,
        bytes=done.bytes,
    )


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
@place_options("data_dir")
@output_option
def status(place: Place, output: str) -> None:
    """Show what waits to be collected, what is due, and who collects."""
    with place.reach() as api:
        shown = api.get("/gc", shapes.CollectionStatus)
    if output == "json":
        print_json(to_builtins(shown))
    else:
        print_table(*tables.status(shown))


@gc.command()
@click.argument("digest")
@click.option("--repository", help="Only in this repository.")
@place_options("data_dir", "gc_untagged")
@output_option
def why(place: Place, digest: str, repository: str | None, output: str) -> None:
    """Show what keeps a blob or manifest: what refers to it, up to a tag, and since when.

    \b
    Examples:
      acrux gc why sha256:9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0
      acrux gc why sha256:9834… --repository team/app --output json
    """
    named = str(Digest.parse(digest))
    within = (("repository", repository),) if repository is not None else ()
    with place.reach() as api:
        kept = api.get("/gc/why/{digest}", shapes.Why, within, digest=named)
    if output == "json":
        print_json(to_builtins(kept))
        return
    for line in tables.why(kept):
        click.echo(line)


@gc.command("what-if")
@click.option(
    "--delete", "targets", multiple=True, required=True, metavar="REPO[:TAG|@DIGEST]",
    help="What would be deleted; may be given several times.",
)  # fmt: skip
@place_options("data_dir", "gc_grace_seconds", "gc_untagged", "gc_referrers")
@output_option
def what_if(place: Place, targets: tuple[str, ...], output: str) -> None:
    """Say what a deletion would free, and what would stay because it is shared. Nothing is changed.

    \b
    Examples:
      acrux gc what-if --delete team/app
      acrux gc what-if --delete team/app:v1 --delete team/app:v2
    """
    with place.reach() as api:
        wanted = tuple(("delete", text) for text in targets)
        found = api.get("/gc/whatIf", shapes.WhatIf, wanted)
    if output == "json":
        print_json(to_builtins(found))
        return
    print_table(*tables.freeable(found))
    for line in tables.notes(found):
        click.echo(line)
