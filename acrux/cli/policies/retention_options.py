"""The conditions of a retention rule as options, and its confirmation."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

import click

from acrux.cli.policies.options import except_option, status_option
from acrux.domain.content.policies.retention import MAX_DAYS, MAX_KEPT
from acrux.errors import InvalidInput
from acrux.http.management.policies.shapes import RetentionRule

Command = TypeVar("Command", bound=Callable[..., Any])

# What `--remove` can name: the field of a rule, and its value if it is not set.
CONDITIONS: Final[dict[str, tuple[str, object]]] = {
    "tag": ("tags", []),
    "filter": ("filter", ""),
    "except-tag": ("except_tags", []),
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


def given(options: dict[str, Any]) -> dict[str, Any]:
    """The conditions among the options, and the status, as fields of a body."""
    return {
        name: [*value] if isinstance(value, tuple) else value
        for name, value in options.items()
        if value not in (None, ())
    }


def confirmed(
    rule: str, send: Callable[[str], RetentionRule], *, is_confirmed: bool
) -> RetentionRule:
    """What `send` returns, which gets the rule's name as the confirmation if there is one.

    If the rule removes every tag, its name is asked for. Raises InvalidInput for another answer:
    without a terminal or further input, the answer is no.
    """
    try:
        return send(rule if is_confirmed else "")
    except InvalidInput as refused:
        danger = refused.detail.get("danger")
        if danger is None:
            raise
        if _typed(rule, danger) != rule:
            raise InvalidInput(refused.message) from None
    return send(rule)


def _typed(rule: str, danger: str) -> str:
    question = f"This rule {danger}.\nTo confirm, type its name ({rule})"
    with suppress(click.Abort):
        return str(click.prompt(question, default="", show_default=False, err=True))
    return ""
