"""acrux deleted: what was deleted and can be restored."""

from itertools import takewhile

import click
from msgspec import to_builtins

from acrux.cli.carrier.api import Api
from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import confirm, output_option, print_json, print_table, yes_option
from acrux.cli.storage.targets import parse_target
from acrux.errors import UnknownTag
from acrux.http.management.storage import shapes
from acrux.http.management.storage.bodies import Purge, Restore
from acrux.http.management.storage.sentences import instant


@click.group()
def deleted() -> None:
    """List, restore and purge what was deleted, if soft delete is enabled."""


@deleted.command(name="list")
@place_options("data_dir")
@output_option
def list_(place: Place, output: str) -> None:
    """List the repositories of which something can be restored."""
    with place.reach() as api:
        names = [*api.every("/deleted", shapes.DeletedRepositoryList)]
    if output == "json":
        print_json(names)
    else:
        print_table(("REPOSITORY",), [(name,) for name in names])


@deleted.command()
@click.argument("repository")
@place_options("data_dir")
@output_option
def show(place: Place, repository: str, output: str) -> None:
    """Show what can be restored of a repository, and until when.

    \b
    Examples:
      acrux deleted show team/app
    """
    of = (("repository", repository),)
    with place.reach() as api:
        found = [*api.every("/deleted/manifests", shapes.DeletedManifestList, of)]
        tags = [*api.every("/deleted/tags", shapes.DeletedTagList, of)]
    if output == "json":
        print_json({"manifests": to_builtins(found), "tags": to_builtins(tags)})
        return
    rows = [
        (one.digest, one.media_type, instant(one.deleted_at), instant(one.expires_after))
        for one in found
    ]
    print_table(("DIGEST", "MEDIA TYPE", "DELETED", "KEPT UNTIL"), rows)
    click.echo()
    rows = [
        (one.tag, one.digest, instant(one.deleted_at), instant(one.expires_after)) for one in tags
    ]
    print_table(("TAG", "DIGEST", "DELETED", "KEPT UNTIL"), rows)


@deleted.command()
@click.argument("target")
@click.option(
    "--force", "-f", is_flag=True, help="Move a tag that points at another manifest by now."
)
@place_options("data_dir")
def restore(place: Place, target: str, force: bool) -> None:  # noqa: FBT001 -- a flag
    """Restore REPO, REPO:TAG, REPO@DIGEST or REPO:TAG@DIGEST.

    REPO restores the repository that was deleted last under this name, REPO:TAG the manifest that
    had this tag last, and REPO@DIGEST a manifest with the tags that were deleted with it. An index
    comes back with the manifests that it lists, and each with the signatures that were deleted
    with it.

    \b
    Examples:
      acrux deleted restore team/app
      acrux deleted restore team/app:v1
    """
    repository, tag, digest = parse_target(target)
    with place.reach() as api:
        named = None if digest is None else str(digest)
        if tag is not None and named is None:
            named = _last_of(api, str(repository), str(tag))
        wanted = Restore(
            repository=str(repository),
            digest=named,
            tag=None if tag is None else str(tag),
            force=force and named is not None,
        )
        api.do("POST", "/deleted/restore", wanted)
    click.echo(f"Restored {target}.")


def _last_of(api: Api, repository: str, tag: str) -> str:
    # From the first of this name on: of one name, the one deleted last comes last.
    of = (("repository", repository), ("last", f"{tag}@0"))
    found = api.every("/deleted/tags", shapes.DeletedTagList, of)
    digests = [one.digest for one in takewhile(lambda one: one.tag == tag, found)]
    if not digests:
        raise UnknownTag("no such tag can be restored: list the deleted ones", tag=tag)
    return str(digests[-1])


@deleted.command()
@click.argument("target")
@yes_option
@place_options("data_dir")
def purge(place: Place, target: str, yes: bool) -> None:  # noqa: FBT001 -- a flag
    """Remove REPO@DIGEST for good, or all that was deleted of REPO. It needs no grace.

    \b
    Examples:
      acrux deleted purge team/app --yes
    """
    repository, tag, digest = parse_target(target)
    if tag is not None:
        raise click.UsageError("name what to purge as REPO or REPO@DIGEST, without a tag")
    if not yes:
        confirm(f"Remove {target} for good? Nobody can restore it then.")
    with place.reach() as api:
        named = None if digest is None else str(digest)
        api.do("POST", "/deleted/purge", Purge(repository=str(repository), digest=named))
    click.echo(f"Purged {target}.")
