"""acrux config: ACR's retention and soft-delete policies, in its words."""

from collections.abc import Sequence
from pathlib import Path

import click
from msgspec import to_builtins
from msgspec.structs import replace

from acrux.bootstrap.services import Services
from acrux.cli.options import asking, output_option, print_json, print_table, setting_options
from acrux.cli.policies.options import pattern_option, status_option, warn_of_unmatched
from acrux.cli.registry import on_registry
from acrux.domain.content.patterns import ANY_REPOSITORY
from acrux.domain.content.policies import soft_delete as domain
from acrux.domain.content.policies.retention import (
    KEEP_UNTAGGED,
    MAX_UNTAGGED_DAYS,
    UNTAGGED_MANIFESTS,
    RetentionRule,
    untagged_manifests,
)
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.http.management.policies import shapes
from acrux.settings import Settings

yes_option = click.option(
    "--yes", "-y", is_flag=True, help="Accepted as az acr has it; nothing is asked."
)


@click.group()
def config() -> None:
    """Configure policies of the registry, as az acr config does."""


@config.group()
def retention() -> None:
    """Set for how long manifests without a tag are kept, in all repositories.

    acrux retention has more rules, for tags too.
    """


@retention.command(name="show")
@setting_options("data_dir")
@output_option
def show_retention(config: Path | None, output: str, **options: object) -> None:
    """Show for how long manifests without a tag are kept. By default, this is disabled."""

    async def act(services: Services, _: Settings) -> shapes.RetentionPolicy:
        found = await services.policies.find(RetentionRule, UNTAGGED_MANIFESTS)
        if found is None:
            return shapes.retention_policy(KEEP_UNTAGGED, None)
        return shapes.retention_policy(found.policy, found.changed_at)

    _print_retention(on_registry(config, options, act), output)


@retention.command(name="update")
@click.option(
    "--days", type=click.IntRange(0, MAX_UNTAGGED_DAYS),
    help="For how many days; with 0 they go with the next run.",
)  # fmt: skip
@status_option
@click.option(
    "--type", "kind", type=click.Choice(["UntaggedManifests"]), default="UntaggedManifests",
    show_default=True, help="What is removed.",
)  # fmt: skip
@yes_option
@setting_options("data_dir")
@output_option
def update_retention(
    config: Path | None, days: int | None, status: str | None, output: str, **options: object
) -> None:
    """Set for how long manifests without a tag are kept.

    \b
    Examples:
      acrux config retention update --status enabled --days 30 --type UntaggedManifests
    """
    settings = {"data_dir": options["data_dir"]}

    async def act(services: Services, _: Settings) -> shapes.RetentionPolicy:
        found = await services.policies.find(RetentionRule, UNTAGGED_MANIFESTS)
        old = found.policy if found else KEEP_UNTAGGED
        rule = untagged_manifests(
            (old.untagged_for_days or 0) if days is None else days,
            is_enabled=old.is_enabled if status is None else status == "enabled",
        )
        put = await services.policies.put(rule)
        return shapes.retention_policy(put.policy, put.changed_at)

    _print_retention(on_registry(config, settings, act), output)


@config.group(name="soft-delete")
def soft_delete() -> None:
    """Set for how long what was deleted can be restored.

    Of several policies, the one with the most specific pattern applies to a repository.
    """


@soft_delete.command(name="show")
@pattern_option(required=False, default=ANY_REPOSITORY)
@setting_options("data_dir")
@output_option
def show_soft_delete(config: Path | None, pattern: str, output: str, **options: object) -> None:
    """Show the soft-delete policy of a pattern. By default, soft delete is disabled."""

    async def act(services: Services, _: Settings) -> shapes.SoftDeletePolicy:
        if pattern == ANY_REPOSITORY:
            found = await services.policies.find(SoftDeletePolicy, pattern)
            if found is None:
                unset = SoftDeletePolicy(repositories=ANY_REPOSITORY, is_enabled=False)
                return shapes.soft_delete_policy(unset, None)
        found = await services.policies.show(SoftDeletePolicy, pattern)
        return shapes.soft_delete_policy(found.policy, found.changed_at)

    _print_soft_delete([on_registry(config, options, act)], output)


@soft_delete.command(name="list")
@setting_options("data_dir")
@output_option
def list_soft_delete(config: Path | None, output: str, **options: object) -> None:
    """List the soft-delete policies of all patterns."""
    found = on_registry(
        config, options, lambda services, _: services.policies.list(SoftDeletePolicy)
    )
    shown = [shapes.soft_delete_policy(one.policy, one.changed_at) for one in found]
    _print_soft_delete(shown, output, many=True)


@soft_delete.command(name="update")
@pattern_option(required=False, default=ANY_REPOSITORY)
@click.option("--days", type=click.IntRange(1, domain.MAX_DAYS), help="For how many days.")
@status_option
@yes_option
@setting_options("data_dir")
@output_option
def update_soft_delete(
    config: Path | None,
    pattern: str,
    days: int | None,
    status: str | None,
    output: str,
    **options: object,
) -> None:
    """Set for how long what was deleted can be restored.

    \b
    Examples:
      acrux config soft-delete update --status enabled --days 30
      acrux config soft-delete update --repository-pattern "scratch/*" --status disabled
    """
    settings = {"data_dir": options["data_dir"]}

    async def act(services: Services, _: Settings) -> shapes.SoftDeletePolicy:
        found = await services.policies.find(SoftDeletePolicy, pattern)
        old = found.policy if found else SoftDeletePolicy(repositories=pattern, is_enabled=False)
        policy = replace(
            old,
            days=old.days if days is None else days,
            is_enabled=old.is_enabled if status is None else status == "enabled",
        )
        put = await services.policies.put(policy)
        await warn_of_unmatched(services, [pattern])
        return shapes.soft_delete_policy(put.policy, put.changed_at)

    _print_soft_delete([on_registry(config, settings, act)], output)


@soft_delete.command(name="delete")
@pattern_option(required=True)
@asking("End soft delete for {pattern}?")
@setting_options("data_dir")
def delete_soft_delete(config: Path | None, pattern: str, **options: object) -> None:
    """Delete the soft-delete policy of a pattern; then a less specific one applies."""
    on_registry(
        config, options, lambda services, _: services.policies.delete(SoftDeletePolicy, pattern)
    )


def _print_retention(shown: shapes.RetentionPolicy, output: str) -> None:
    if output == "json":
        print_json(to_builtins(shown))
    else:
        print_table(("STATUS", "DAYS"), [(shown.status, str(shown.days))])


def _print_soft_delete(
    policies: Sequence[shapes.SoftDeletePolicy], output: str, *, many: bool = False
) -> None:
    if output == "json":
        shown = to_builtins(policies)
        print_json(shown if many else shown[0])
        return
    rows = [(one.repositories, one.status, str(one.retention_days)) for one in policies]
    print_table(("REPOSITORIES", "STATUS", "DAYS"), rows)
