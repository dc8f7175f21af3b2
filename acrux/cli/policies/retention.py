"""acrux retention: which tags and untagged manifests go by themselves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from msgspec import to_builtins
from msgspec.structs import replace

from acrux.bootstrap.services import Services
from acrux.cli.options import asking, output_option, print_json, print_table, setting_options, warn
from acrux.cli.policies.options import name_option, new_patterns_option, patterns_option
from acrux.cli.policies.retention_options import CONDITIONS, ask, conditions, given
from acrux.cli.policies.retention_run import run
from acrux.cli.registry import on_registry
from acrux.domain.content.policies.definition import warnings
from acrux.domain.content.policies.retention import RetentionRule, check_own
from acrux.http.management.policies import shapes
from acrux.ports.content.policies import StoredPolicy
from acrux.settings import Settings

Rule = StoredPolicy[RetentionRule]


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
@setting_options("data_dir")
@output_option
def create(
    config: Path | None,
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
    fields, settings = given(options)
    rule = RetentionRule(name=policy_name, repositories=patterns, **fields)
    check_own(policy_name)
    rule.check()

    async def act(services: Services, _: Settings) -> Rule:
        await _examine(services, rule, is_confirmed=yes)
        return await services.policies.create(rule)

    _print([on_registry(config, settings, act)], output)


@retention.command()
@setting_options("data_dir")
@output_option
def list(config: Path | None, output: str, **options: object) -> None:  # noqa: A001 -- as az acr
    """List the retention rules."""
    found = on_registry(config, options, lambda services, _: services.policies.list(RetentionRule))
    _print(found, output, many=True)


@retention.command()
@name_option
@setting_options("data_dir")
@output_option
def show(config: Path | None, policy_name: str, output: str, **options: object) -> None:
    """Show one retention rule."""
    found = on_registry(
        config, options, lambda services, _: services.policies.show(RetentionRule, policy_name)
    )
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
@setting_options("data_dir")
@output_option
def update(
    config: Path | None,
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
    fields, settings = given(options)
    unset = dict(CONDITIONS[name] for name in removed)
    changes = {**unset, **fields, **({"repositories": patterns} if patterns else {})}
    if not changes:
        raise click.UsageError("say what to change: see acrux retention update --help")
    check_own(policy_name)

    async def act(services: Services, _: Settings) -> Rule:
        old = (await services.policies.show(RetentionRule, policy_name)).policy
        rule = replace(old, **changes)
        rule.check()
        await _examine(services, rule, is_confirmed=yes)
        return await services.policies.replace(old, rule)

    _print([on_registry(config, settings, act)], output)


@retention.command()
@name_option
@asking("Delete the retention rule {policy_name}?")
@setting_options("data_dir")
def delete(config: Path | None, policy_name: str, **options: object) -> None:
    """Delete a retention rule. What it removed does not come back."""
    on_registry(
        config, options, lambda services, _: services.policies.delete(RetentionRule, policy_name)
    )


async def _examine(services: Services, rule: RetentionRule, *, is_confirmed: bool) -> None:
    """Warn of what matches nothing, and ask whether the rule may remove everything."""
    survey = await services.retention.survey(rule)
    warn(*warnings(await services.listings.unmatched(rule.repositories), survey.unmatched))
    if not is_confirmed:
        ask(rule, survey)


def _print(rules: Sequence[Rule], output: str, *, many: bool = False) -> None:
    if output == "json":
        shown = to_builtins(
            [shapes.retention_rule(one.policy, one.created_at, one.changed_at) for one in rules]
        )
        print_json(shown if many else shown[0])
        return
    rows = [
        (
            one.policy.name,
            shapes.status(is_enabled=one.policy.is_enabled),
            ", ".join(one.policy.repositories),
            one.policy.description,
        )
        for one in rules
    ]
    print_table(("NAME", "STATUS", "REPOSITORIES", "REMOVES"), rows)
