"""Open the registry of a data directory for one command."""

import asyncio
import os
import pwd
import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import click
from click.core import ParameterSource

from acrux.bootstrap import served
from acrux.bootstrap.application import Registry, build
from acrux.bootstrap.services import Services
from acrux.cli.options import load
from acrux.domain.audit.decision import LOCAL_CALLER, Decision, Outcome
from acrux.errors import InvalidSettings
from acrux.settings import PLACE, Settings
from acrux.settings_sources import Loaded

Result = TypeVar("Result")

# Commands that change nothing. All others are recorded.
READING: Final = frozenset(
    {
        "list",
        "show",
        "explain",
        "test",
        "status",
        "why",
        "what-if",
        "usage",
        "show-usage",
        "list-deleted",
        "list-deleted-tags",
        "export",
        "list-events",
        "show-tags",
        "list-metadata",
        "show-metadata",
        "list-referrers",
        "holders",
        "least-privilege",
        "simulate",
    }
)

# Options whose values may be credentials, such as those of a webhook's receiver.
SECRET: Final = frozenset({"headers", "uri"})

MAX_REQUEST_CHARACTERS: Final = 1024


def on_registry(
    config: Path | None,
    options: dict[str, object],
    act: Callable[[Services, Settings], Awaitable[Result]],
) -> Result:
    """What `act` returns on the services of the registry, which need not be running.

    The command obeys the settings about collection that the registry ran with last, unless it is
    given others. It is recorded in the audit log, unless it only reads. Raises InvalidSettings if
    the data directory does not exist.
    """
    return on_opened(config, options, lambda registry, settings: act(registry.services, settings))


def on_opened(
    config: Path | None,
    options: dict[str, object],
    act: Callable[[Registry, Settings], Awaitable[Result]],
) -> Result:
    """As `on_registry`, for what no service does."""
    return asyncio.run(_run(find(config, options), act))


def find(config: Path | None, options: dict[str, object]) -> Loaded:
    """The settings of a command on a data directory. Raises InvalidSettings if there is none."""
    loaded = load(config, options)
    if not loaded.settings.data_dir.is_dir():
        raise InvalidSettings(
            f"data_dir: there is no registry in {loaded.settings.data_dir}: give the same "
            "--data-dir as to acrux serve"
        )
    return loaded


async def _run(loaded: Loaded, act: Callable[[Registry, Settings], Awaitable[Result]]) -> Result:
    return await _on(await as_served(loaded), act)


async def record_on(settings: Settings) -> None:
    """Record the command in the audit log of the registry of these settings."""

    async def nothing_more(_: Registry, __: Settings) -> None:
        pass

    await _on(settings, nothing_more)


async def _on(settings: Settings, act: Callable[[Registry, Settings], Awaitable[Result]]) -> Result:
    registry = build(settings.replace(web="disabled"))  # a command shows no page
    await registry.lifespan.open()
    try:
        result = await act(registry, settings)
        record(registry.services)
        return result
    finally:
        await registry.lifespan.close()


async def as_served(loaded: Loaded) -> Settings:
    """The settings, of which those that are not given are as the registry itself has them.

    Its settings may be in a unit's file.
    """
    kept = await served.find(loaded.settings)
    given = {one.name for one in loaded.origins if one.source != "default"}
    return loaded.settings.replace(
        **{name: value for name, value in kept.items() if name not in given}
    )


def record(services: Services) -> None:
    """Record the command as typed in the audit log, unless it only reads."""
    context = click.get_current_context(silent=True)
    if context is None or context.info_name in READING:
        return
    if context.params.get("repair") is False:  # a check without --repair changes nothing
        return
    services.audit_log.record(
        Decision(
            request=_request(context)[:MAX_REQUEST_CHARACTERS],
            outcome=Outcome.GRANTED,
            account=LOCAL_CALLER,
            authentication_method=_user(),
        )
    )


def _request(context: click.Context) -> str:
    # The command as typed, without the place of the registry and without what may be a credential.
    words = context.command_path.split()
    for parameter in context.command.params:
        name = parameter.name or ""
        if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        if name.removeprefix("to_") in ("config", *PLACE, "output", "query"):
            continue
        words += _words(parameter, "***" if name in SECRET else context.params[name])
    return shlex.join(words)


def _words(parameter: click.Parameter, value: object) -> list[str]:
    option = parameter.opts[:1] if isinstance(parameter, click.Option) else []
    return [*option] if getattr(parameter, "is_flag", False) else [*option, *_texts(value)]


def _texts(value: object) -> list[str]:
    if isinstance(value, tuple):
        return [text for one in value for text in _texts(one)]
    return [str(value)]


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user may have no name
        return str(os.getuid())
