"""What commands that call a registry share: URLs, TLS, failures."""

import ipaddress
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click
import httpx2

from acrux.cli import exits
from acrux.cli.caller import failures
from acrux.client.errors import ClientError, RealmRefused
from acrux.client.tokens import USER_AGENT

Hooks = dict[str, list[Callable[..., Any]]]

TIMEOUT: Final = httpx2.Timeout(30.0)
# Stands for an empty value.
ABSENT: Final = "-"


class Refused(click.ClickException):
    """The registry, or this program on the caller's behalf, refused: exit code 1."""

    exit_code = exits.REFUSED


class Unreachable(click.ClickException):
    """There was no answer: exit code 3."""

    exit_code = exits.UNREACHABLE


@dataclass(frozen=True, slots=True)
class Tls:
    """What --cacert and --insecure say."""

    cacert: Path | None
    insecure: bool


def tls_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add --cacert and --insecure; the command gets them as `tls`."""

    @click.option(
        "--cacert",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="The only certificates (PEM) to trust. A registry on this machine is then called with "
        "https, too, unless it is named as http://HOST.",
    )
    @click.option("--insecure", is_flag=True, help="Do not verify the registry's certificate.")
    @wraps(command)
    def collected(*, cacert: Path | None, insecure: bool, **values: Any) -> None:
        command(tls=Tls(cacert, insecure), **values)

    return collected


def registry_url(text: str, tls: Tls | None = None) -> httpx2.URL:
    """The URL of `http(s)://...` or of `host[:port][/path]`; http for this machine, else https.

    Certificates to trust mean https for this machine, too. Raises click.BadParameter.
    """
    is_plain = tls is None or tls.cacert is None
    try:
        url = httpx2.URL(text if "://" in text else f"https://{text}")
        if "://" not in text and is_plain and is_this_machine(url.host):
            url = url.copy_with(scheme="http")
        port_is_valid = url.port is None or 0 < url.port < 65536
    except (httpx2.InvalidURL, ValueError):
        url, port_is_valid = httpx2.URL(), False
    if url.scheme not in ("http", "https") or not url.host or not port_is_valid:
        raise click.BadParameter(
            f"{text!r} is not a URL: expected host[:port]/path or http(s)://host[:port]/path"
        )
    if url.userinfo:
        raise click.BadParameter("the URL contains a user name: use -u and --password-stdin")
    return url


def written(url: httpx2.URL) -> str:
    """The registry of a URL as people type it: `host[:port]`, and the scheme if that needs it."""
    host = url.netloc.decode("ascii")
    return host if registry_url(host).scheme == url.scheme else f"{url.scheme}://{host}"


def base_url(text: str, tls: Tls | None = None) -> httpx2.URL:
    """The URL of a registry's `/v2/`. Raises click.BadParameter for anything below a registry."""
    url = registry_url(text, tls)
    if url.path not in ("", "/") or url.query:
        raise click.BadParameter(f"{text!r} is more than a registry: expected host[:port]")
    return url.join("/v2/")


def is_this_machine(host: str) -> bool:
    """Whether the host is a loopback address or a name of one."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def verification(tls: Tls) -> ssl.SSLContext | bool:
    """What to verify certificates with, for httpx2. Raises click.BadParameter."""
    if tls.insecure:
        return False
    if tls.cacert is None:
        return True
    try:
        return ssl.create_default_context(cafile=tls.cacert)
    except (ssl.SSLError, OSError):
        raise click.BadParameter(f"{tls.cacert} holds no certificates (PEM)") from None


def open_client(tls: Tls, hooks: Hooks | None = None) -> httpx2.Client:
    """A client for one command.

    Raises click.BadParameter for certificates it cannot read, and click.UsageError for a proxy that
    it cannot use.
    """
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    try:
        return httpx2.Client(
            headers=headers, verify=verification(tls), timeout=TIMEOUT, event_hooks=hooks
        )
    except (ImportError, ValueError, httpx2.InvalidURL):
        # SOCKS needs a package that we do not have; the URL may contain a password.
        raise click.UsageError(
            "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY does not name a proxy that can be used: expected "
            "http://host:port or https://host:port"
        ) from None


@contextmanager
def failures_told() -> Iterator[None]:
    """Turn the failures of a call into one line and an exit code."""
    try:
        yield
    except ClientError as refused:
        raise Refused(printable(told(refused))) from None
    except httpx2.RequestError as error:
        url = error.request.url
        where = f"{url.scheme}://{url.netloc.decode('ascii')}"
        raise Unreachable(f"cannot reach {where}: {printable(why_unreached(error))}") from None
    except httpx2.InvalidURL as error:
        raise click.UsageError(f"not a URL: {printable(str(error))}") from None


def why_unreached(error: httpx2.RequestError) -> str:
    """Why there was no answer, and what to call instead if it is the other of http and https."""
    url, why = error.request.url, failures.reason(error)
    host = url.netloc.decode("ascii")
    if failures.is_plain(error):
        return f"{why}: probably plain HTTP. Call it as http://{host}"
    # What a server for https sends back, an alert of TLS, is no line of HTTP.
    is_illegal = isinstance(error, httpx2.RemoteProtocolError) and "illegal" in str(error)
    if url.scheme == "http" and is_illegal:
        return f"it does not speak HTTP: probably https. Call it as https://{host}"
    return why


def perhaps_https(url: httpx2.URL) -> str:
    """What to add to a 400 to plain http: nginx and Go's servers give it at a port for https."""
    return f". If it speaks https, call it as https://{url.netloc.decode('ascii')}"


def told(refused: ClientError) -> str:
    """What went wrong, and the option that allows it, if one does."""
    allow = refused.host if isinstance(refused, RealmRefused) else ""
    return f"{refused}: --allow-realm {allow}" if allow else str(refused)


def printable(text: str) -> str:
    """The text without characters that could control a terminal: it comes from outside."""
    return "".join(c if c.isprintable() else "?" for c in text)


def print_pairs(pairs: Mapping[str, Any]) -> None:
    """Print names and values, one pair on each line, never folded to the terminal's width."""
    width = max(map(len, map(printable, pairs)))
    for name, value in pairs.items():
        text = value if isinstance(value, str) else json.dumps(value)
        click.echo(f"{printable(name):<{width}}  {printable(text) or ABSENT}")


def describe_life(left: timedelta | None) -> str:
    """When a token expires, or how long ago it expired."""
    if left is None:
        return "it does not say when it expires"
    span = timedelta(seconds=int(abs(left.total_seconds())))
    return f"expires in {span}" if left > timedelta() else f"expired {span} ago"


def masked(secret: str) -> str:
    """A token as the document shows it: the first and last three characters, if it is long."""
    return f"{secret[:3]}...{secret[-3:]}" if len(secret) > 20 else "***"
