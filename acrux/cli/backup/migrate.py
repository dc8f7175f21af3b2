"""acrux migrate: copy a registry to another directory, database or store."""

import asyncio
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from acrux.adapters.migration.migrate import Migrated
from acrux.bootstrap.migration import migrate_registry
from acrux.cli.backup.progress import Progress
from acrux.cli.options import output_option, print_json, print_table, setting_options
from acrux.cli.registry import find, record_on
from acrux.domain.content.byte_sizes import written_bytes
from acrux.settings import Settings, rows

# The settings that say where the target is. Each is given as --to-NAME; what is not given has its
# default.
TARGET: Final = {
    "data_dir": "The data directory of the target; if it is not given, that of the source.",
    "database": "The URL of the target's PostgreSQL.",
    "database_file": "A file that holds that URL instead.",
    "storage": "The object store of the target; if it is not given, its blobs are files.",
    "master_key_file": "The master key of the target. Without it, the target's own keys are files.",
}

Command = TypeVar("Command", bound=Callable[..., Any])


def target_options(command: Command) -> Command:
    """An option for each setting of the target."""
    types = {row.name: row.type for row in rows()}
    for name, sentence in reversed(TARGET.items()):
        is_path = types[name] in (Path, Path | None)
        kind = click.Path(path_type=Path) if is_path else click.STRING
        command = click.option(_option(f"to_{name}"), type=kind, help=sentence)(command)
    return command


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


@click.command()
@target_options
@click.option(
    "--allow-damaged",
    is_flag=True,
    help="Go on without the bytes of blobs that are damaged in the source.",
)
@setting_options("data_dir")
@output_option
def migrate(
    config: Path | None,
    allow_damaged: bool,  # noqa: FBT001 -- a flag
    output: str,
    **options: Any,
) -> None:
    """Copy a registry that does not run to another place, and check all of it.

    The target must be empty. Until all is copied, no registry starts on it; after an interruption,
    the same command goes on. The source stays as it is.

    \b
    Examples:
      acrux migrate --data-dir old --to-data-dir new
      acrux migrate --data-dir old --to-data-dir new --to-master-key-file master-key
      acrux migrate --to-database-file url --to-storage s3://BUCKET --to-master-key-file master-key
    """
    given = {name: options.pop(f"to_{name}") for name in TARGET}
    source = find(config, options).settings
    target = source.replace(
        **{row.name: row.default for row in rows() if row.name in TARGET}
        | {"data_dir": source.data_dir}
        | {name: value for name, value in given.items() if value is not None}
    )
    progress = Progress()
    try:
        migrated = asyncio.run(_migrate(source, target, progress, allow_damaged=allow_damaged))
    finally:
        progress.end()
    if output == "json":
        print_json(
            {
                "blobs": migrated.blobs,
                "copiedBytes": migrated.copied_bytes,
                "rows": migrated.rows,
                "damaged": migrated.damaged,
            }
        )
    else:
        shown = (f"{migrated.blobs}", written_bytes(migrated.copied_bytes), f"{migrated.rows}")
        print_table(("BLOBS", "COPIED NOW", "ROWS"), [shown])
    _tell_to_switch(target, migrated.damaged)


async def _migrate(
    source: Settings, target: Settings, progress: Progress, *, allow_damaged: bool
) -> Migrated:
    migrated = await migrate_registry(source, target, progress, allow_damaged=allow_damaged)
    await record_on(target)  # of the source, nothing was changed
    return migrated


def _tell_to_switch(target: Settings, damaged: tuple[str, ...]) -> None:
    if damaged:
        click.echo(
            f"blobs that were damaged, and have no bytes in the target: {len(damaged)}, first "
            f"{damaged[0]}; push them again",
            err=True,
        )
    values = {name: getattr(target, name) for name in TARGET}
    # Whatever is no path may hold a password.
    shown = [
        f"{_option(name)} {shlex.quote(str(value)) if isinstance(value, Path) else '…'}"
        for name, value in values.items()
        if value
    ]
    click.echo(
        f"to switch: {' '.join(['acrux serve', *shown])}, with your other settings; "
        "do not start the former registry again, since what is pushed to it would be missing here",
        err=True,
    )
