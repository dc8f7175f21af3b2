"""acrux manifest: manifests and their metadata, as az acr manifest."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from acrux.cli.caller.http_client import Refused, printable
from acrux.cli.carrier.place import Place, place_options
from acrux.cli.carrier.refusals import NotSpoken
from acrux.cli.content import printing
from acrux.cli.content.contents import Contents
from acrux.cli.content.deleted import Deleted
from acrux.cli.content.deleting import delete_image
from acrux.cli.content.images import Image, named_options
from acrux.cli.content.options import attribute_options, orderby_option, top_option
from acrux.cli.options import output_option, print_json, print_table, warn, yes_option
from acrux.cli.storage.targets import parse_target
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Order
from acrux.errors import InvalidInput

MAX_REFERRERS = 10_000  # that --recursive follows

registry_options = place_options("data_dir")
of_repository = named_options("REPO", "The repository, such as team/app.")
of_image = named_options("REPO[:TAG|@DIGEST]", "A tag, latest if none is named, or a manifest.")
of_tag = named_options("REPO[:TAG]", "The repository, or REPO:TAG for one tag.")


@click.group()
def manifest() -> None:
    """List, show, lock, delete and restore manifests, as az acr manifest does.

    They are those of the data directory, or of the registry at --registry, which may be any.
    """


@manifest.command()
@of_repository
@orderby_option
@top_option
@registry_options
@output_option
def list_metadata(
    place: Place,
    name: str,
    order: Order,
    top: int | None,
    output: str,  # noqa: ARG001 -- print_listing asks for it
) -> None:
    """List the manifests of a repository with their properties.

    \b
    Examples:
      acrux manifest list-metadata -n team/app
      acrux manifest list-metadata -n team/app --orderby time_desc --top 3 --query "[].digest"
    """
    of = RepositoryName.parse(name)
    with place.reach() as api:
        contents = Contents(api)
        columns, row = printing.MANIFEST, printing.manifest
        try:
            printing.print_listing(contents.manifests(of, order), "manifests", columns, row, top)
        except NotSpoken:
            warn(f"{api.host} tells only of manifests that have a tag, in no order of time")
            found = contents.plain.manifests(of)
            printing.print_listing(found, "manifests", columns, row, top)


@manifest.command()
@of_image
@click.option("--raw", is_flag=True, help="Print its bytes as they are, whatever --output says.")
@registry_options
@output_option
def show(place: Place, name: str, raw: bool, output: str) -> None:  # noqa: FBT001 -- a flag
    """Show a manifest.

    \b
    Examples:
      acrux manifest show -n team/app:v1
      acrux manifest show -n team/app:v1 --raw | sha256sum
    """
    image = Image.parse(name)
    with place.reach() as api:
        content = Contents(api).manifest(image)
    if raw:
        click.echo(content, nl=False)
        return
    found = _parsed(content, image)
    if output == "json":
        print_json(found)
    else:
        rows = [tuple(map(printable, row)) for row in printing.parts(found)]
        print_table(("PART", "DIGEST", "MEDIA TYPE", "SIZE"), rows)


@manifest.command()
@of_image
@registry_options
@output_option
def show_metadata(place: Place, name: str, output: str) -> None:
    """Show the properties of a manifest, or of a tag.

    \b
    Examples:
      acrux manifest show-metadata -n team/app:v1
    """
    image = Image.parse(name)
    with place.reach() as api:
        found = Contents(api).image(image)
    printing.print_properties(image, found, output)


@manifest.command()
@of_image
@attribute_options
@registry_options
@output_option
def update_metadata(place: Place, name: str, attributes: Mapping[str, bool], output: str) -> None:
    """Lock or unlock a manifest or a tag, and show its properties.

    \b
    Examples:
      acrux manifest update-metadata -n team/app:v1 --write-enabled false
      acrux manifest update-metadata -n team/app:v1 --write-enabled true
    """
    printing.print_changed(place, Image.parse(name), attributes, output)


@manifest.command()
@of_image
@yes_option
@registry_options
@output_option
def delete(place: Place, name: str, yes: bool, output: str) -> None:  # noqa: FBT001 -- a flag
    """Delete a manifest with all its tags, also if it is named by one of them, as az does.

    \b
    Examples:
      acrux manifest delete -n team/app:v2 --yes
    """
    image = Image.parse(name)
    with place.reach() as api:
        delete_image(Contents(api), image, output, is_confirmed=yes)


@manifest.command()
@of_image
@click.option("--artifact-type", metavar="TYPE", help="Only referrers of this type.")
@click.option("--recursive", is_flag=True, help="Also the referrers of the referrers.")
@registry_options
@output_option
def list_referrers(
    place: Place,
    name: str,
    artifact_type: str | None,
    recursive: bool,  # noqa: FBT001 -- a flag
    output: str,  # noqa: ARG001 -- print_listing asks for it
) -> None:
    """List what refers to a manifest: signatures, attestations, SBOMs.

    \b
    Examples:
      acrux manifest list-referrers -n team/app:v1
    """
    image = Image.parse(name)
    with place.reach() as api:
        contents = Contents(api)
        found = contents.referrers(image.repository, contents.digest(image), artifact_type)
        if recursive:
            found = _followed(contents, image.repository, found)
        printing.print_listing(found, "referrers", printing.DESCRIPTOR, printing.descriptor)


@manifest.command(name="list-deleted")
@of_repository
@registry_options
@output_option
def list_deleted(place: Place, name: str, output: str) -> None:  # noqa: ARG001 -- as above
    """List the deleted manifests of a repository."""
    of = RepositoryName.parse(name)
    with place.reach() as api:
        found = Deleted(api).manifests(of)
        columns, row = printing.DELETED_MANIFEST, printing.deleted_manifest
        printing.print_listing(found, "manifests", columns, row)


@manifest.command(name="list-deleted-tags")
@of_tag
@registry_options
@output_option
def list_deleted_tags(place: Place, name: str, output: str) -> None:  # noqa: ARG001 -- as above
    """List the deleted tags of a repository; of one name, the one deleted last comes last."""
    of, tag, digest = parse_target(name)
    if digest is not None:
        raise InvalidInput("name REPO or REPO:TAG, without a digest")
    with place.reach() as api:
        found = Deleted(api).tags(of, tag)
        printing.print_listing(found, "tags", printing.DELETED_TAG, printing.deleted_tag)


@manifest.command()
@named_options("REPO[:TAG]", "REPO:TAG, or REPO with --digest.")
@click.option("--digest", "-d", help="The manifest; without it, the one that had the tag last.")
@click.option(
    "--force", "-f", is_flag=True, help="Move a tag that points at another manifest by now."
)
@click.option("--yes", "-y", is_flag=True, help="Accepted as az has it; nothing is asked.")
@registry_options
def restore(
    place: Place,
    name: str,
    digest: str | None,
    force: bool,  # noqa: FBT001 -- a flag
    yes: bool,  # noqa: ARG001, FBT001 -- a flag that az has
) -> None:
    """Restore a deleted manifest under a tag.

    \b
    Examples:
      acrux manifest restore -n team/app:v1
    """
    of, tag, named = parse_target(name)
    wanted = named if digest is None else Digest.parse(digest)
    if tag is None and wanted is None:
        raise InvalidInput("name REPO:TAG, or give --digest")
    with place.reach() as api:
        deleted = Deleted(api)
        if wanted is None:
            assert tag is not None  # noqa: S101 -- for the type checker
            wanted = deleted.last_of(of, tag)
        deleted.restore(of, wanted, tag, force=force)
    click.echo(f"Restored {name}.")


def _parsed(content: bytes, image: Image) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused(f"the manifest {image} is not a JSON object: see it with --raw")
    return found


def _followed(
    contents: Contents, name: RepositoryName, first: Iterator[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    waiting = [first]
    while waiting:
        for one in waiting.pop():
            digest = str(one.get("digest"))
            if digest in seen:
                continue
            if len(seen) == MAX_REFERRERS:
                raise Refused(f"there are more than {MAX_REFERRERS} referrers")
            seen.add(digest)
            yield one
            waiting.append(contents.referrers(name, Digest.parse(digest), None))
