"""acrux repository: repositories and their tags, as az acr repository."""

from collections.abc import Mapping

import click

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.carrier.refusals import NotSpoken
from acrux.cli.content import printing
from acrux.cli.content.contents import Contents
from acrux.cli.content.deleted import Deleted
from acrux.cli.content.deleting import delete_image, delete_repository
from acrux.cli.content.images import Image
from acrux.cli.content.options import attribute_options, orderby_option, top_option
from acrux.cli.options import output_option, warn, yes_option
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Order

# In az acr repository, --name names the registry.
registry_options = place_options("data_dir", names=("--registry", "-r", "--name", "-n"))
repository_option = click.option("--repository", metavar="REPO", help="The repository.")
image_option = click.option(
    "--image", "-t", metavar="REPO[:TAG|@DIGEST]",
    help="A tag, latest if none is named, or a manifest.",
)  # fmt: skip


@click.group()
def repository() -> None:
    """List, show, lock and delete repositories, tags and manifests, as az acr repository does.

    They are those of the data directory, or of the registry at --registry, which may be any.
    """


@repository.command(name="list")
@top_option
@registry_options
@output_option
def list_(place: Place, top: int | None, output: str) -> None:  # noqa: ARG001 -- print_listing asks
    """List the repositories.

    \b
    Examples:
      acrux repository list
      acrux repository list --output jsonl
    """
    with place.reach() as api:
        found = Contents(api).repositories()
        printing.print_listing(found, "repositories", ("REPOSITORY",), lambda one: (one,), top)


@repository.command()
@repository_option
@image_option
@registry_options
@output_option
def show(place: Place, repository: str | None, image: str | None, output: str) -> None:
    """Show the properties of a repository, a tag or a manifest.

    \b
    Examples:
      acrux repository show --repository team/app
      acrux repository show --image team/app:v1 --query digest
    """
    of = _target(repository, image)
    with place.reach() as api:
        contents = Contents(api)
        found = contents.image(of) if isinstance(of, Image) else contents.repository(of)
    printing.print_properties(of, found, output)


@repository.command()
@click.option("--repository", metavar="REPO", required=True, help="The repository.")
@orderby_option
@top_option
@click.option("--detail", is_flag=True, help="With digests, times and attributes.")
@registry_options
@output_option
def show_tags(
    place: Place,
    repository: str,
    order: Order,
    top: int | None,
    detail: bool,  # noqa: FBT001 -- a flag
    output: str,  # noqa: ARG001 -- print_listing asks for it
) -> None:
    """List the tags of a repository.

    \b
    Examples:
      acrux repository show-tags --repository team/app
      acrux repository show-tags --repository team/app --orderby time_desc --top 10 --detail
      acrux repository show-tags --repository team/app --detail --output jsonl \\
          --query "{name: name, digest: digest}"
    """
    name = RepositoryName.parse(repository)
    with place.reach() as api:
        contents = Contents(api)
        names, details = ("TAG",), contents.tags(name, order)
        try:
            if detail:
                printing.print_listing(details, "tags", printing.TAG, printing.tag, top)
                return
            listed = (one.get("name") for one in details)
            printing.print_listing(listed, "tags", names, lambda one: (str(one),), top)
        except NotSpoken:
            if detail or order is not Order.BY_NAME:
                warn(f"{api.host} tells only the names of tags: no --detail, no --orderby")
            plain = contents.plain.tag_names(name)
            printing.print_listing(plain, "tags", names, lambda one: (one,), top)


@repository.command()
@repository_option
@image_option
@attribute_options
@registry_options
@output_option
def update(
    place: Place,
    repository: str | None,
    image: str | None,
    attributes: Mapping[str, bool],
    output: str,
) -> None:
    """Lock or unlock a repository, a tag or a manifest, and show its properties.

    \b
    Examples:
      acrux repository update --image team/app:v1 --write-enabled false
      acrux repository update --repository team/app --delete-enabled false
      acrux repository update --repository team/app --delete-enabled true
      acrux repository update --image team/app:v1 --write-enabled true
    """
    printing.print_changed(place, _target(repository, image), attributes, output)


@repository.command()
@repository_option
@image_option
@yes_option
@registry_options
@output_option
def delete(
    place: Place,
    repository: str | None,
    image: str | None,
    yes: bool,  # noqa: FBT001 -- a flag
    output: str,
) -> None:
    """Delete a repository with all that it holds, or a manifest with all its tags.

    --image REPO:TAG deletes the manifest that has the tag, and so all its tags, as az does. To
    delete only a tag, use acrux repository untag.

    \b
    Examples:
      acrux repository delete --image team/app:dev-1 --yes
      acrux repository delete --repository team/app --yes
    """
    of = _target(repository, image)
    with place.reach() as api:
        contents = Contents(api)
        if isinstance(of, Image):
            delete_image(contents, of, output, is_confirmed=yes)
        else:
            delete_repository(contents, of, output, is_confirmed=yes)


@repository.command()
@click.option("--image", "-t", metavar="REPO[:TAG]", required=True, help="The tag.")
@registry_options
def untag(place: Place, image: str) -> None:
    """Delete a tag. Its manifest stays, and can be pulled by its digest.

    \b
    Examples:
      acrux repository untag --image team/app:v2
    """
    of = Image.parse(image)
    if of.tag is None:
        raise click.UsageError("name a tag: --image REPO:TAG.")
    with place.reach() as api:
        Contents(api).untag(of)
    click.echo(f"Untagged {of}.")


@repository.command(name="list-deleted")
@registry_options
@output_option
def list_deleted(place: Place, output: str) -> None:  # noqa: ARG001 -- print_listing asks for it
    """List the repositories of which something can be restored."""
    with place.reach() as api:
        found = Deleted(api).repositories()
        printing.print_listing(found, "repositories", ("REPOSITORY",), lambda one: (one,))


def _target(repository: str | None, image: str | None) -> RepositoryName | Image:
    if (repository is None) == (image is None):
        raise click.UsageError("give either --repository REPO or --image REPO:TAG.")
    return Image.parse(image) if image is not None else RepositoryName.parse(repository or "")
