"""acrux config: ACR's retention and soft-delete policies, in its words."""

from collections.abc import Sequence

import click
from msgspec import UNSET, to_builtins

from acrux.cli.carrier.api import Api
from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import asking, output_option, print_json, print_table
from acrux.cli.policies.options import pattern_option, status_option
from acrux.domain.content.patterns import ANY_REPOSITORY
from acrux.domain.content.policies.retention import MAX_UNTAGGED_DAYS
from acrux.domain.content.policies.soft_delete import DEFAULT_DAYS, MAX_DAYS, SoftDeletePolicy
from acrux.errors import UnknownName
from acrux.http.management.bodies import Status
from acrux.http.management.policies import bodies, shapes

RETENTION = "/retentionPolicy"
SOFT_DELETE = "/softDeletePolicies"

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
@place_options("data_dir")
@output_option
def show_retention(place: Place, output: str) -> None:
    """Show for how long manifests without a tag are kept. By default, this is disabled."""
    with place.reach() as api:
        found = api.get(RETENTION, shapes.RetentionPolicy)
    _print_retention(found, output)


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
@place_options("data_dir")
@output_option
def update_retention(
    place: Place,
    days: int | None,
    status: Status | None,
    kind: str,  # noqa: ARG001 -- there is one, as in az acr
    yes: bool,  # noqa: ARG001, FBT001 -- nothing is asked
    output: str,
) -> None:
    """Set for how long manifests without a tag are kept.

    \b
    Examples:
      acrux config retention update --status enabled --days 30 --type UntaggedManifests
    """
    change = bodies.ChangeRetentionPolicy(
        days=UNSET if days is None else days, status=UNSET if status is None else status
    )
    with place.reach() as api:
        changed = api.put("PATCH", RETENTION, change, shapes.RetentionPolicy)
    _print_retention(changed, output)


@config.group(name="soft-delete")
def soft_delete() -> None:
    """Set for how long what was deleted can be restored.

    Of several policies, the one with the most specific pattern applies to a repository.
    """


@soft_delete.command(name="show")
@pattern_option(required=False, default=ANY_REPOSITORY)
@place_options("data_dir")
@output_option
def show_soft_delete(place: Place, pattern: str, output: str) -> None:
    """Show the soft-delete policy of a pattern. By default, soft delete is disabled."""
    with place.reach() as api:
        found = _find(api, pattern)
    if found is None and pattern != ANY_REPOSITORY:
        raise UnknownName(f"there is no {SoftDeletePolicy.title} {pattern!r}: list them")
    _print_soft_delete([found or _unset(pattern)], output)


@soft_delete.command(name="list")
@place_options("data_dir")
@output_option
def list_soft_delete(place: Place, output: str) -> None:
    """List the soft-delete policies of all patterns."""
    with place.reach() as api:
        found = [*api.every(SOFT_DELETE, shapes.SoftDeletePolicyList)]
    _print_soft_delete(found, output, many=True)


@soft_delete.command(name="update")
@pattern_option(required=False, default=ANY_REPOSITORY)
@click.option("--days", type=click.IntRange(1, MAX_DAYS), help="For how many days.")
@status_option
@yes_option
@place_options("data_dir")
@output_option
def update_soft_delete(
    place: Place,
    pattern: str,
    days: int | None,
    status: Status | None,
    yes: bool,  # noqa: ARG001, FBT001 -- nothing is asked
    output: str,
) -> None:
    """Set for how long what was deleted can be restored.

    \b
    Examples:
      acrux config soft-delete update --status enabled --days 30
      acrux config soft-delete update --repository-pattern "scratch/*" --status disabled
    """
    with place.reach() as api:
        old = _find(api, pattern) or _unset(pattern)
        wanted = bodies.PutSoftDeletePolicy(
            repositories=pattern,
            retention_days=old.retention_days if days is None else days,
            status=status or old.status,
        )
        put = api.put("PUT", SOFT_DELETE, wanted, shapes.SoftDeletePolicy)
    _print_soft_delete([put], output)


@soft_delete.command(name="delete")
@pattern_option(required=True)
@asking("End soft delete for {pattern}?")
@place_options("data_dir")
def delete_soft_delete(place: Place, pattern: str) -> None:
    """Delete the soft-delete policy of a pattern; then a less specific one applies."""
    with place.reach() as api:
        api.do("DELETE", SOFT_DELETE, query=(("repositories", pattern),))
    click.echo(f"Ended soft delete for {pattern}.")


def _find(api: Api, pattern: str) -> shapes.SoftDeletePolicy | None:
    found = api.every(SOFT_DELETE, shapes.SoftDeletePolicyList)
    return next((one for one in found if one.repositories == pattern), None)


def _unset(pattern: str) -> shapes.SoftDeletePolicy:
    return shapes.SoftDeletePolicy(
        repositories=pattern,
        retention_days=DEFAULT_DAYS,
        status="disabled",
        last_updated_time=None,
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
