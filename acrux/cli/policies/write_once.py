"""acrux write-once: tags that can be neither moved nor deleted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from msgspec import to_builtins
from msgspec.structs import replace

from acrux.bootstrap.services import Services
from acrux.cli.options import asking, output_option, print_json, print_table, setting_options
from acrux.cli.policies.options import (
    except_option,
    name_option,
    new_patterns_option,
    patterns_option,
    warn_of_unmatched,
)
from acrux.cli.registry import on_registry
from acrux.domain.content.policies.write_once import WriteOncePolicy
from acrux.http.management.policies import shapes
from acrux.ports.content.policies import StoredPolicy
from acrux.settings import Settings

Stored = StoredPolicy[WriteOncePolicy]


@click.group(name="write-once")
def write_once() -> None:
    """Manage write-once policies: in some repositories, tags can be neither moved nor deleted.

    A push that would move such a tag is refused, and the answer names the policy. Policies add up:
    an exception of one does not lift another.
    """


@write_once.command()
@name_option
@patterns_option
@except_option
@setting_options("data_dir")
@output_option
def create(
    config: Path | None,
    policy_name: str,
    patterns: tuple[str, ...],
    except_tags: tuple[str, ...],
    output: str,
    **options: object,
) -> None:
    """Create a write-once policy. It counts at once, also for the tags that exist.

    \b
    Examples:
      acrux write-once create -n releases --repository-pattern "prod/*" \\
          --except-tag latest --except-tag "dev-*"
    """
    policy = WriteOncePolicy(name=policy_name, repositories=patterns, except_tags=except_tags)

    async def act(services: Services, _: Settings) -> Stored:
        created = await services.policies.create(policy)
        await warn_of_unmatched(services, patterns)
        return created

    _print([on_registry(config, options, act)], output)


@write_once.command()
@setting_options("data_dir")
@output_option
def list(config: Path | None, output: str, **options: object) -> None:  # noqa: A001 -- as az acr
    """List the write-once policies."""
    found = on_registry(
        config, options, lambda services, _: services.policies.list(WriteOncePolicy)
    )
    _print(found, output, many=True)


@write_once.command()
@name_option
@setting_options("data_dir")
@output_option
def show(config: Path | None, policy_name: str, output: str, **options: object) -> None:
    """Show one write-once policy."""
    found = on_registry(
        config, options, lambda services, _: services.policies.show(WriteOncePolicy, policy_name)
    )
    _print([found], output)


@write_once.command()
@name_option
@new_patterns_option
@except_option
@click.option("--no-exceptions", is_flag=True, help="Except no tags any more.")
@setting_options("data_dir")
@output_option
def update(
    config: Path | None,
    policy_name: str,
    patterns: tuple[str, ...],
    except_tags: tuple[str, ...],
    no_exceptions: bool,  # noqa: FBT001 -- a flag
    output: str,
    **options: object,
) -> None:
    """Change a write-once policy. An option replaces the old value as a whole.

    \b
    Examples:
      acrux write-once update -n releases --except-tag latest --except-tag "rc-*"
      acrux write-once update -n releases --no-exceptions
    """
    if no_exceptions and except_tags:
        raise click.UsageError("give either --except-tag or --no-exceptions")
    changes: dict[str, Any] = {}
    if patterns:
        changes["repositories"] = patterns
    if except_tags or no_exceptions:
        changes["except_tags"] = except_tags
    if not changes:
        raise click.UsageError("say what to change: see acrux write-once update --help")

    async def act(services: Services, _: Settings) -> Stored:
        changed = await services.policies.change(
            WriteOncePolicy, policy_name, lambda old: replace(old, **changes)
        )
        await warn_of_unmatched(services, patterns)
        return changed

    _print([on_registry(config, options, act)], output)


@write_once.command()
@name_option
@asking("Delete the policy {policy_name}?")
@setting_options("data_dir")
def delete(config: Path | None, policy_name: str, **options: object) -> None:
    """Delete a write-once policy. The tags can then be moved and deleted."""
    on_registry(
        config, options, lambda services, _: services.policies.delete(WriteOncePolicy, policy_name)
    )


def _print(policies: Sequence[Stored], output: str, *, many: bool = False) -> None:
    if output == "json":
        shown = to_builtins(
            [
                shapes.write_once_policy(one.policy, one.created_at, one.changed_at)
                for one in policies
            ]
        )
        print_json(shown if many else shown[0])
        return
    rows = [
        (one.policy.name, ", ".join(one.policy.repositories), ", ".join(one.policy.except_tags))
        for one in policies
    ]
    print_table(("NAME", "REPOSITORIES", "EXCEPT TAGS"), rows)
