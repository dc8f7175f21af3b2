"""What the commands of acrux trust share: options and printing."""

from collections.abc import Sequence

import click
from msgspec import to_builtins

from acrux.cli.options import print_json, print_table
from acrux.cli.repositories import repository_option
from acrux.http.management import shapes

name_option = click.option("--name", "-n", "trust", required=True, help="Its name.")
scope_map_option = click.option("--scope-map", default=None, help="The scope map that it grants.")
allow_option = repository_option(
    "allow",
    "A repository and the actions allowed there, instead of a scope map. {CLAIM} stands for the "
    "value of that claim in the token. Repeatable.",
)
claim_option = click.option(
    "--claim", "claims", multiple=True, metavar="CLAIM=TEXT",
    help="What a claim must be; * matches any characters, ? any one. Repeatable; all must match.",
)  # fmt: skip
lifetime_option = click.option(
    "--lifetime-in-minutes", "minutes", type=click.IntRange(10, 525_600), default=None,
    help="How long its refresh tokens live. Default: as long as the registry's.",
)  # fmt: skip


def print_trusts(trusts: Sequence[shapes.Trust], output: str, *, many: bool = False) -> None:
    """Print trusts: as JSON an object, or with `many` a list; as a table a row each."""
    if output == "json":
        print_json(to_builtins(trusts if many else trusts[0]))
        return
    rows = [
        (
            one.name,
            one.status,
            one.issuer,
            one.audience,
            ", ".join(one.claims),
            one.scope_map_id or ", ".join(one.actions),
        )
        for one in trusts
    ]
    print_table(("NAME", "STATUS", "ISSUER", "AUDIENCE", "CLAIMS", "GRANTS"), rows)
