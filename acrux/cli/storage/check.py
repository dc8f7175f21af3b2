"""acrux check: compare the database and the store, and repair."""

import sys
from pathlib import Path
from typing import Final

import click
from msgspec import to_builtins

from acrux.bootstrap.services import Services
from acrux.cli.backup.progress import Progress
from acrux.cli.options import output_option, print_json, print_table, setting_options
from acrux.cli.registry import on_registry
from acrux.domain.content.byte_sizes import parse_bytes, written_bytes
from acrux.domain.content.storage.integrity import Finding, Kind
from acrux.errors import RegistryError
from acrux.services.content.integrity.report import Options, Report

RATE: Final = "50MiB"
LEAST_RATE: Final = 64 * 1024  # bytes a second; 0 is no limit

DAMAGED: Final = 1
UNCHECKED: Final = 2

# An orphaned copy is one that no push can still link; corrections obey the grace of the server.
RULES: Final = (
    "data_dir", "upload_seconds", "upload_grace_seconds", "gc_grace_seconds", "gc_untagged",
)  # fmt: skip

COLUMNS: Final = ("PROBLEM", "NAME", "REPOSITORY", "DETAIL", "AFFECTED", "DONE")


@click.command()
@click.option("--deep", is_flag=True, help="Read all bytes of all blobs, and compare digests.")
@click.option(
    "--repair", is_flag=True, help="Correct what can be corrected without losing anything."
)
@click.option(
    "--rate", default=RATE, show_default=True, metavar="SIZE",
    help="How many bytes to read a second, so that others can use the disk; 0 for no limit.",
)  # fmt: skip
@click.option("--restart", is_flag=True, help="Begin again, even if a check was interrupted.")
@setting_options(*RULES)
@output_option
def check(
    config: Path | None,
    *,
    deep: bool,
    repair: bool,
    rate: str,
    restart: bool,
    output: str,
    **options: object,
) -> None:
    """Check whether all that the registry holds is there and whole, while it runs.

    Compares the rows of the database with each other and with the files of the store. Without
    --repair, nothing is changed. A check that was interrupted goes on where it was. Give it the
    settings of the registry.

    Exits with 0 if all is whole, with 1 if something is damaged and was not repaired, and with 2 if
    it could not be checked. What only takes space, such as an orphaned copy, does not count.

    \b
    Examples:
      acrux check
      acrux check --deep --rate 20MiB
      acrux check --repair --output json
    """
    wanted = Options(deep, repair, _rate(rate), restart)
    progress = Progress()

    async def act(services: Services) -> Report:
        return await services.integrity.check(wanted, progress)

    try:
        report = on_registry(config, options, lambda services, _: act(services))
    except RegistryError as refused:
        raise Unchecked(refused) from refused
    finally:
        progress.end()
    _show(report, output)
    sys.exit(0 if report.is_whole else DAMAGED)


def _rate(text: str) -> int:
    rate = parse_bytes(text)
    if 0 < rate < LEAST_RATE:
        raise click.UsageError("--rate is at least 64KiB a second, or 0 for no limit")
    return rate


class Unchecked(click.ClickException):
    """It is not known whether anything is damaged."""

    exit_code = UNCHECKED

    def __init__(self, refused: RegistryError) -> None:
        super().__init__(refused.message or type(refused).__name__)

    def show(self, _: object = None) -> None:
        """Print it as all commands do."""
        click.echo(f"acrux: {self.message}", err=True)


def _show(report: Report, output: str) -> None:
    if output == "json":
        print_json(_document(report))
        return
    if report.findings:
        print_table(COLUMNS, [_row(finding) for finding in report.findings])
    for kind in Kind:
        if found := report.found.get(kind.value, 0):
            left = found - report.repaired.get(kind.value, 0)
            click.echo(
                f"{kind.value}: {found} found, {left} left" + f"; {kind.advice}" * bool(left)
            )
    looked_at = ", ".join(f"{count} {part}" for part, count in report.looked_at.items())
    click.echo(f"looked at {looked_at}; read {written_bytes(report.read)}")
    if report.is_resumed:
        click.echo(f"This went on with a check that began at {report.began_at:%Y-%m-%d %H:%M} UTC.")
    click.echo("Everything is whole." if report.is_whole else "Something is damaged.")


def _row(finding: Finding) -> tuple[str, ...]:
    more = ["…"] if finding.affected.more else []
    affected = ", ".join([*finding.affected.names, *more])
    outcome = finding.outcome.value
    return finding.kind.value, finding.name, finding.repository, finding.detail, affected, outcome


def _document(report: Report) -> dict[str, object]:
    return {
        "whole": report.is_whole,
        "deep": report.deep,
        "repair": report.repair,
        "beganAt": to_builtins(report.began_at),
        "resumed": report.is_resumed,
        "lookedAt": report.looked_at,
        "readBytes": report.read,
        "problems": [
            {
                "kind": kind.value,
                "found": found,
                "repaired": report.repaired.get(kind.value, 0),
                "leftover": kind.is_leftover,
                "advice": kind.advice,
            }
            for kind in Kind
            if (found := report.found.get(kind.value, 0))
        ],
        "findings": to_builtins(report.findings),
    }
