"""Commands that try a change of rights on the audit log, and make none."""

from collections.abc import Iterable
from typing import Final

import click
from msgspec import to_builtins
from msgspec.structs import replace

from acrux.cli import exits
from acrux.cli.access.trust_options import allow_option, name_option, scope_map_option
from acrux.cli.carrier.api import Api
from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import output_option, print_json, print_table, warn
from acrux.cli.repositories import joined, repository_option
from acrux.cli.words import WordsCommand
from acrux.domain.audit.refusal import to_the_second
from acrux.http.management import shapes as managed
from acrux.http.management.rights import shapes
from acrux.http.management.rights.bodies import SimulateScopeMap, SimulateTrust

SCOPE_MAP: Final = "/scopeMaps/{name}"
TRUST: Final = "/trusts/{name}"

exit_code_option = click.option(
    "--exit-code", "fails", is_flag=True,
    help="Exit with 1 if a request that succeeded would be refused.",
)  # fmt: skip


@click.command(name="simulate", cls=WordsCommand)
@click.option("--name", "-n", "scope_map", required=True, help="Its name.")
@repository_option("add-repository", "A repository and the actions to allow there.")
@repository_option("remove-repository", "A repository and the actions to withdraw there.")
@exit_code_option
@place_options("data_dir")
@output_option
def of_scope_map(
    *,
    place: Place,
    scope_map: str,
    add_repository: tuple[tuple[str, ...], ...],
    remove_repository: tuple[tuple[str, ...], ...],
    fails: bool,
    output: str,
) -> None:
    """Say what a change of a scope map would mean, and change nothing.

    The change is tried on the audit log of the last 30 days: which requests that succeeded would be
    refused, and which that were refused would succeed. Reading with a valid token is not recorded,
    so a pull is known only by the token that was issued for it.

    \b
    Examples:
      acrux scope-map simulate -n pull-team --remove-repository "team/*" content/read
    """
    if not add_repository and not remove_repository:
        raise click.UsageError("say what to change: see acrux scope-map simulate --help")
    with place.reach() as api:
        found = api.get(SCOPE_MAP, managed.ScopeMap, name=scope_map)
        removed = joined(remove_repository)
        for action in set(removed).difference(found.actions):
            warn(f"the scope map does not hold {action}")
        kept = [action for action in found.actions if action not in removed]
        wanted = SimulateScopeMap(actions=[*kept, *joined(add_repository)])
        report = _simulated(api, SCOPE_MAP, scope_map, wanted)
    _print(report, output, "with this scope map", fails=fails)


@click.command(name="simulate", cls=WordsCommand)
@name_option
@scope_map_option
@allow_option
@exit_code_option
@place_options("data_dir")
@output_option
def of_trust(
    *,
    place: Place,
    trust: str,
    scope_map: str | None,
    allow: tuple[tuple[str, ...], ...],
    fails: bool,
    output: str,
) -> None:
    """Say what it would mean if a trust granted something else, and change nothing.

    As acrux scope-map simulate, for the identities of the trust. What is given replaces what the
    trust grants now, as acrux trust update does it. Rules for claims cannot be tried: the audit log
    does not record claims.

    \b
    Examples:
      acrux trust simulate -n ci --allow "team/*" content/read
    """
    if bool(scope_map) == bool(allow):
        raise click.UsageError("give either --scope-map or --allow")
    wanted = SimulateTrust(scope_map_id=scope_map, actions=[*joined(allow)])
    with place.reach() as api:
        report = _simulated(api, TRUST, trust, wanted)
    _print(report, output, "of this trust", fails=fails)


def _simulated(
    api: Api, one: str, name: str, wanted: SimulateScopeMap | SimulateTrust
) -> shapes.Simulation:
    # Each answer goes further back, until the last one says that it reached the end.
    path, kind = f"{one}/simulate", shapes.Simulation
    whole = api.put("POST", path, wanted, kind, name=name)
    while whole.last:
        part = api.put("POST", path, replace(wanted, last=whole.last), kind, name=name)
        whole = replace(
            part,
            examined=whole.examined + part.examined,
            judged=whole.judged + part.judged,
            unknown=whole.unknown + part.unknown,
            omitted=whole.omitted + part.omitted,
            would_be_refused=_merged(whole.would_be_refused, part.would_be_refused),
            would_be_allowed=_merged(whole.would_be_allowed, part.would_be_allowed),
        )
    return whole


def _merged(newer: Iterable[shapes.Effect], older: Iterable[shapes.Effect]) -> list[shapes.Effect]:
    merged = {(one.account, *one.scopes): one for one in newer}
    for one in older:
        key = (one.account, *one.scopes)
        held = merged.get(key)
        merged[key] = replace(held, requests=held.requests + one.requests) if held else one
    return [*merged.values()]


def _print(report: shapes.Simulation, output: str, whose: str, *, fails: bool) -> None:
    if output == "json":
        print_json(to_builtins(report))
    else:
        rows = [
            *(_effect("refused", one) for one in report.would_be_refused),
            *(_effect("allowed", one) for one in report.would_be_allowed),
        ]
        print_table(("WOULD BE", "ACCOUNT", "BECAUSE OF", "REQUESTS", "LAST", "SUCH AS"), rows)
        click.echo(
            f"{report.examined} records since {to_the_second(report.since)} examined, "
            f"{report.judged} of accounts {whose}."
        )
        if report.unknown or report.omitted:
            warn(f"{report.unknown} records cannot be judged, {report.omitted} are not listed")
    if fails and report.would_be_refused:
        raise click.exceptions.Exit(exits.REFUSED)


def _effect(outcome: str, one: shapes.Effect) -> tuple[str, ...]:
    scopes, last = " ".join(one.scopes), to_the_second(one.last_time)
    return (outcome, one.account, scopes, str(one.requests), last, one.request)
