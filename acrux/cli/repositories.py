"""The option --repository REPO ACTION..., as `az acr` has it."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from acrux.cli.words import Words
from acrux.domain.access.scope_maps import ACTION_OF_KIND, ACTION_OF_MANAGEMENT

Command = Callable[..., Any]


class Permissions(Words[tuple[str, ...]]):
    """A repository and its actions, as the permissions of a scope map."""

    name = "REPO ACTION..."

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, ...]:
        """`team/* content/read metadata/read` and the like."""
        if isinstance(value, tuple):
            return value
        repository, *actions = self.words(value)
        unknown = [action for action in actions if action not in ACTION_OF_KIND]
        if unknown or not actions:
            known = ", ".join(ACTION_OF_KIND)
            self.fail(f"name a repository and one or more of: {known}", parameter, context)
        return tuple(f"repositories/{repository}/{action}" for action in actions)


def repository_option(name: str, sentence: str) -> Callable[[Command], Command]:
    """An option that may be given several times, each a repository and its actions."""
    return click.option(
        f"--{name}", name.replace("-", "_"), type=Permissions(), multiple=True, help=sentence
    )


class Management(click.Choice[str]):
    """`read` or `write`, as the permission of a scope map."""

    def __init__(self) -> None:
        super().__init__(tuple(ACTION_OF_MANAGEMENT.values()))

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> str:
        """`management/read` for `read`."""
        action = super().convert(value, parameter, context)
        return next(text for text, one in ACTION_OF_MANAGEMENT.items() if one == action)


def management_option(name: str, sentence: str) -> Callable[[Command], Command]:
    """An option that may be given twice: the right to see accounts, and to change them."""
    return click.option(
        f"--{name}", name.replace("-", "_"), type=Management(), multiple=True, help=sentence
    )


def joined(permissions: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The permissions of all options of one name."""
    return tuple(permission for option in permissions for permission in option)
