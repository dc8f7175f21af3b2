"""acrux login, acrux logout: store a login where docker looks for it."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

import click
import httpx2

from acrux.cli.caller import walk
from acrux.cli.caller.credential_options import (
    PASSWORD,
    Caller,
    caller_options,
    registry_argument,
)
from acrux.cli.caller.http_client import (
    Refused,
    Tls,
    base_url,
    describe_life,
    failures_told,
    open_client,
    print_pairs,
    printable,
    tls_options,
)
from acrux.cli.caller.trace import Trace
from acrux.cli.options import output_option, print_json
from acrux.client import challenge, credentials, jwt
from acrux.client.errors import TokenRefused, TokenUnreadable
from acrux.client.login import Login, RefreshToken
from acrux.client.tokens import basic
from acrux.domain.access.credential import Credential
from acrux.domain.access.token import TOKEN_USER

Kept = Credential | RefreshToken

UNENCRYPTED: Final = (
    "acrux: {host} gives no refresh token: the password is stored unencrypted in {place}. "
    "Configure a credential helper (credsStore) to protect it."
)


@click.command()
@registry_argument()
@caller_options
@click.option("--expose-token", is_flag=True, help="Print the refresh token, and store nothing.")
@click.option("-v", "--verbose", is_flag=True, help="Print each step to standard error.")
@tls_options
@output_option
def login(
    *, registry: str, caller: Caller, expose_token: bool, verbose: bool, tls: Tls, output: str
) -> None:
    """Log in to REGISTRY, for acrux, docker, podman and all that read docker's configuration.

    Prompts for the password, and does not store it: a refresh token takes its place, in docker's
    config.json or in the credential helper that is named there. If the registry has no refresh
    tokens, the password is stored, as docker login does.

    \b
    Examples:
      acrux login localhost:5000 -u acrux
      acrux login registry.example.com -u ci-team --password-stdin < password.txt
      acrux login registry.example.com --token-file /run/secrets/oidc-token
      acrux login localhost:5000 -u acrux --expose-token --output json
    """
    url = base_url(registry, tls)
    host = url.netloc.decode("ascii")
    hooks = Trace(url).hooks if verbose else None
    with failures_told(), open_client(tls, hooks) as client:
        kept = _log_in(client, url, caller)
        if expose_token:
            _expose(host, kept, output)
            return
        place = credentials.store(host, kept, os.environ)
    _tell(host, kept, place, output)


@click.command()
@registry_argument()
def logout(*, registry: str) -> None:
    """Remove the login of REGISTRY that acrux login or docker login stored.

    Tokens already issued stay valid until they expire; acrux token revoke revokes them.

    \b
    Examples:
      acrux logout localhost:5000
    """
    host = base_url(registry).netloc.decode("ascii")
    with failures_told():
        was_kept = credentials.erase(host, os.environ)
    if not was_kept:
        raise Refused(f"not logged in to {host}: nothing is stored for it")
    click.echo(f"logged out of {host}")


def _log_in(client: httpx2.Client, url: httpx2.URL, caller: Caller) -> Kept:
    """What to store, after the registry has accepted it."""
    found = caller.find_login(url)
    login = found or _asked_for(caller)
    if isinstance(login, Credential) and ":" in login.name:
        raise click.UsageError("a user name cannot contain a colon.")  # RFC 7617 §2
    try:
        return _tried(client, url, caller, login)
    except TokenRefused as refused:
        if found is None or caller.is_named:
            raise
        raise Refused(f"{refused}. The stored login has expired or changed: give -u USER") from None


def _tried(client: httpx2.Client, url: httpx2.URL, caller: Caller, login: Login) -> Kept:
    asked = walk.ask(client, url)
    if asked.scheme == challenge.BASIC and isinstance(login, Credential):
        _check(client, url, basic(login), login)
        return login
    request = walk.token_request(asked, url, caller.allowed_realm_hosts)
    issued = walk.obtain(client, request, login, offline=True, post=caller.grant == PASSWORD)
    _check(client, url, issued.header, login)
    # Without a refresh token, the login can only be a password.
    return issued.refresh_token or cast("Kept", login)


def _asked_for(caller: Caller) -> Credential:
    if not sys.stdin.isatty():
        raise click.UsageError("no credentials: give -u USER, --token-file or --token-stdin.")
    return caller.with_password(click.prompt("Username", err=True))


def _check(client: httpx2.Client, url: httpx2.URL, authorization: str, login: Login) -> None:
    status = client.get(url, headers={"Authorization": authorization}).status_code
    if status != 200:
        described = f"{login.name!r}" if isinstance(login, Credential) else "the token"
        raise Refused(f"{url} does not accept {described}: it answered {status}")


def _expose(host: str, kept: Kept, output: str) -> None:
    """Print what `az acr login --expose-token` prints, where both are the refresh token too."""
    if not isinstance(kept, RefreshToken):
        raise Refused(f"{host} gives no refresh token, so there is none to expose")
    token = kept.secret.reveal()
    shown = {
        "loginServer": host,
        "username": TOKEN_USER,
        "accessToken": token,
        "refreshToken": token,
    }
    if output == "json":
        print_json(shown)
    else:
        print_pairs(shown)


def _tell(host: str, kept: Kept, place: Path | str, output: str) -> None:
    name = kept.name if isinstance(kept, Credential) else TOKEN_USER
    shown = printable(str(place))
    if isinstance(kept, Credential) and isinstance(place, Path):
        click.echo(UNENCRYPTED.format(host=host, place=shown), err=True)
    if output == "json":
        print_json({"loginServer": host, "username": name, "keptIn": str(place)})
        return
    credential = (
        "the password" if isinstance(kept, Credential) else f"a refresh token ({_life(kept)})"
    )
    click.echo(f"Login Succeeded: {credential} is stored in {shown}")


def _life(kept: RefreshToken) -> str:
    try:
        return describe_life(jwt.decode(kept.secret.reveal()).life_left(datetime.now(UTC)))
    except TokenUnreadable:
        return describe_life(None)
