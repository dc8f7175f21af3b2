"""acrux retention: which tags and untagged manifests go by themselves."""

from collections.abc import Sequence
from typing import Any

import click
from msgspec import to_builtins
from msgspec.structs import asdict, replace

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import asking, output_option, print_json, print_table
from acrux.cli.policies.options import name_option, new_patterns_option, patterns_option
from acrux.cli.policies.retention_options import CONDITIONS, conditions, confirmed, given
from acrux.cli.policies.retention_run import run
from acrux.domain.content.policies import retention as rules
from acrux.http.management.policies import bodies, shapes

ALL = "/retentionRules"
ONE = f"{ALL}/{{name}}"


@click.group()
def retention() -> None:
    """Manage retention rules, by which old tags and untagged manifests are removed.

    A rule is about the tags that --tag or --filter selects, and removes those for which all of its
    conditions hold. It is about manifests without a tag if it has --untagged-for. A manifest goes
    with its last tag. What is locked or write-once stays.
    """


retention.add_command(run)


@retention.command()
@name_option
@patterns_option
@conditions
@click.option("--yes", "-y", is_flag=True, help="Do not ask, even if the rule removes every tag.")
@place_options("data_dir")
@output_option
def create(
    place: Place,
    policy_name: str,
    patterns: tuple[str, ...],
    yes: bool,  # noqa: FBT001 -- a flag
    output: str,
    **options: Any,
) -> None:
    """Create a retention rule. One that would remove every tag must be confirmed by its name.

    \b
    Examples:
      acrux retention create -n old-builds --repository-pattern "team/*" \\
          --tag "dev-*" --keep-last 10
      acrux retention create -n unused --repository-pattern "*" --tag "*" --except-tag latest \\
          --not-pulled-for 90 --keep-at-least 3
      acrux retention create -n untagged --repository-pattern "*" --untagged-for 7
    """
    wanted = bodies.CreateRetentionRule(
        name=policy_name, repositories=[*patterns], **given(options)
    )
    with place.reach() as api:

        def send(confirm: str) -> shapes.RetentionRule:
            return api.put("POST", ALL, replace(wanted, confirm=confirm), shapes.RetentionRule)

        created = confirmed(policy_name, send, is_confirmed=yes)
    _print([created], output)


@retention.command()
@place_options("data_dir")
@output_option
def list(place: Place, output: str) -> None:  # noqa: A001 -- as az acr
    """List the retention rules."""
    with place.reach() as api:
        found = [*api.every(ALL, shapes.RetentionRuleList)]
    _print(found, output, many=True)


@retention.command()
@name_option
@place_options("data_dir")
@output_option
def show(place: Place, policy_name: str, output: str) -> None:
    """Show one retention rule."""
    with place.reach() as api:
        found = api.get(ONE, shapes.RetentionRule, name=policy_name)
    _print([found], output)


@retention.command()
@name_option
@new_patterns_option
@conditions
@click.option(
    "--remove",
    "removed",
    type=click.Choice(sorted(CONDITIONS)),
    multiple=True,
    help="Remove this option from the rule. Repeatable.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask, even if the rule removes every tag.")
@place_options("data_dir")
@output_option
def update(
    place: Place,
    policy_name: str,
    patterns: tuple[str, ...],
    removed: tuple[str, ...],
    yes: bool,  # noqa: FBT001 -- a flag
    output: str,
    **options: Any,
) -> None:
    """Change a retention rule. An option replaces the old value as a whole.

    \b
    Examples:
      acrux retention update -n old-builds --keep-last 20 --older-than 14
      acrux retention update -n old-builds --remove older-than
      acrux retention update -n old-builds --status disabled
    """
    fields: dict[str, Any] = dict(CONDITIONS[name] for name in removed) | given(options)
    if patterns:
        fields["repositories"] = [*patterns]
    if not fields:
        raise click.UsageError("say what to change: see acrux retention update --help")
    change = bodies.ChangeRetentionRule(**fields)
    with place.reach() as api:

        def send(confirm: str) -> shapes.RetentionRule:
            body = replace(change, confirm=confirm)
            return api.put("PATCH", ONE, body, shapes.RetentionRule, name=policy_name)

        changed = confirmed(policy_name, send, is_confirmed=yes)
    _print([changed], output)


@retention.command()
@name_option
@asking("Delete the retention rule {policy_name}?")
@place_options("data_dir")
def delete(place: Place, policy_name: str) -> None:
    """Delete a retention rule. What it removed does not come back."""
    with place.reach() as api:
        api.do("DELETE", ONE, name=policy_name)
    click.echo(f"Deleted the retention rule {policy_name}.")


def _print(shown: Sequence[shapes.RetentionRule], output: str, *, many: bool = False) -> None:
    if output == "json":
        print_json(to_builtins(shown if many else shown[0]))
        return
    rows = [(one.name, one.status, ", ".join(one.repositories), _removes(one)) for one in shown]
    print_table(("NAME", "STATUS", "REPOSITORIES", "REMOVES"), rows)


def _removes(shown: shapes.RetentionRule) -> str:
    known = rules.RetentionRule.__struct_fields__
    fields = {name: value for name, value in asdict(shown).items() if name in known}
    return rules.RetentionRule(**fields).description
