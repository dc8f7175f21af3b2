"""acrux retention run: carry out the rules now, or say what they would do."""

import asyncio
from contextlib import aclosing
from functools import partial

import click

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import warn
from acrux.cli.policies.removals import Removals, portions, removals_option
from acrux.domain.content.policies.definition import warnings
from acrux.domain.content.policies.retention import RetentionRule
from acrux.http.management.policies import bodies, shapes


@click.command()
@click.option("--rule", default="", metavar="NAME", help="Only this rule, though it be disabled.")
@click.option("--dry-run", is_flag=True, help="Change nothing, and print what would be removed.")
@place_options("data_dir")
@removals_option
def run(
    place: Place,
    rule: str,
    dry_run: bool,  # noqa: FBT001 -- a flag
    output: str,
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
    if place.url:
        _run_there(place, rule, output, is_dry=dry_run)
    else:
        _run_here(place, rule, output, is_dry=dry_run)


def _run_here(place: Place, rule: str, output: str, *, is_dry: bool) -> None:
    from acrux.bootstrap.services import Services  # noqa: PLC0415 -- the server, which is not needed at a URL
    from acrux.cli.registry import on_registry  # noqa: PLC0415 -- as above

    async def act(services: Services) -> None:
        if rule:
            found = await services.policies.show(RetentionRule, rule)
            warn(*warnings(await services.listings.unmatched(found.policy.repositories)))
        retention = services.retention.hurried(partial(asyncio.sleep, 0))
        async with aclosing(retention.preview(rule) if is_dry else retention.run(rule)) as steps:
            removals = Removals(output, is_dry=is_dry)
            async for step in steps:
                for verdict in step.verdicts:
                    removals.add(shapes.retention_verdict(step.repository, verdict))
            removals.end()

    on_registry(place.config, place.settings, lambda services, _: act(services))


def _run_there(place: Place, rule: str, output: str, *, is_dry: bool) -> None:
    path = "/previewRetention" if is_dry else "/runRetention"
    with place.reach() as api:

        def ask(after: str, told: int) -> shapes.RetentionPortion:
            wanted = bodies.RunRetention(rule=rule, after=after, told=told)
            return api.put("POST", path, wanted, shapes.RetentionPortion)

        removals = Removals(output, is_dry=is_dry)
        for portion in portions(ask):
            for verdict in portion.value:
                removals.add(verdict)
        removals.end()
