"""The option --repository REPO ACTION..., as `az acr` has it."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from acrux.cli.words import Words
from acrux.domain.access.scope_maps import ACTION_OF_KIND, PERMISSIONS_ON_REGISTRY

Command = Callable[..., Any]


class Permissions(Words[tuple[str, ...]]):
    """A repository and its actions, as the permissions of a scope map."""

    name = "REPO ACTION..."
    known = tuple(ACTION_OF_KIND)
    is_first_known = False

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


class ActionOnRegistry(click.Choice[str]):
    """An action on MANAGEMENT or METRICS, as the permission of a scope map."""

    def __init__(self, name: str) -> None:
        self._permissions = PERMISSIONS_ON_REGISTRY[name]
        super().__init__(tuple(self._permissions.values()))

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> str:
        """`management/read` for `read`."""
        action = super().convert(value, parameter, context)
        return next(text for text, one in self._permissions.items() if one == action)


def registry_option(name: str, sentence: str, prefix: str = "") -> Callable[[Command], Command]:
    """An option such as --add-management, which may be given once for each action."""
    option = f"--{prefix}{name}"
    return click.option(option, type=ActionOnRegistry(name), multiple=True, help=sentence)


def joined(permissions: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The permissions of all options of one name."""
    return tuple(permission for option in permissions for permission in option)
