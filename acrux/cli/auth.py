"""acrux auth: ask for a challenge, get a token, look into a token."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import httpx2

from acrux.cli.calling import (
    Caller,
    Refused,
    Tls,
    caller_options,
    failures_told,
    open_client,
    printable,
    registry_url,
    tls_options,
)
from acrux.cli.options import output_option, print_json
from acrux.client import challenge as challenges
from acrux.client import jwt, realm, tokens
from acrux.client.challenge import Challenge
from acrux.client.errors import TokenUnreadable
from acrux.client.tokens import IssuedToken, TokenRequest
from acrux.domain.credential import Credential
from acrux.domain.scope import Scope
from acrux.errors import InvalidScope

ABSENT = "-"


@click.group()
def auth() -> None:
    """Ask a registry for its challenge, get a token, look into a token.

    Works with any registry that uses token authentication.
    """


@auth.command()
@click.argument("url")
@tls_options
@output_option
def challenge(*, url: str, tls: Tls, output: str) -> None:
    """Ask URL without credentials and print what its registry wants to see.

    \b
    Examples:
      acrux auth challenge localhost:5000/v2/hello-world/manifests/latest
      acrux auth challenge https://registry.example.com/v2/ --output json
    """
    with failures_told(), open_client(tls) as client:
        asked = _ask(client, registry_url(url))
    shown = {name: asked.get(name) for name in ("realm", "service", "scope", "error")}
    present = {name: value for name, value in shown.items() if value}
    if output == "json":
        print_json({"challenge": asked.scheme, **present})
    else:
        shown.pop("error")
        _print_pairs({"challenge": asked.scheme.capitalize(), **shown, **present})


@auth.command()
@click.option("--registry", required=True, metavar="HOST", help="The registry: host[:port] or URL.")
@click.option(
    "--scope",
    "scopes",
    required=True,
    multiple=True,
    help="What the token is for, such as repository:hello-world:pull; repeatable.",
)
@caller_options
@tls_options
@output_option
def token(*, registry: str, scopes: tuple[str, ...], caller: Caller, tls: Tls, output: str) -> None:
    """Get an access token with a user name and a password, and print it.

    With --output json: the registry's whole answer, and the claims of the token.

    \b
    Examples:
      acrux auth token --registry localhost:5000 --scope repository:hello-world:pull \\
        -u acrux --password-stdin < password.txt
      curl -H "Authorization: Bearer $(acrux auth token ...)" http://localhost:5000/v2/...
    """
    asked_scopes = frozenset(_scope(text) for text in scopes)
    with failures_told(), open_client(tls) as client:
        url = registry_url(registry).join("/v2/")
        credential = caller.find_credential(url)
        place = _ask_for_token(client, url, caller.allowed_realm_hosts)
        issued = _fetch(client, place.widened(asked_scopes), credential)
    if output == "json":
        print_json({**issued.response, "claims": _claims(issued)})
    else:
        click.echo(issued.text.reveal())


@auth.command()
@click.argument("token", required=False)
@click.option("--jwks", metavar="URL|FILE", help="A JSON Web Key Set to verify the signature with.")
@tls_options
@output_option
def inspect(*, token: str | None, jwks: str | None, tls: Tls, output: str) -> None:
    """Decode TOKEN, or the token on standard input, and say how long it still lives.

    Nothing is sent anywhere. With --jwks its signature is verified too, and the exit code is 1
    where that is not good; a time gone by is told and is no failure.

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
                "header": decoded.header,
                "claims": decoded.claims,
                "seconds_left": seconds,
                "signature": signature,
            }
        )
    else:
        _print_pairs(
            {
                **{f"header.{name}": value for name, value in decoded.header.items()},
                **decoded.claims,
                "life": describe_life(left),
                "signature": signature,
            }
        )


def describe_life(left: timedelta | None) -> str:
    """How long a token still lives, or since when it does not."""
    if left is None:
        return "it does not say when it expires"
    span = timedelta(seconds=int(abs(left.total_seconds())))
    return f"expires in {span}" if left > timedelta() else f"expired {span} ago"


def _ask(client: httpx2.Client, url: httpx2.URL) -> Challenge:
    with client.stream("GET", url) as response:
        status = response.status_code
        headers = response.headers.get_list("WWW-Authenticate")
    asked = challenges.choose(challenges.parse(headers))
    if asked is None:
        answer = f"{url} answered {status}"
        raise Refused(f"{answer} without a challenge: it asks for no credentials")
    return asked


def _ask_for_token(
    client: httpx2.Client, url: httpx2.URL, allowed_realm_hosts: tuple[str, ...]
) -> TokenRequest:
    asked = _ask(client, url)
    if asked.scheme != challenges.BEARER:
        raise Refused(f"{url} asks for {asked.scheme.capitalize()}: this registry has no tokens")
    place = realm.resolve(asked.get("realm"), url, allowed_realm_hosts)
    return TokenRequest.answering(asked, place)


def _fetch(
    client: httpx2.Client, asked: TokenRequest, credential: Credential | None
) -> IssuedToken:
    response = client.send(asked.message(credential), stream=True)
    try:
        tokens.limit(response)
        response.read()
    finally:
        response.close()
    return tokens.read_token(asked, response, credential, datetime.now(UTC))


def _scope(text: str) -> Scope:
    try:
        return Scope.parse(text)
    except InvalidScope as refused:
        raise click.BadParameter(f"{text!r}: {refused.message}") from None


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
    """The key set of a URL or a file. Raises click.BadParameter for a file that is none."""
    if "://" in source:
        return _fetch_key_set(registry_url(source), tls)
    try:
        return json.loads(Path(source).read_bytes())
    except (OSError, ValueError):
        raise click.BadParameter(f"{source} is no file of JSON") from None


def _fetch_key_set(url: httpx2.URL, tls: Tls) -> object:
    with open_client(tls) as client, client.stream("GET", url) as response:
        tokens.limit(response)
        response.read()
    try:
        return response.raise_for_status().json()
    except (httpx2.HTTPStatusError, ValueError):
        raise Refused(f"{url} answered {response.status_code} and no key set") from None


def _print_pairs(pairs: dict[str, Any]) -> None:
    width = max(map(len, map(printable, pairs)))
    for name, value in pairs.items():
        text = value if isinstance(value, str) else json.dumps(value)
        click.echo(f"{printable(name):<{width}}  {printable(text) or ABSENT}")
