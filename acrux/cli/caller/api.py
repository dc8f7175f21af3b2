"""acrux api: call a registry's API, with the whole walk to the token."""

import sys
from pathlib import Path

import click
import httpx2

from acrux.cli.caller.credential_options import PASSWORD, Caller, caller_options
from acrux.cli.caller.http_client import (
    Refused,
    Tls,
    failures_told,
    open_client,
    printable,
    registry_url,
    tls_options,
)
from acrux.cli.caller.trace import Trace
from acrux.client.auth import RegistryAuth


@click.command()
@click.argument("url", metavar="PATH_OR_URL")
@click.option("-X", "--method", help="The method. Default: GET, or POST with --data.")
@click.option("--registry", "-r", metavar="HOST", help="The registry, if only a path is given.")
@caller_options
@click.option("-H", "--header", "headers", multiple=True, metavar="NAME: VALUE", help="Repeatable.")
@click.option("--data", metavar="@FILE|TEXT", help="The body; @- is standard input.")
@click.option("-v", "--verbose", is_flag=True, help="Print each step to standard error.")
@click.option("-i", "--include", is_flag=True, help="Print status and headers before the body.")
@tls_options
def api(  # noqa: PLR0913 -- one for each option
    *,
    url: str,
    method: str | None,
    registry: str | None,
    caller: Caller,
    headers: tuple[str, ...],
    data: str | None,
    verbose: bool,
    include: bool,
    tls: Tls,
) -> None:
    """Call a registry's API: ask, read the challenge, get the token, call again.

    The body of the answer goes to standard output. Exit codes: 0 for success, 1 if the registry
    refused, 2 for wrong usage, 3 if the registry could not be reached.

    \b
    Examples:
      acrux api -v -u acrux --password-stdin localhost:5000/v2/hello-world/manifests/latest
      acrux login registry.example.com
      acrux api --registry registry.example.com /v2/_catalog
      acrux api --token-file /run/secrets/oidc localhost:5000/v2/_catalog
      acrux api -X PUT --data @manifest.json localhost:5000/v2/hello/manifests/1 \\
        -H "Content-Type: application/vnd.oci.image.manifest.v1+json"
    """
    called = _called(url, registry, tls)
    if caller.reads_stdin and data == "@-":
        raise click.UsageError("standard input cannot be both the secret and the data.")
    with failures_told(), open_client(tls, Trace(called).hooks if verbose else None) as client:
        login = caller.find_login(called)
        request = client.build_request(
            (method or ("GET" if data is None else "POST")).upper(),
            called,
            headers=[_header(text) for text in headers],
            content=_content(data),
        )
        auth = RegistryAuth(
            str(called),
            login,
            allowed_realm_hosts=caller.allowed_realm_hosts,
            post=caller.grant == PASSWORD,
        )
        _exchange(client, request, auth, include=include)


def _exchange(
    client: httpx2.Client, request: httpx2.Request, auth: RegistryAuth, *, include: bool
) -> None:
    # A redirect is followed only for a request that changes nothing. httpx2 sends no Authorization
    # to another host.
    follow = request.method in ("GET", "HEAD")
    response = client.send(request, auth=auth, stream=True, follow_redirects=follow)
    try:
        _print(response, include=include)
    finally:
        response.close()
    if response.is_error:
        status = f"{response.status_code} {printable(response.reason_phrase)}"
        raise Refused(f"{request.method} {request.url} was answered with {status}")


def _print(response: httpx2.Response, *, include: bool) -> None:
    if include:
        click.echo(f"{response.status_code} {printable(response.reason_phrase)}")
        for name, value in response.headers.multi_items():
            click.echo(printable(f"{name}: {value}"))
        click.echo()
    for chunk in response.iter_bytes():
        click.echo(chunk, nl=False)


def _called(url: str, registry: str | None, tls: Tls) -> httpx2.URL:
    if not url.startswith("/"):
        if registry is not None:
            raise click.UsageError("--registry goes with a path that starts with a slash.")
        return registry_url(url, tls)
    if registry is None:
        raise click.UsageError(f"{url} is a path: name the registry with --registry HOST.")
    place = registry_url(registry, tls)
    return registry_url(f"{place.scheme}://{place.netloc.decode('ascii')}{url}")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not text.isprintable() or not text.isascii():
        raise click.BadParameter(f"{text!r} is not a header: expected NAME: VALUE", param_hint="-H")
    return name.strip(), value.strip()


def _content(data: str | None) -> bytes | None:
    """The whole body, because it may have to be sent twice."""
    if data is None or not data.startswith("@"):
        return None if data is None else data.encode()
    if data == "@-":
        return sys.stdin.buffer.read()
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise click.BadParameter(f"cannot read {data[1:]}: {error.strerror}") from None
