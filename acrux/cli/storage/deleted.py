"""acrux deleted: what was deleted and can be restored."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click
from msgspec import to_builtins

from acrux.bootstrap.services import Services
from acrux.cli.options import output_option, print_json, print_table, setting_options
from acrux.cli.registry import on_registry
from acrux.cli.storage.targets import parse_target
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import MAX_ITEMS, Page, Slice
from acrux.domain.content.patterns import EVERY_REPOSITORY
from acrux.domain.content.storage.deleted import DeletedManifest, DeletedTag, Restoration
from acrux.domain.instants import to_microseconds
from acrux.http.management.storage import shapes
from acrux.http.management.storage.sentences import instant

Item = TypeVar("Item")

force_option = click.option(
    "--force", "-f", is_flag=True, help="Move a tag that points at another manifest by now."
)


async def repositories(services: Services) -> list[str]:
    """The repositories of which something can be restored."""
    every = (EVERY_REPOSITORY,)
    return await _all(lambda page: services.deleted.repositories(page, every), _after_name)


async def manifests(services: Services, repository: RepositoryName) -> list[DeletedManifest]:
    """The deleted manifests of the repository."""
    return await _all(lambda page: services.deleted.manifests(repository, page), _after_manifest)


async def tags(services: Services, repository: RepositoryName) -> list[DeletedTag]:
    """The deleted tags of the repository."""
    return await _all(lambda page: services.deleted.tags(repository, page), _after_tag)


async def _all(
    listing: Callable[[Page], Awaitable[Slice[Item]]], after: Callable[[Item], Page]
) -> list[Item]:
    found: list[Item] = []
    part = await listing(Page(MAX_ITEMS))
    found += part.items
    while part.more:
        part = await listing(after(found[-1]))
        found += part.items
    return found


def _after_name(name: str) -> Page:
    return Page(MAX_ITEMS, name)


def _after_manifest(manifest: DeletedManifest) -> Page:
    return Page(MAX_ITEMS, manifest.digest)


def _after_tag(tag: DeletedTag) -> Page:
    return Page(MAX_ITEMS, tag.name, to_microseconds(tag.deleted_at))


def print_repositories(names: Sequence[str], output: str) -> None:
    """Print the names of repositories."""
    if output == "json":
        print_json(names)
    else:
        print_table(("REPOSITORY",), [(name,) for name in names])


def print_manifests(found: Sequence[DeletedManifest], output: str) -> None:
    """Print deleted manifests."""
    if output == "json":
        print_json([to_builtins(shapes.deleted_manifest(one)) for one in found])
        return
    rows = [
        (one.digest, one.media_type, instant(one.deleted_at), instant(one.expires_at))
        for one in found
    ]
    print_table(("DIGEST", "MEDIA TYPE", "DELETED", "KEPT UNTIL"), rows)


def print_tags(found: Sequence[DeletedTag], output: str) -> None:
    """Print deleted tags."""
    if output == "json":
        print_json([to_builtins(shapes.deleted_tag(one)) for one in found])
        return
    rows = [
        (one.name, one.digest, instant(one.deleted_at), instant(one.expires_at)) for one in found
    ]
    print_table(("TAG", "DIGEST", "DELETED", "KEPT UNTIL"), rows)


@click.group()
def deleted() -> None:
    """List, restore and purge what was deleted, if soft delete is enabled."""


@deleted.command(name="list")
@setting_options("data_dir")
@output_option
def list_(config: Path | None, output: str, **options: object) -> None:
    """List the repositories of which something can be restored."""
    found = on_registry(config, options, lambda services, _: repositories(services))
    print_repositories(found, output)


@deleted.command()
@click.argument("repository")
@setting_options("data_dir")
@output_option
def show(config: Path | None, repository: str, output: str, **options: object) -> None:
    """Show what can be restored of a repository, and until when.

    \b
    Examples:
      acrux deleted show team/app
    """
    name = RepositoryName.parse(repository)

    async def act(services: Services) -> tuple[list[DeletedManifest], list[DeletedTag]]:
        return await manifests(services, name), await tags(services, name)

    found, untagged = on_registry(config, options, lambda services, _: act(services))
    if output == "json":
        print_json(
            {
                "manifests": [to_builtins(shapes.deleted_manifest(one)) for one in found],
                "tags": [to_builtins(shapes.deleted_tag(one)) for one in untagged],
            }
        )
        return
    print_manifests(found, output)
    click.echo()
    print_tags(untagged, output)


@deleted.command()
@click.argument("target")
@force_option
@setting_options("data_dir")
def restore(config: Path | None, target: str, force: bool, **options: object) -> None:  # noqa: FBT001 -- a flag
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
    if tag is None and digest is None:
        on_registry(
            config, options, lambda services, _: services.deleted.restore_repository(repository)
        )
    else:
        on_registry(
            config,
            options,
            lambda services, _: bring_back(services, repository, tag, digest, force),
        )
    click.echo(f"Restored {target}.")


async def bring_back(
    services: Services,
    repository: RepositoryName,
    tag: Tag | None,
    digest: Digest | None,
    force: bool,  # noqa: FBT001 -- a flag
) -> None:
    """Restore a manifest; without a digest, the one that had the tag last.

    Raises UnknownTag.
    """
    if digest is None:
        assert tag is not None  # noqa: S101 -- for the type checker
        digest = await services.deleted.last_of(repository, tag)
    await services.deleted.restore(Restoration(repository, digest, tag, force))


@deleted.command()
@click.argument("target")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@setting_options("data_dir")
def purge(config: Path | None, target: str, yes: bool, **options: object) -> None:  # noqa: FBT001 -- a flag
    """Remove REPO@DIGEST for good, or all that was deleted of REPO. It needs no grace.

    \b
    Examples:
      acrux deleted purge team/app --yes
    """
    repository, tag, digest = parse_target(target)
    if tag is not None:
        raise click.UsageError("name what to purge as REPO or REPO@DIGEST, without a tag")
    if not yes:
        click.confirm(f"Nobody can restore {target} then. Continue?", abort=True)
    on_registry(config, options, lambda services, _: services.deleted.purge(repository, digest))
    click.echo(f"Purged {target}.")
