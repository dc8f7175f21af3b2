"""acrux version: which version this is."""

import click

from acrux import __version__


@click.command()
def version() -> None:
    """Show the version."""
    click.echo(f"acrux {__version__}")
