"""acrux auth: what a registry asks of its callers, and why it refused."""

import click

from acrux.cli.caller.auth import challenge, exchange, inspect, token
from acrux.cli.explain import explain


@click.group()
def auth() -> None:
    """Ask a registry for its challenge, get a token, decode a token.

    Works with any registry that uses token authentication.
    """


for command in (challenge, token, exchange, inspect, explain):
    auth.add_command(command)
