"""acrux retention run: carry out the rules now, or say what they would do."""

import asyncio
from contextlib import aclosing
from functools import partial
from pathlib import Path

import click

from acrux.bootstrap.services import Services
from acrux.cli.options import setting_options
from acrux.cli.policies.options import warn_of_unmatched
from acrux.cli.policies.removals import Removals, removals_option
from acrux.cli.registry import on_registry
from acrux.domain.content.policies.retention import RetentionRule
from acrux.settings import Settings


@click.command()
@click.option("--rule", default="", metavar="NAME", help="Only this rule, though it be disabled.")
@click.option("--dry-run", is_flag=True, help="Change nothing, and print what would be removed.")
@setting_options("data_dir")
@removals_option
def run(
    config: Path | None,
    rule: str,
    dry_run: bool,  # noqa: FBT001 -- a flag
    output: str,
    **options: object,
) -> None:
    """Carry out the enabled retention rules now, instead of waiting for the registry to do it.

    Prints each tag and manifest that is removed, with the rule and the reason. A manifest that
    lost its last tag can still be pulled by its digest for gc_grace_seconds.

    \b
    Examples:
      acrux retention run --dry-run
      acrux retention run --rule old-builds --dry-run --output jsonl
      acrux retention run
    """

    async def act(services: Services, _: Settings) -> None:
        if rule:
            found = await services.policies.show(RetentionRule, rule)
            await warn_of_unmatched(services, found.policy.repositories)
        retention = services.retention.hurried(partial(asyncio.sleep, 0))
        async with aclosing(retention.preview(rule) if dry_run else retention.run(rule)) as steps:
            removals = Removals(output, is_dry=dry_run)
            async for step in steps:
                for verdict in step.verdicts:
                    removals.add(
                        step.repository, verdict.item, rule=verdict.rule, reason=verdict.reason
                    )
            removals.end()

    on_registry(config, options, act)
