"""acrux version: show the version."""

import click

from acrux import __version__


@click.command()
def version() -> None:
    """Show the version."""
    click.echo(f"acrux {__version__}")
