"""The walk of a command: ask for the challenge, get a token."""

from datetime import UTC, datetime

import httpx2

from acrux.cli.caller.http_client import Refused, perhaps_https
from acrux.client import challenge as challenges
from acrux.client import grants, realm, tokens
from acrux.client.challenge import Challenge
from acrux.client.grants import Result
from acrux.client.login import Login
from acrux.client.tokens import IssuedToken, TokenRequest


def ask(client: httpx2.Client, url: httpx2.URL) -> Challenge:
    """The challenge of a URL that is requested without credentials. Raises Refused."""
    with client.stream("GET", url) as response:
        status = response.status_code
        headers = response.headers.get_list("WWW-Authenticate")
    asked = challenges.choose(challenges.parse(headers))
    if asked is None:
        answer = f"{url} answered {status} without a challenge"
        raise Refused(f"{answer}{_meaning(url, status)}")
    return asked


def _meaning(url: httpx2.URL, status: int) -> str:
    if status == 400 and url.scheme == "http":
        return perhaps_https(url)
    return ": it requires no credentials" if status < 400 else ""


def token_request(
    asked: Challenge, url: httpx2.URL, allowed_realm_hosts: tuple[str, ...]
) -> TokenRequest:
    """The token request that answers the challenge of a URL. Raises Refused, RealmRefused."""
    if asked.scheme != challenges.BEARER:
        raise Refused(
            f"{url} asks for {asked.scheme.capitalize()}: this registry does not use tokens"
        )
    place = realm.resolve(asked.get("realm"), url, allowed_realm_hosts)
    return TokenRequest.answering(asked, place)


def obtain(
    client: httpx2.Client,
    asked: TokenRequest,
    login: Login | None,
    *,
    offline: bool = False,
    post: bool = False,
) -> IssuedToken:
    """A token for a login, as `grants.obtain` gets it."""
    steps = grants.obtain(asked, login, _now, offline=offline, post=post)
    return take(client, steps)


def take(client: httpx2.Client, steps: grants.Steps[Result]) -> Result:
    """Send each request of the steps, and return their result."""
    request = next(steps)
    while True:
        response = client.send(request, stream=True)
        try:
            tokens.limit(response)
            response.read()
        finally:
            response.close()
        try:
            request = steps.send(response)
        except StopIteration as done:
            result: Result = done.value
            return result


def _now() -> datetime:
    return datetime.now(UTC)
