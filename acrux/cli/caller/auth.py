"""Commands of acrux auth: get a challenge, get a token, decode a token."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import httpx2

from acrux.cli.caller import walk
from acrux.cli.caller.credential_options import (
    PASSWORD,
    Caller,
    Source,
    allow_realm_option,
    caller_options,
    registry_argument,
    subject_token_options,
)
from acrux.cli.caller.http_client import (
    Refused,
    Tls,
    describe_life,
    failures_told,
    open_client,
    print_pairs,
    registry_url,
    tls_options,
)
from acrux.cli.options import output_option, print_json
from acrux.client import grants, jwt, tokens
from acrux.client.errors import TokenUnreadable
from acrux.client.login import SubjectToken
from acrux.client.tokens import IssuedToken
from acrux.domain.access.scope import Scope
from acrux.errors import InvalidScope


@click.command()
@click.argument("url")
@tls_options
@output_option
def challenge(*, url: str, tls: Tls, output: str) -> None:
    """Request URL without credentials and print the challenge of its registry.

    \b
    Examples:
      acrux auth challenge localhost:5000/v2/hello-world/manifests/latest
      acrux auth challenge https://registry.example.com/v2/ --output json
    """
    with failures_told(), open_client(tls) as client:
        asked = walk.ask(client, registry_url(url, tls))
    shown = {name: asked.get(name) for name in ("realm", "service", "scope", "error")}
    present = {name: value for name, value in shown.items() if value}
    if output == "json":
        print_json({"challenge": asked.scheme, **present})
    else:
        shown.pop("error")
        print_pairs({"challenge": asked.scheme.capitalize(), **shown, **present})


@click.command()
@click.option(
    "--registry", "-r", required=True, metavar="HOST", help="The registry: host[:port] or URL."
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="What the token is for, such as repository:hello-world:pull; repeatable.",
)
@click.option("--offline", is_flag=True, help="Request a refresh token, and print that instead.")
@caller_options
@tls_options
@output_option
def token(
    *,
    registry: str,
    scopes: tuple[str, ...],
    offline: bool,
    caller: Caller,
    tls: Tls,
    output: str,
) -> None:
    """Get an access token with a password, a refresh token or a subject token, and print it.

    With --offline: a refresh token, which stands for the password until it expires; no --scope is
    needed. With --output json: the registry's whole answer, and the claims of the access token.

    \b
    Examples:
      acrux auth token --registry localhost:5000 --scope repository:hello-world:pull \\
        -u acrux --password-stdin < password.txt
      acrux auth token --registry localhost:5000 --offline -u acrux > refresh-token
      acrux auth token --registry localhost:5000 --scope repository:hello-world:pull \\
        --refresh-token-file refresh-token
      curl -H "Authorization: Bearer $(acrux auth token ...)" http://localhost:5000/v2/...
    """
    if not scopes and not offline:
        raise click.UsageError("no --scope: say what the token is for.")
    asked_scopes = frozenset(_scope(text) for text in scopes)
    with failures_told(), open_client(tls) as client:
        url = registry_url(registry, tls).join("/v2/")
        login = caller.find_login(url)
        asked = walk.token_request(walk.ask(client, url), url, caller.allowed_realm_hosts)
        issued = walk.obtain(
            client,
            asked.widened(asked_scopes),
            login,
            offline=offline,
            post=caller.grant == PASSWORD,
        )
    if output == "json":
        print_json({**issued.response, "claims": _claims(issued)})
    else:
        click.echo(_printed(issued, offline=offline))


@click.command()
@registry_argument()
@subject_token_options
@allow_realm_option
@tls_options
@output_option
def exchange(
    *,
    registry: str,
    subject_token: Source,
    allowed_realm_hosts: tuple[str, ...],
    tls: Tls,
    output: str,
) -> None:
    """Exchange a token of an issuer that REGISTRY trusts for a refresh token, and print it.

    The refresh token is a password of the user 00000000-0000-0000-0000-000000000000, also for
    docker login.

    \b
    Examples:
      acrux auth exchange registry.example.com --token-file /run/secrets/oidc-token
      acrux auth exchange localhost:5000 --token-stdin < token | \\
        acrux auth token --registry localhost:5000 --scope ... --refresh-token-stdin
    """
    if not subject_token.is_given:
        raise click.UsageError("no token: give --token-file or --token-stdin.")
    with failures_told(), open_client(tls) as client:
        url = registry_url(registry, tls).join("/v2/")
        login = SubjectToken(subject_token.read())
        asked = walk.token_request(walk.ask(client, url), url, allowed_realm_hosts)
        refresh_token = walk.take(client, grants.exchange(asked, login)).secret.reveal()
    if output == "json":
        print_json({"refresh_token": refresh_token})
    else:
        click.echo(refresh_token)


@click.command()
@click.argument("token", required=False)
@click.option("--jwks", metavar="URL|FILE", help="A JSON Web Key Set to verify the signature with.")
@tls_options
@output_option
def inspect(*, token: str | None, jwks: str | None, tls: Tls, output: str) -> None:
    """Decode TOKEN, or the token on standard input, and show when it expires.

    The token is not sent anywhere. With --jwks its signature is verified too, and the exit code is
    1 if it is not good. An expired token is reported, but is not a failure.

    \b
    Examples:
      acrux auth token ... | acrux auth inspect
      acrux auth inspect eyJ... --jwks http://localhost:5000/.well-known/jwks.json
    """
    text = _given(token)
    with failures_told():
        decoded = jwt.decode(text)
        key_set = _key_set(jwks, tls) if jwks else None
        algorithm = jwt.verify(text, key_set) if jwks else None
    signature = f"good ({algorithm})" if algorithm else "not verified"
    left = decoded.life_left(datetime.now(UTC))
    if output == "json":
        seconds = None if left is None else int(left.total_seconds())
        print_json(
            {
                "kind": decoded.kind,
                "header": decoded.header,
                "claims": decoded.claims,
                "seconds_left": seconds,
                "signature": signature,
            }
        )
    else:
        print_pairs(
            {
                "kind": describe_kind(decoded.kind),
                **{f"header.{name}": value for name, value in decoded.header.items()},
                **decoded.claims,
                "life": describe_life(left),
                "signature": signature,
            }
        )


def describe_kind(kind: str | None) -> str:
    """What a token of this kind is good for."""
    match kind:
        case "access_token":
            return "access token: for the registry's API"
        case "refresh_token":
            return "refresh token: for getting access tokens, in place of a password"
        case _:
            return "it does not say"


def _scope(text: str) -> Scope:
    try:
        return Scope.parse(text)
    except InvalidScope as refused:
        raise click.BadParameter(f"{text!r}: {refused.message}") from None


def _printed(issued: IssuedToken, *, offline: bool) -> str:
    if not offline:
        return issued.text.reveal()
    if issued.refresh_token is None:
        raise Refused("the registry gave an access token, but no refresh token")
    return issued.refresh_token.secret.reveal()


def _claims(issued: IssuedToken) -> dict[str, Any] | None:
    try:
        return jwt.decode(issued.text.reveal()).claims
    except TokenUnreadable:
        return None  # opaque tokens are allowed (distribution, spec/auth/token.md)


def _given(token: str | None) -> str:
    if token is None and sys.stdin.isatty():
        raise click.UsageError("no token: give it as an argument or on standard input.")
    return (sys.stdin.read() if token is None else token).strip().removeprefix("Bearer ")


def _key_set(source: str, tls: Tls) -> object:
    """The key set of a URL or a file. Raises click.BadParameter if a file is not readable JSON."""
    if "://" in source:
        return _fetch_key_set(registry_url(source), tls)
    try:
        return json.loads(Path(source).read_bytes())
    except (OSError, ValueError):
        raise click.BadParameter(f"{source} is not a readable JSON file") from None


def _fetch_key_set(url: httpx2.URL, tls: Tls) -> object:
    with open_client(tls) as client, client.stream("GET", url) as response:
        tokens.limit(response)
        response.read()
    try:
        return response.raise_for_status().json()
    except (httpx2.HTTPStatusError, ValueError):
        raise Refused(f"{url} answered {response.status_code} without a key set") from None
