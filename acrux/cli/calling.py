"""What the commands that call a registry share: where, who, how it ends."""

import ipaddress
import os
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click
import httpx2

from acrux import __version__
from acrux.client import credentials
from acrux.client.errors import ClientError
from acrux.domain.credential import Credential, Secret

Hooks = dict[str, list[Callable[..., Any]]]

TIMEOUT: Final = httpx2.Timeout(30.0)


class Refused(click.ClickException):
    """The registry, or this program on the caller's behalf, refused: exit code 1."""

    exit_code = 1


class Unreachable(click.ClickException):
    """There was no answer: exit code 3."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Tls:
    """What --cacert and --insecure say."""

    cacert: Path | None
    insecure: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and where their credentials may go, as the options say."""

    user: str | None
    password_stdin: bool
    allowed_realm_hosts: tuple[str, ...]

    def find_credential(self, registry: httpx2.URL) -> Credential | None:
        """The credential for the registry; None where there is none.

        Raises click.UsageError, CredentialsUnavailable.
        """
        if self.password_stdin and not self.user:
            raise click.UsageError("--password-stdin needs -u USER.")
        name = self.user or os.environ.get("ACRUX_USERNAME")
        if name:
            return Credential(name, Secret(self._password(name)))
        return credentials.find(registry.netloc.decode("ascii"), os.environ)

    def _password(self, name: str) -> str:
        if self.password_stdin:
            return sys.stdin.readline().rstrip("\r\n")
        if (password := os.environ.get("ACRUX_PASSWORD")) is not None:
            return password
        if not sys.stdin.isatty():
            raise click.UsageError(
                f"no password for {name!r}: use --password-stdin or set ACRUX_PASSWORD."
            )
        answer: str = click.prompt("Password", hide_input=True, err=True)
        return answer


def tls_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add --cacert and --insecure; the command gets them as `tls`."""

    @click.option(
        "--cacert",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Certificates (PEM) to trust, and no others.",
    )
    @click.option("--insecure", is_flag=True, help="Do not verify the registry's certificate.")
    @wraps(command)
    def collected(*, cacert: Path | None, insecure: bool, **others: Any) -> None:
        command(tls=Tls(cacert, insecure), **others)

    return collected


def caller_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add -u, --password-stdin and --allow-realm; the command gets them as `caller`."""

    @click.option(
        "-u",
        "--user",
        metavar="USER",
        help="The user name. Without it: ACRUX_USERNAME and ACRUX_PASSWORD, then docker's "
        "configuration and its credential helpers, then no credentials.",
    )
    @click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
    @click.option(
        "--allow-realm",
        multiple=True,
        metavar="HOST[:PORT]",
        help="Another host to which credentials may be sent for a token; repeatable.",
    )
    @wraps(command)
    def collected(
        *, user: str | None, password_stdin: bool, allow_realm: tuple[str, ...], **others: Any
    ) -> None:
        command(caller=Caller(user, password_stdin, allow_realm), **others)

    return collected


def registry_url(text: str) -> httpx2.URL:
    """The URL of `http(s)://...` or of `host[:port][/path]`; http for this machine, else https.

    Raises click.BadParameter.
    """
    try:
        url = httpx2.URL(text if "://" in text else f"https://{text}")
        if "://" not in text and _is_this_machine(url.host):
            url = url.copy_with(scheme="http")
        port_is_valid = url.port is None or 0 < url.port < 65536
    except (httpx2.InvalidURL, ValueError):
        url, port_is_valid = httpx2.URL(), False
    if url.scheme not in ("http", "https") or not url.host or not port_is_valid:
        raise click.BadParameter(
            f"{text!r} is no URL: expected host[:port]/path or http(s)://host[:port]/path"
        )
    if url.userinfo:
        raise click.BadParameter("the URL carries a user name: use -u and --password-stdin")
    return url


def open_client(tls: Tls, hooks: Hooks | None = None) -> httpx2.Client:
    """A client for one command. Raises click.BadParameter for certificates it cannot read."""
    headers = {"User-Agent": f"acrux/{__version__}", "Accept-Encoding": "identity"}
    return httpx2.Client(
        headers=headers, verify=_verification(tls), timeout=TIMEOUT, event_hooks=hooks
    )


@contextmanager
def failures_told() -> Iterator[None]:
    """Turn what can go wrong in a call into one line and an exit code."""
    try:
        yield
    except ClientError as refused:
        raise Refused(printable(str(refused))) from None
    except httpx2.RequestError as error:
        url = error.request.url
        where = f"{url.scheme}://{url.netloc.decode('ascii')}"
        why = str(error) or type(error).__name__
        raise Unreachable(f"cannot reach {where}: {printable(why)}") from None
    except httpx2.InvalidURL as error:
        raise click.UsageError(f"no URL: {printable(str(error))}") from None


def printable(text: str) -> str:
    """The text without what could steer a terminal: it comes from the other side."""
    return "".join(c if c.isprintable() else "?" for c in text)


def masked(secret: str) -> str:
    """As the document shows a token: its first and last three characters, if it has many."""
    return f"{secret[:3]}...{secret[-3:]}" if len(secret) > 20 else "***"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _verification(tls: Tls) -> ssl.SSLContext | bool:
    if tls.insecure:
        return False
    if tls.cacert is None:
        return True
    try:
        return ssl.create_default_context(cafile=tls.cacert)
    except (ssl.SSLError, OSError):
        raise click.BadParameter(f"{tls.cacert} holds no certificates (PEM)") from None
