"""Delete a repository or a manifest, and say what is gone."""

from collections.abc import Iterator
from typing import Any, Final

import click

from acrux.cli.caller.http_client import printable
from acrux.cli.carrier.refusals import NotSpoken
from acrux.cli.content.contents import Contents
from acrux.cli.content.images import Image
from acrux.cli.content.printing import counted
from acrux.cli.options import check_terminal, confirm, print_json, warn
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag

MANIFESTS: Final = "manifestsDeleted"  # as ACR answers (acr-protocol.md §5.1)
TAGS: Final = "tagsDeleted"
MAX_NAMED: Final = 10  # tags that a question names


def delete_repository(
    contents: Contents, name: RepositoryName, form: str, *, is_confirmed: bool
) -> None:
    """Delete a repository with all that it holds, and print what. Raises click.UsageError."""
    if not is_confirmed:
        confirm(f"Delete the repository {name} and all images in it?")
    try:
        deleted = contents.delete_repository(name)
    except NotSpoken:
        warn(f"{contents.host} cannot delete a repository: only what has a tag is deleted")
        deleted = _delete_each(contents, name)
    _print(deleted, form)


def delete_image(contents: Contents, image: Image, form: str, *, is_confirmed: bool) -> None:
    """Delete a manifest with all its tags, and print which. Raises click.UsageError."""
    if not is_confirmed:
        check_terminal(f"Delete the manifest {image}?")
    digest = contents.digest(image)
    tags = contents.tag_names(image.repository, digest)
    if image.tag is not None and not tags:
        tags = [str(image.tag)]
    if not is_confirmed:
        confirm(f"Delete the manifest {digest}{_with(tags)}?")
    contents.delete_manifest(image.repository, digest)
    _print({MANIFESTS: [str(digest)], TAGS: tags}, form)


def _delete_each(contents: Contents, name: RepositoryName) -> dict[str, Any]:
    tags = list(contents.plain.tag_names(name))
    digests = {contents.plain.digest(name, Tag.parse(tag)): None for tag in tags}
    deleted = list(counted(_deleted(contents, name, list(digests)), "manifests deleted"))
    return {MANIFESTS: deleted, TAGS: tags}


def _deleted(contents: Contents, name: RepositoryName, digests: list[Digest]) -> Iterator[str]:
    for digest in digests:
        contents.delete_manifest(name, digest)
        yield str(digest)


def _with(tags: list[str]) -> str:
    if not tags:
        return ""
    named = ", ".join(map(printable, tags[:MAX_NAMED]))
    more = f" and {len(tags) - MAX_NAMED} more" if len(tags) > MAX_NAMED else ""
    return f" with its tags {named}{more}"


def _print(deleted: dict[str, Any], form: str) -> None:
    if form == "json":
        print_json(deleted)
        return
    for what, key in (("Manifests", MANIFESTS), ("Tags", TAGS)):
        click.echo(f"{what} deleted: {len(deleted.get(key) or ())}")
