"""acrux backup: make a copy of the whole registry, and check it."""

import asyncio
import difflib
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import click

from acrux.adapters.backup import create as creating
from acrux.adapters.backup import read, sealed
from acrux.adapters.backup.create import Made, Seal, Source
from acrux.adapters.backup.files import failures_of
from acrux.bootstrap.services import Services
from acrux.cli.backup import places, report
from acrux.cli.backup.embedded import check_embedded
from acrux.cli.backup.passphrase import unsealing
from acrux.cli.backup.progress import Progress
from acrux.cli.options import load, output_option, setting_options
from acrux.cli.registry import on_registry
from acrux.clocks import now
from acrux.errors import InvalidSettings, RegistryError
from acrux.services.content.backups import RENEWED_EVERY, Backups
from acrux.settings import Settings

USUAL: Final = "create"

SEALED: Final = (
    "the secrets are in the database, sealed under the master key: keep a copy of {file} "
    "elsewhere, without which a restored registry does not start"
)

LEFT_OUT: Final = (
    "the secrets are not in this backup, and without them every password must be renewed after a "
    "restore: keep a copy of {folder} elsewhere, or give --passphrase-file; --secrets exclude "
    "silences this note"
)

ELSEWHERE: Final = (
    "storage: the blobs of this registry are in {}, which this command does not copy: let the "
    "object store keep former versions, and copy registry.sqlite and the folder secrets"
)


class WithoutVerb(click.Group):
    """A group in which `acrux backup DIR` is `acrux backup create DIR`."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Add the usual command if none is named."""
        if args and args[0] not in context.help_option_names:
            args = self._named(context, args)
        return super().parse_args(context, args)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, or the usual command with all words."""
        return super().resolve_command(context, self._named(context, args))

    def _named(self, context: click.Context, args: list[str]) -> list[str]:
        if args[0] in self.commands:
            return args
        nearest = difflib.get_close_matches(args[0], self.commands, 1)
        if nearest and not Path(args[0]).exists():
            raise click.UsageError(
                f"Did you mean {nearest[0]!r}? For a folder of this name write ./{args[0]}", context
            )
        return [USUAL, *args]


@click.group(cls=WithoutVerb, subcommand_metavar="DIR|FILE | COMMAND [ARGS]...")
def backup() -> None:
    """Make a copy of the whole registry, while it runs, and check it.

    `acrux backup DIR` is short for `acrux backup create DIR`. acrux restore restores it.

    \b
    Examples:
      acrux backup /backups/registry --passphrase-file passphrase
      acrux backup verify /backups/registry
    """


@backup.command()
@places.place_argument
@click.option(
    "--secrets", type=click.Choice(["encrypt", "exclude"]),
    help="Whether the keys of the registry are in the backup. Default: with --passphrase-file.",
)  # fmt: skip
@click.option(
    "--passphrase-file", type=click.Path(path_type=Path),
    help="A file whose first line encrypts the secrets. Without it, they are left out.",
)  # fmt: skip
@click.option(
    "--allow-damaged", is_flag=True, help="Leave out blobs that are damaged in the registry."
)
@setting_options("data_dir")
@output_option
def create(
    config: Path | None,
    place: str,
    secrets: str | None,
    passphrase_file: Path | None,
    allow_damaged: bool,  # noqa: FBT001 -- a flag
    output: str,
    **options: object,
) -> None:
    """Make a backup in a folder, in a file that ends in .tar, or on standard output (-).

    In a folder that holds a backup already, only new blobs are copied. The previous backup stays
    valid until the new one is complete.

    \b
    Examples:
      acrux backup create /backups/registry --passphrase-file passphrase
      acrux backup create registry.tar --secrets exclude
      acrux backup create - --secrets exclude | ssh backup-host 'cat > registry.tar'
    """
    _check_options(place, secrets, passphrase_file)
    check_embedded(load(config, options).settings)

    async def act(services: Services, settings: Settings) -> Made:
        _check_files(settings)
        if note := _note(settings, is_left_out=not passphrase_file, is_silenced=bool(secrets)):
            click.echo(note, err=True)
        seal = _seal(settings.data_dir, passphrase_file)
        await services.backups.begin()
        try:
            registry = await services.backups.registry()
            source = Source(settings.data_dir, registry, now(), seal, allow_damaged)
            return await leased(services.backups, partial(_make, place, source))
        finally:
            with suppress(RegistryError):
                await services.backups.end()

    made = on_registry(config, options, act)
    if place != places.PIPE:
        copied = {"copied": made.copied, "copiedBytes": made.copied_bytes}
        report.show(report.of(place, made.manifest, **copied), output)


def _check_options(place: str, secrets: str | None, passphrase_file: Path | None) -> None:
    if (secrets == "encrypt") > (passphrase_file is not None):
        raise click.UsageError("--secrets encrypt needs --passphrase-file")
    if secrets == "exclude" and passphrase_file:
        raise click.UsageError("--secrets exclude needs no --passphrase-file")
    if place == places.PIPE and sys.stdout.isatty():
        raise click.UsageError("the backup would go to the terminal: redirect standard output")


@backup.command()
@places.place_argument
@click.option(
    "--passphrase-file", type=click.Path(path_type=Path),
    help="Also check that this file's first line decrypts the secrets.",
)  # fmt: skip
@output_option
def verify(place: str, passphrase_file: Path | None, output: str) -> None:
    """Read all of a backup: the database, the digest of every blob, and that none is missing.

    Exits with 1 if the backup is damaged or was cut short.

    \b
    Examples:
      acrux backup verify /backups/registry
      ssh backup-host 'cat registry.tar' | acrux backup verify -
    """
    progress = Progress()
    unseal = unsealing(passphrase_file, is_excluded=passphrase_file is None)
    try:
        with places.source(place) as source:
            manifest = read.verify(source, unseal, progress)
    finally:
        progress.end()
    report.show(report.of(place, manifest), output)


def _check_files(settings: Settings) -> None:
    if settings.storage:
        raise InvalidSettings(ELSEWHERE.format(settings.storage))


def _make(place: str, source: Source, progress: Progress) -> Made:
    with places.target(place, source.data_dir, source.registry) as target:
        return creating.create(source, target, progress)


def _note(settings: Settings, *, is_left_out: bool, is_silenced: bool) -> str:
    if is_silenced:
        return ""
    if settings.master_key_file is not None:
        return SEALED.format(file=settings.master_key_file)
    return LEFT_OUT.format(folder=settings.data_dir / "secrets") if is_left_out else ""


def _seal(data_dir: Path, passphrase_file: Path | None) -> Seal:
    if passphrase_file is None:
        return None
    with failures_of(str(passphrase_file)):
        passphrase = sealed.read_passphrase(passphrase_file)
    return partial(sealed.seal, data_dir, passphrase)


async def leased(
    backups: Backups,
    work: Callable[[Progress], Made],
    seconds: float = RENEWED_EVERY.total_seconds(),
) -> Made:
    """What the work returns, in a thread, while the lease of the backup is renewed.

    If this is cancelled or the lease is lost, the work is stopped first.
    """
    progress = Progress()
    running = asyncio.ensure_future(asyncio.to_thread(work, progress))
    try:
        while not running.done():
            await asyncio.wait([running], timeout=seconds)
            if not running.done():  # what is complete lacks nothing
                await backups.renew()
        return running.result()
    finally:
        progress.stop.set()
        await asyncio.gather(running, return_exceptions=True)  # it leaves its files in order
        progress.end()
