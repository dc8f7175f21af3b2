"""acrux repository, acrux manifest: what was deleted, in az's words."""

from pathlib import Path

import click

from acrux.cli.options import output_option, setting_options
from acrux.cli.registry import on_registry
from acrux.cli.storage import deleted
from acrux.cli.storage.deleted import force_option
from acrux.cli.storage.targets import parse_target
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.errors import InvalidInput

name_option = click.option("--name", "-n", required=True, help="The repository, such as team/app.")


@click.group()
def repository() -> None:
    """List repositories with deleted content, as az acr repository list-deleted does."""


@repository.command(name="list-deleted")
@setting_options("data_dir")
@output_option
def list_deleted_repositories(config: Path | None, output: str, **options: object) -> None:
    """List the repositories of which something can be restored."""
    found = on_registry(config, options, lambda services, _: deleted.repositories(services))
    deleted.print_repositories(found, output)


@click.group()
def manifest() -> None:
    """List and restore deleted manifests, as az acr manifest does."""


@manifest.command(name="list-deleted")
@name_option
@setting_options("data_dir")
@output_option
def list_deleted(config: Path | None, name: str, output: str, **options: object) -> None:
    """List the deleted manifests of a repository."""
    of = RepositoryName.parse(name)
    found = on_registry(config, options, lambda services, _: deleted.manifests(services, of))
    deleted.print_manifests(found, output)


@manifest.command(name="list-deleted-tags")
@click.option("--name", "-n", required=True, help="The repository, or REPO:TAG for one tag.")
@setting_options("data_dir")
@output_option
def list_deleted_tags(config: Path | None, name: str, output: str, **options: object) -> None:
    """List the deleted tags of a repository; of one name, the one deleted last comes last."""
    of, tag, digest = parse_target(name)
    if digest is not None:
        raise InvalidInput("name REPO or REPO:TAG, without a digest")
    found = on_registry(config, options, lambda services, _: deleted.tags(services, of))
    deleted.print_tags([one for one in found if tag is None or one.name == tag.value], output)


@manifest.command()
@click.option("--name", "-n", required=True, help="REPO:TAG, or REPO with --digest.")
@click.option("--digest", "-d", help="The manifest; without it, the one that had the tag last.")
@force_option
@click.option("--yes", "-y", is_flag=True, help="Accepted as az has it; nothing is asked.")
@setting_options("data_dir")
def restore(
    config: Path | None,
    name: str,
    digest: str | None,
    force: bool,  # noqa: FBT001 -- a flag
    **options: object,
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
    settings = {"data_dir": options["data_dir"]}
    on_registry(
        config,
        settings,
        lambda services, _: deleted.bring_back(services, of, tag, wanted, force),
    )
    click.echo(f"Restored {name}.")
