"""Where a command's registry is, as its options say."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click
import httpx2
from click.core import ParameterSource

from acrux.cli.caller.credential_options import Caller, Source, allow_realm_option
from acrux.cli.caller.http_client import Tls, registry_url, tls_options
from acrux.cli.carrier.api import Api
from acrux.cli.options import setting_options
from acrux.settings import with_place

Command = Callable[..., None]

_NOWHERE = Source(None, stdin=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A data directory, or if there is a `url` the registry that runs there."""

    config: Path | None
    settings: dict[str, object]
    url: httpx2.URL | None
    caller: Caller
    tls: Tls

    @contextmanager
    def reach(self) -> Iterator[Api]:
        """The registry. Raises InvalidSettings, click.ClickException."""
        if self.url is not None:
            from acrux.cli.carrier.over_http import at_url  # noqa: PLC0415 -- not needed below

            with at_url(self.url, self.caller, self.tls) as carrier:
                yield Api(carrier)
            return
        from acrux.cli.carrier.in_process import on_data_directory  # noqa: PLC0415 -- the server

        with on_data_directory(self.config, self.settings) as local:
            yield Api(local)

    def check(self) -> None:
        """Raise click.UsageError if its options belong to both, or to the other."""
        caller, tls = self.caller, self.tls
        of_url = (caller.user, caller.password_stdin, caller.allowed_realm_hosts)
        if self.url is None and (any(of_url) or tls.cacert or tls.insecure):
            raise click.UsageError("name the registry with --registry HOST.")
        if self.url is not None and any(
            value not in (None, ()) for value in (self.config, *self.settings.values())
        ):
            raise click.UsageError("give either --registry or a data directory with its settings.")


class Registry(click.ParamType[httpx2.URL]):
    """A registry: host[:port] or its URL."""

    name = "HOST|URL"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> httpx2.URL:
        """Its URL, without a path."""
        url = value if isinstance(value, httpx2.URL) else registry_url(str(value))
        if url.path not in ("", "/") or url.query:
            self.fail(
                f"{value!r} is more than a registry: expected host[:port]", parameter, context
            )
        return url


def place_options(
    *settings: str, names: tuple[str, ...] = ("--registry", "-r"), password: bool = True
) -> Callable[[Command], Command]:
    """Add the options that say where the registry is; the command gets them as `place`.

    `settings` are those that a command on a data directory obeys. Without `password`, standard
    input is left to the command.
    """

    def add(command: Command) -> Command:
        @click.option(
            *names,
            "registry_at",
            type=Registry(),
            help="A registry that runs, instead of a data directory: with the login of acrux login "
            "or docker login, or -u.",
        )
        @click.option(
            "-u",
            "--username",
            "registry_user",
            metavar="USER",
            help="The user name at --registry.",
        )
        @_password_option(is_there=password)
        @allow_realm_option
        @tls_options
        @setting_options(*settings)
        @wraps(command)
        def placed(**options: Any) -> None:
            taken = {name: options.pop(name) for name in with_place(settings)}
            place = _place(options, taken)
            place.check()
            command(place=place, **options)

        return placed

    return add


def _password_option(*, is_there: bool) -> Callable[[Command], Command]:
    if not is_there:
        return lambda command: command
    return click.option(
        "--password-stdin", "registry_password_stdin", is_flag=True,
        help="Read that user's password from standard input.",
    )  # fmt: skip


def _place(options: dict[str, Any], settings: dict[str, object]) -> Place:
    url, user = options.pop("registry_at"), options.pop("registry_user")
    stdin = options.pop("registry_password_stdin", False)
    hosts, tls = options.pop("allowed_realm_hosts"), options.pop("tls")
    config = _config(options.pop("config"), is_used=url is None)
    caller = Caller(user, stdin, _NOWHERE, _NOWHERE, None, hosts)
    return Place(config, settings, url, caller, tls)


def _config(path: Path | None, *, is_used: bool) -> Path | None:
    # What ACRUX_CONFIG names on a machine with a registry does not matter at a URL.
    source = click.get_current_context().get_parameter_source("config")
    return path if is_used or source is ParameterSource.COMMANDLINE else None
