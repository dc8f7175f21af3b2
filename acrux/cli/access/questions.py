"""Commands that answer questions about rights, and change nothing."""

from collections.abc import Iterable
from typing import Final, TypeAlias

import click
from msgspec import to_builtins
from msgspec.structs import replace

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

Wanted: TypeAlias = SimulateScopeMap | SimulateTrust


@click.command(cls=WordsCommand)
@click.option("--name", "-n", "scope_map", required=True, help="Its name.")
@repository_option("add-repository", "A repository and the actions to allow there.")
@repository_option("remove-repository", "A repository and the actions to withdraw there.")
@place_options("data_dir")
@output_option
def simulate(
    *,
    place: Place,
    scope_map: str,
    add_repository: tuple[tuple[str, ...], ...],
    remove_repository: tuple[tuple[str, ...], ...],
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
    with place.reach() as api:
        found = api.get(SCOPE_MAP, managed.ScopeMap, name=scope_map)
        removed = joined(remove_repository)
        kept = [action for action in found.actions if action not in removed]
        wanted = SimulateScopeMap(actions=[*kept, *joined(add_repository)])
        report = _simulated(api, SCOPE_MAP, scope_map, wanted)
    _print(report, "accounts with this scope map", output)


@click.command(name="simulate", cls=WordsCommand)
@name_option
@scope_map_option
@allow_option
@place_options("data_dir")
@output_option
def simulate_trust(
    *,
    place: Place,
    trust: str,
    scope_map: str | None,
    allow: tuple[tuple[str, ...], ...],
    output: str,
) -> None:
    """Say what it would mean if a trust granted something else, and change nothing.

    That is a scope map, or repositories and the actions allowed there; it replaces what the trust
    grants now as a whole, as in acrux trust update. It is tried on the audit log of the last 30
    days. Claims cannot be tried: the audit log holds none.

    \b
    Examples:
      acrux trust simulate -n ci --scope-map pull-team
      acrux trust simulate -n ci --allow "team/*" content/read
    """
    if not (scope_map or allow):
        raise click.UsageError("say what the trust would grant: --scope-map or --allow")
    wanted = SimulateTrust(scope_map_id=scope_map, actions=[*joined(allow)])
    with place.reach() as api:
        report = _simulated(api, TRUST, trust, wanted)
    _print(report, "this trust", output)


def _print(report: shapes.Simulation, whose: str, output: str) -> None:
    if output == "json":
        print_json(to_builtins(report))
        return
    rows = [
        *(_effect("refused", one) for one in report.would_be_refused),
        *(_effect("allowed", one) for one in report.would_be_allowed),
    ]
    print_table(("WOULD BE", "ACCOUNT", "BECAUSE OF", "REQUESTS", "LAST", "SUCH AS"), rows)
    click.echo(
        f"{report.examined} records since {to_the_second(report.since)} examined, "
        f"{report.judged} of {whose}."
    )
    if report.unknown or report.omitted:
        warn(f"{report.unknown} records cannot be judged, {report.omitted} are not listed")


def _simulated(api: Api, one: str, name: str, wanted: Wanted) -> shapes.Simulation:
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


def _effect(outcome: str, one: shapes.Effect) -> tuple[str, ...]:
    scopes, last = " ".join(one.scopes), to_the_second(one.last_time)
    return (outcome, one.account, scopes, str(one.requests), last, one.request)


@click.command()
@click.option("--repository", required=True, help="The repository.")
@place_options("data_dir")
@output_option
def holders(place: Place, repository: str, output: str) -> None:
    """List who may do what on a repository.

    \b
    Examples:
      acrux scope-map holders --repository team/app
    """
    query = (("repository", repository),)
    with place.reach() as api:
        found = [*api.every("/access", shapes.HolderList, query)]
    if output == "json":
        print_json(to_builtins(found))
        return
    rows = [
        (
            one.name,
            one.status,
            one.scope_map_id,
            " ".join(each.action for each in one.actions if each.held),
        )
        for one in found
    ]
    print_table(("NAME", "STATUS", "SCOPE MAP", "ACTIONS"), rows)


@click.command(name="least-privilege")
@click.option("--name", "-n", "account", required=True, help="Its name.")
@place_options("data_dir")
@output_option
def least_privilege(place: Place, account: str, output: str) -> None:
    """List the permissions that an account used in the last 30 days.

    A scope map with these covers what it did, as far as the audit log tells, and no more. What only
    tokens held may never have been used.

    \b
    Examples:
      acrux token least-privilege -n ci-team
    """
    with place.reach() as api:
        used = api.get("/leastPrivilege", shapes.LeastPrivilege, (("account", account),))
    if output == "json":
        print_json(to_builtins(used))
        return
    rows = [
        (
            use.permission,
            str(use.requests),
            to_the_second(use.last_time),
            "tokens" if use.only_tokens else "requests",
        )
        for use in used.uses
    ]
    print_table(("PERMISSION", "REQUESTS", "LAST", "KNOWN FROM"), rows)
    if not used.complete:
        warn(f"only the {used.examined} newest records were examined")
    if used.omitted:
        warn("there are more permissions than a scope map can hold")
