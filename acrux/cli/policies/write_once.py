"""acrux write-once: tags that can be neither moved nor deleted."""

from collections.abc import Sequence

import click
from msgspec import UNSET, to_builtins

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import asking, output_option, print_json, print_table
from acrux.cli.policies.options import (
    except_option,
    name_option,
    new_patterns_option,
    patterns_option,
)
from acrux.http.management.policies import bodies, shapes

ALL = "/writeOncePolicies"
ONE = f"{ALL}/{{name}}"


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
@place_options("data_dir")
@output_option
def create(
    place: Place,
    policy_name: str,
    patterns: tuple[str, ...],
    except_tags: tuple[str, ...],
    output: str,
) -> None:
    """Create a write-once policy. It counts at once, also for the tags that exist.

    \b
    Examples:
      acrux write-once create -n releases --repository-pattern "prod/*" \\
          --except-tag latest --except-tag "dev-*"
    """
    wanted = bodies.CreateWriteOncePolicy(
        name=policy_name, repositories=[*patterns], except_tags=[*except_tags]
    )
    with place.reach() as api:
        created = api.put("POST", ALL, wanted, shapes.WriteOncePolicy)
    _print([created], output)


@write_once.command()
@place_options("data_dir")
@output_option
def list(place: Place, output: str) -> None:  # noqa: A001 -- as az acr
    """List the write-once policies."""
    with place.reach() as api:
        found = [*api.every(ALL, shapes.WriteOncePolicyList)]
    _print(found, output, many=True)


@write_once.command()
@name_option
@place_options("data_dir")
@output_option
def show(place: Place, policy_name: str, output: str) -> None:
    """Show one write-once policy."""
    with place.reach() as api:
        found = api.get(ONE, shapes.WriteOncePolicy, name=policy_name)
    _print([found], output)


@write_once.command()
@name_option
@new_patterns_option
@except_option
@click.option("--no-exceptions", is_flag=True, help="Except no tags any more.")
@place_options("data_dir")
@output_option
def update(
    place: Place,
    policy_name: str,
    patterns: tuple[str, ...],
    except_tags: tuple[str, ...],
    no_exceptions: bool,  # noqa: FBT001 -- a flag
    output: str,
) -> None:
    """Change a write-once policy. An option replaces the old value as a whole.

    \b
    Examples:
      acrux write-once update -n releases --except-tag latest --except-tag "rc-*"
      acrux write-once update -n releases --no-exceptions
    """
    if no_exceptions and except_tags:
        raise click.UsageError("give either --except-tag or --no-exceptions")
    change = bodies.ChangeWriteOncePolicy(
        repositories=[*patterns] or UNSET,
        except_tags=[*except_tags] if except_tags or no_exceptions else UNSET,
    )
    if change == bodies.ChangeWriteOncePolicy():
        raise click.UsageError("say what to change: see acrux write-once update --help")
    with place.reach() as api:
        is_quiet = not patterns  # what is said of the patterns that there are was not asked for
        changed = api.put(
            "PATCH", ONE, change, shapes.WriteOncePolicy, is_quiet=is_quiet, name=policy_name
        )
    _print([changed], output)


@write_once.command()
@name_option
@asking("Delete the policy {policy_name}?")
@place_options("data_dir")
def delete(place: Place, policy_name: str) -> None:
    """Delete a write-once policy. The tags can then be moved and deleted."""
    with place.reach() as api:
        api.do("DELETE", ONE, name=policy_name)
    click.echo(f"Deleted the policy {policy_name}.")


def _print(policies: Sequence[shapes.WriteOncePolicy], output: str, *, many: bool = False) -> None:
    if output == "json":
        print_json(to_builtins(policies if many else policies[0]))
        return
    rows = [(one.name, ", ".join(one.repositories), ", ".join(one.except_tags)) for one in policies]
    print_table(("NAME", "REPOSITORIES", "EXCEPT TAGS"), rows)
