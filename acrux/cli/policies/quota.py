"""acrux quota: how much some repositories may take together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from msgspec import to_builtins
from msgspec.structs import replace

from acrux.bootstrap.services import Services
from acrux.cli.options import asking, output_option, print_json, print_table, setting_options
from acrux.cli.policies.options import name_option, pattern_option, warn_of_unmatched
from acrux.cli.registry import on_registry
from acrux.domain.content.byte_sizes import parse_bytes, written_bytes
from acrux.domain.content.policies.quota import Quota
from acrux.http.management.policies import shapes
from acrux.ports.content.policies import StoredPolicy
from acrux.settings import Settings

Stored = StoredPolicy[Quota]

_SIZE = "Such as 20GiB, 500MB or a number of bytes."


@click.group()
def quota() -> None:
    """Manage quotas: what repositories may take together, in bytes.

    A push that would exceed one is refused, and the answer says how much is used and needed. What
    exceeds it already stays.
    """


@quota.command()
@name_option
@pattern_option(required=True)
@click.option("--max", "size", required=True, metavar="SIZE", help=_SIZE)
@setting_options("data_dir")
@output_option
def create(
    config: Path | None,
    policy_name: str,
    pattern: str,
    size: str,
    output: str,
    **options: object,
) -> None:
    """Create a quota. If several cover a repository, each must have room.

    \b
    Examples:
      acrux quota create -n team-quota --repository-pattern "team/*" --max 20GiB
      acrux quota create -n whole --repository-pattern "*" --max 1.5TiB
    """
    wanted = Quota(name=policy_name, repositories=pattern, max_bytes=parse_bytes(size))

    async def act(services: Services, _: Settings) -> Stored:
        created = await services.policies.create(wanted)
        await warn_of_unmatched(services, [pattern])
        return created

    _print([on_registry(config, options, act)], output)


@quota.command()
@setting_options("data_dir")
@output_option
def list(config: Path | None, output: str, **options: object) -> None:  # noqa: A001 -- as az acr
    """List the quotas."""
    found = on_registry(config, options, lambda services, _: services.policies.list(Quota))
    _print(found, output, many=True)


@quota.command()
@name_option
@setting_options("data_dir")
@output_option
def show(config: Path | None, policy_name: str, output: str, **options: object) -> None:
    """Show one quota."""
    found = on_registry(
        config, options, lambda services, _: services.policies.show(Quota, policy_name)
    )
    _print([found], output)


@quota.command()
@name_option
@pattern_option(required=False)
@click.option("--max", "size", metavar="SIZE", help=_SIZE)
@setting_options("data_dir")
@output_option
def update(
    config: Path | None,
    policy_name: str,
    pattern: str | None,
    size: str | None,
    output: str,
    **options: object,
) -> None:
    """Change a quota.

    \b
    Examples:
      acrux quota update -n team-quota --max 40GiB
    """
    changes: dict[str, Any] = {}
    if pattern is not None:
        changes["repositories"] = pattern
    if size is not None:
        changes["max_bytes"] = parse_bytes(size)
    if not changes:
        raise click.UsageError("say what to change: see acrux quota update --help")

    async def act(services: Services, _: Settings) -> Stored:
        changed = await services.policies.change(
            Quota, policy_name, lambda old: replace(old, **changes)
        )
        await warn_of_unmatched(services, [] if pattern is None else [pattern])
        return changed

    _print([on_registry(config, options, act)], output)


@quota.command()
@name_option
@asking("Delete the quota {policy_name}?")
@setting_options("data_dir")
def delete(config: Path | None, policy_name: str, **options: object) -> None:
    """Delete a quota."""
    on_registry(config, options, lambda services, _: services.policies.delete(Quota, policy_name))


def _print(quotas: Sequence[Stored], output: str, *, many: bool = False) -> None:
    if output == "json":
        shown = to_builtins(
            [shapes.quota_of(one.policy, one.created_at, one.changed_at) for one in quotas]
        )
        print_json(shown if many else shown[0])
        return
    rows = [
        (one.policy.name, one.policy.repositories, written_bytes(one.policy.max_bytes))
        for one in quotas
    ]
    print_table(("NAME", "REPOSITORIES", "MAX"), rows)
