"""The conditions of a retention rule as options, and its confirmation."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

import click

from acrux.cli.policies.options import except_option, status_option
from acrux.domain.content.policies.retention import MAX_DAYS, MAX_KEPT, RetentionRule
from acrux.domain.content.policies.survey import Survey, check_confirmed, danger

Command = TypeVar("Command", bound=Callable[..., Any])

# What `--remove` can name: the field of a rule, and its value if it is not set.
CONDITIONS: Final[dict[str, tuple[str, object]]] = {
    "tag": ("tags", ()),
    "filter": ("filter", ""),
    "except-tag": ("except_tags", ()),
    "keep-last": ("keep_last", None),
    "older-than": ("older_than_days", None),
    "not-pulled-for": ("not_pulled_for_days", None),
    "untagged-for": ("untagged_for_days", None),
    "keep-at-least": ("keep_at_least", 0),
}

_OPTIONS: Final = (
    click.option(
        "--tag", "tags", multiple=True, metavar="GLOB",
        help="Tags that the rule is about: * matches any characters, ? any one. Repeatable.",
    ),
    click.option(
        "--filter", "filter", metavar="REGEX",
        help="More such tags, as acr purge --filter has it: a regular expression (RE2) that may "
        "match any part of the tag.",
    ),
    except_option,
    click.option(
        "--keep-last", type=click.IntRange(1, MAX_KEPT), metavar="COUNT",
        help="Keep the newest of these tags.",
    ),
    click.option(
        "--older-than", "older_than_days", type=click.IntRange(1, MAX_DAYS), metavar="DAYS",
        help="Remove only tags that were pushed so many days ago or more.",
    ),
    click.option(
        "--not-pulled-for", "not_pulled_for_days", type=click.IntRange(1, MAX_DAYS),
        metavar="DAYS", help="Remove only what was neither pulled nor pushed for so many days.",
    ),
    click.option(
        "--untagged-for", "untagged_for_days", type=click.IntRange(0, MAX_DAYS), metavar="DAYS",
        help="Remove manifests that have had no tag for so many days.",
    ),
    click.option(
        "--keep-at-least", type=click.IntRange(0, MAX_KEPT), metavar="COUNT",
        help="Keep so many of them whatever their age.",
    ),
    status_option,
)  # fmt: skip


def conditions(command: Command) -> Command:
    """Add the options for the conditions of a rule."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, object]]:
    """The conditions among the options, as the fields of a rule; and the other options."""
    names = {field for field, _ in CONDITIONS.values()}
    fields = {
        name: value for name, value in options.items() if name in names and value not in (None, ())
    }
    status = options.get("status")
    if status is not None:
        fields["is_enabled"] = status == "enabled"
    others = {
        name: value for name, value in options.items() if name not in names and name != "status"
    }
    return fields, others


def ask(rule: RetentionRule, survey: Survey) -> None:
    """Ask for the name of a rule that removes every tag; raise InvalidInput for another answer.

    Without a terminal or further input, the answer is no.
    """
    what, typed = danger(rule, survey), ""
    if what:
        with suppress(click.Abort):
            typed = click.prompt(
                f"This rule {what}.\nTo confirm, type its name ({rule.name})",
                default="",
                show_default=False,
                err=True,
            )
    check_confirmed(rule, survey, typed)
