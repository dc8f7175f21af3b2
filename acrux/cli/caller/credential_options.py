"""Who calls a registry: the options that say how to log in."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click
import httpx2

from acrux.cli.options import read_password
from acrux.client import credentials
from acrux.client.login import Login, RefreshToken, SubjectToken
from acrux.domain.access.credential import Credential, Secret

# What --grant names: GET with Basic, or one of the forms of POST.
GET: Final = "get"
PASSWORD: Final = "password"  # noqa: S105 -- a grant of RFC 6749
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105 -- a grant of RFC 6749


@dataclass(frozen=True, slots=True)
class Source:
    """Where to read a token from: a file, standard input, or nowhere."""

    file: Path | None
    stdin: bool

    @property
    def is_given(self) -> bool:
        """Whether there is a token to read."""
        return self.stdin or self.file is not None

    def read(self) -> Secret:
        """The token. Raises click.UsageError if none can be read."""
        where = self.file or "standard input"
        try:
            text = self.file.read_text() if self.file else sys.stdin.read()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise click.UsageError(f"cannot read a token from {where}: {why}.") from None
        if not text.strip().isascii() or len(text.split()) != 1:
            raise click.UsageError(f"{where} does not hold a token.")
        return Secret(text.strip())


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and where their credentials may go, as the options say."""

    user: str | None
    password_stdin: bool
    refresh_token: Source
    subject_token: Source
    grant: str | None
    allowed_realm_hosts: tuple[str, ...]

    @property
    def is_named(self) -> bool:
        """Whether the options or the environment say who calls, not stored credentials."""
        tokens = self.refresh_token.is_given or self.subject_token.is_given
        return tokens or bool(self.user or os.environ.get("ACRUX_USERNAME"))

    @property
    def reads_stdin(self) -> bool:
        """Whether standard input holds a secret."""
        return self.password_stdin or self.refresh_token.stdin or self.subject_token.stdin

    def find_login(self, registry: httpx2.URL) -> Login | None:
        """What to log in with at the registry, None if there is nothing.

        Raises click.UsageError, CredentialsUnavailable.
        """
        self._check()
        return self._as_granted(self._find(registry))

    def with_password(self, name: str) -> Credential:
        """The name, and the password that goes with it. Raises click.UsageError."""
        credential = Credential(name, self._password(name))
        if not _is_text(name) or not _is_text(credential.secret.reveal()):
            raise click.UsageError("the user name or the password is not UTF-8.")
        return credential

    def _check(self) -> None:
        named = self.user is not None or self.password_stdin
        if [named, self.refresh_token.is_given, self.subject_token.is_given].count(True) > 1:
            raise click.UsageError("give only one of: -u USER, a refresh token, a subject token.")
        if self.password_stdin and not self.user:
            raise click.UsageError("--password-stdin needs -u USER.")

    def _find(self, registry: httpx2.URL) -> Login | None:
        if self.refresh_token.is_given:
            return RefreshToken(self.refresh_token.read())
        if self.subject_token.is_given:
            return SubjectToken(self.subject_token.read())
        if name := self.user or os.environ.get("ACRUX_USERNAME"):
            return self.with_password(name)
        return credentials.find(registry.netloc.decode("ascii"), os.environ)

    def _as_granted(self, login: Login | None) -> Login | None:
        """The login in the form that --grant names, unchanged without --grant."""
        if self.grant == GET and isinstance(login, RefreshToken):
            return login.as_password
        if self.grant == PASSWORD and not isinstance(login, Credential):
            raise click.UsageError("--grant password needs a user name and a password.")
        if self.grant == REFRESH_TOKEN and not isinstance(login, RefreshToken | SubjectToken):
            raise click.UsageError("--grant refresh_token needs a refresh token.")
        return login

    def _password(self, name: str) -> Secret:
        if self.password_stdin:
            return read_password()
        if (password := os.environ.get("ACRUX_PASSWORD")) is not None:
            return Secret(password)
        if not sys.stdin.isatty():
            raise click.UsageError(
                f"no password for {name!r}: use --password-stdin or set ACRUX_PASSWORD."
            )
        return Secret(click.prompt("Password", hide_input=True, err=True))


def _is_text(argument: str) -> bool:
    # In arguments and in the environment, bytes that are not UTF-8 appear as lone surrogates.
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def registry_argument(*, required: bool = True) -> Callable[..., Callable[..., None]]:
    """Add REGISTRY, or in its place --registry; the command gets `registry`, None if neither."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        @click.argument("registry", required=False)
        @click.option(
            "--registry", "-r", "registry_at", metavar="HOST", help="The registry, as an option."
        )
        @wraps(command)
        def named(*, registry: str | None, registry_at: str | None, **options: Any) -> None:
            if registry is not None and registry_at is not None:
                raise click.UsageError("name the registry once: REGISTRY, or --registry HOST.")
            found = registry if registry_at is None else registry_at
            if required and found is None:
                raise click.UsageError("name the registry: REGISTRY, or --registry HOST.")
            command(registry=found, **options)

        return named

    return add


def source_options(name: str, option: str, described: str) -> Callable[..., Callable[..., None]]:
    """Add --OPTION-file and --OPTION-stdin; the command gets them as a Source of this name."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        @click.option(
            f"--{option}-file",
            f"{name}_file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help=f"A file that holds {described}.",
        )
        @click.option(
            f"--{option}-stdin",
            f"{name}_stdin",
            is_flag=True,
            help=f"Read {described} from standard input.",
        )
        @wraps(command)
        def collected(**options: Any) -> None:
            file, stdin = options.pop(f"{name}_file"), options.pop(f"{name}_stdin")
            if file is not None and stdin:
                raise click.UsageError(f"give only one of: --{option}-file, --{option}-stdin.")
            command(**{name: Source(file, stdin)}, **options)

        return collected

    return add


subject_token_options = source_options(
    "subject_token", "token", "a token of an issuer that the registry trusts"
)
refresh_token_options = source_options(
    "refresh_token", "refresh-token", "a refresh token of the registry"
)
allow_realm_option = click.option(
    "--allow-realm",
    "allowed_realm_hosts",
    multiple=True,
    metavar="HOST[:PORT]",
    help="Another host to which credentials may be sent for a token; repeatable.",
)


def caller_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say who calls; the command gets them as `caller`."""

    @click.option(
        "-u",
        "--user",
        "--username",
        "user",
        metavar="USER",
        help="The user name. Without it and without a token: ACRUX_USERNAME and ACRUX_PASSWORD, "
        "then what acrux login or docker login stored, then no credentials.",
    )
    @click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
    @refresh_token_options
    @subject_token_options
    @click.option(
        "--grant",
        type=click.Choice([GET, PASSWORD, REFRESH_TOKEN]),
        help="How to request a token: GET with Basic, or POST with a form of this grant.",
    )
    @allow_realm_option
    @wraps(command)
    def collected(**options: Any) -> None:
        fields = {name: options.pop(name) for name in Caller.__dataclass_fields__}
        command(caller=Caller(**fields), **options)

    return collected
