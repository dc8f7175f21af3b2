"""Trace each step of a walk, with stars for what is secret."""

from typing import Final

import click
import httpx2

from acrux.cli.caller.http_client import Hooks, masked, printable
from acrux.client.forms import Form

# The headers of an answer that are shown, in this order.
SHOWN_HEADERS: Final = (
    "WWW-Authenticate",
    "Docker-Content-Digest",
    "Content-Type",
    "Content-Length",
    "Content-Range",
    "Location",
    "Range",
    "Link",
    "Retry-After",
)

# What a form does, by its `grant_type`.
FORMS: Final = {
    "password": "The challenge says where: get the token with a password, in a form",
    "refresh_token": "The challenge says where: get the token with the refresh token",
    "access_token": "The challenge says where: exchange the subject token for a refresh token",
}


class Trace:
    """Prints each step to standard error, as the document does; secrets are masked."""

    def __init__(self, called: httpx2.URL) -> None:
        self._called = called

    @property
    def hooks(self) -> Hooks:
        """What an httpx2 client calls at each step."""
        return {"request": [self.tell_request], "response": [self.tell_response]}

    def tell_request(self, request: httpx2.Request) -> None:
        """Print what is requested, and why."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        self._say("*", self._step(request, scheme))
        self._say(">", f"{request.method} {request.url}")
        if scheme:
            shown = masked(secret) if scheme.lower() == "bearer" else "***"
            self._say(">", f"Authorization: {scheme} {shown}")
        if isinstance(request.stream, Form):
            self._say(">", request.stream.masked)

    def tell_response(self, response: httpx2.Response) -> None:
        """Print what was answered."""
        self._say("<", f"{response.status_code} {response.reason_phrase}")
        for name in SHOWN_HEADERS:
            for value in response.headers.get_list(name):
                self._say("<", f"{name}: {value}")

    def _step(self, request: httpx2.Request, scheme: str) -> str:
        if isinstance(request.stream, Form):
            return FORMS[str(request.stream.fields["grant_type"])]
        if request.url.origin == self._called.origin and request.url.path == self._called.path:
            return f"Call it with {scheme}" if scheme else "Ask without credentials"
        if "service" in request.url.params or "scope" in request.url.params:
            return "The challenge says where: get the token" + (f" with {scheme}" if scheme else "")
        return "Follow the redirection"

    def _say(self, sign: str, text: str) -> None:
        click.echo(f"{sign} {printable(text)}", err=True)
