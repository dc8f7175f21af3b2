"""What the commands of acrux trust share: options and printing."""

from collections.abc import Sequence
from datetime import timedelta

import click

from acrux.cli.options import print_json, print_table
from acrux.cli.repositories import repository_option
from acrux.domain.access.trust import ClaimRule
from acrux.ports.federation import StoredTrust

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


def print_trusts(trusts: Sequence[StoredTrust], output: str, *, many: bool = False) -> None:
    """Print trusts: as JSON an object, or with `many` a list; as a table a row each."""
    if output == "json":
        shown = [_json(one) for one in trusts]
        print_json(shown if many else shown[0])
        return
    rows = [
        (
            one.trust.name,
            "enabled" if one.trust.is_enabled else "disabled",
            one.trust.issuer,
            one.trust.audience,
            ", ".join(map(_written, one.trust.rules)),
            one.trust.scope_map or ", ".join(one.trust.permissions),
        )
        for one in trusts
    ]
    print_table(("NAME", "STATUS", "ISSUER", "AUDIENCE", "CLAIMS", "GRANTS"), rows)


def _json(one: StoredTrust) -> dict[str, object]:
    trust = one.trust
    return {
        "name": trust.name,
        "status": "enabled" if trust.is_enabled else "disabled",
        "issuer": trust.issuer,
        "audience": trust.audience,
        "claims": [_written(rule) for rule in trust.rules],
        "scopeMapId": trust.scope_map or None,
        "actions": trust.permissions,
        "lifetimeInMinutes": trust.lifetime // timedelta(minutes=1),
        "creationDate": one.created_at.isoformat(),
    }


def _written(rule: ClaimRule) -> str:
    return f"{rule.claim}={rule.pattern}"
