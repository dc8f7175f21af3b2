"""acrux restore: make a data directory from a backup."""

from pathlib import Path
from typing import Final

import click

from acrux.adapters.backup import read
from acrux.adapters.backup.files import failures_of
from acrux.cli.backup import places, report
from acrux.cli.backup.embedded import check_embedded
from acrux.cli.backup.passphrase import unsealing
from acrux.cli.backup.progress import Progress
from acrux.cli.options import load, output_option, setting_options

WITHOUT: Final = (
    "the secrets were not restored: put your copy of secrets/ into {folder} before the first start;"
    " if there is none, start once with --renew-pepper, and renew every password"
)


@click.command()
@places.place_argument
@click.option(
    "--secrets", type=click.Choice(["exclude"]),
    help="Restore without the encrypted secrets that the backup holds.",
)  # fmt: skip
@click.option(
    "--passphrase-file", type=click.Path(path_type=Path),
    help="A file whose first line decrypts the secrets.",
)  # fmt: skip
@setting_options("data_dir")
@output_option
def restore(
    config: Path | None,
    place: str,
    secrets: str | None,
    passphrase_file: Path | None,
    output: str,
    **options: object,
) -> None:
    """Make a data directory from a backup, and check everything meanwhile.

    The directory must not exist yet, or be empty. Until all is restored, no registry starts in it;
    after an interruption, the same command goes on.

    \b
    Examples:
      acrux restore /backups/registry --passphrase-file passphrase --data-dir new
      acrux restore registry.tar --data-dir new
    """
    if secrets and passphrase_file:
        raise click.UsageError("--secrets exclude needs no --passphrase-file")
    settings = load(config, options).settings
    check_embedded(settings)
    data_dir = settings.data_dir
    unseal = unsealing(passphrase_file, is_excluded=secrets == "exclude")
    progress = Progress()
    try:
        with failures_of(str(data_dir)), places.source(place) as source:
            manifest = read.restore(source, data_dir, unseal, progress)
    finally:
        progress.end()
    report.show(report.of(place, manifest, dataDir=str(data_dir)), output)
    if settings.master_key_file is None and not (data_dir / "secrets").exists():
        click.echo(WITHOUT.format(folder=data_dir), err=True)
