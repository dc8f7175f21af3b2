"""What a registry's refusal over HTTP means to a command."""

import json
from collections.abc import Mapping
from typing import Any, Final

import click
import httpx2

from acrux.cli.caller.http_client import Refused, perhaps_https, printable, written
from acrux.client.login import Login, describe
from acrux.errors import InvalidInput, NameTaken, RegistryError, Unknown
from acrux.http.management.operation import ROOT

MAX_MESSAGE_CHARACTERS: Final = 1000

# The codes of a 404 about something that is missing, not about an endpoint (acr-protocol.md §6;
# OCI distribution specification, "Error Codes").
_OF_CONTENT: Final = frozenset(
    {"NAME_UNKNOWN", "MANIFEST_UNKNOWN", "TAG_UNKNOWN", "BLOB_UNKNOWN", "BLOB_UPLOAD_UNKNOWN"}
)
# What acrux says of a case that it does not know, and a 404 of an endpoint: the same code.
_NO_ENDPOINT: Final = "no endpoint has this path"

_KINDS: Final[Mapping[int, type[RegistryError]]] = {400: InvalidInput, 404: Unknown, 409: NameTaken}


class NotSpoken(click.ClickException):
    """The registry does not know the endpoint: it does not speak this API. Exit code 1."""


class Stated:
    """The first error in the body of an answer (acr-protocol.md §6); empty if it holds none."""

    def __init__(self, body: bytes) -> None:
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            content = None
        errors = content.get("errors") if isinstance(content, dict) else None
        first = errors[0] if isinstance(errors, list) and errors else None
        self._error: dict[str, Any] = first if isinstance(first, dict) else {}

    @property
    def code(self) -> str:
        """Its code."""
        return str(self._error.get("code") or "")

    @property
    def message(self) -> str:
        """Its message, in one printable line."""
        text = str(self._error.get("message") or "")
        return printable(text.replace("\n", " "))[:MAX_MESSAGE_CHARACTERS]

    @property
    def detail(self) -> dict[str, str]:
        """Its detail, if that is names and values."""
        found = self._error.get("detail")
        pairs = found.items() if isinstance(found, dict) else ()
        return {
            printable(str(name)): printable(str(value))[:MAX_MESSAGE_CHARACTERS]
            for name, value in pairs
        }


def login_wanted(url: httpx2.URL) -> str:
    """What to say if the registry of a URL wants a login, and there is none."""
    return f"{url.netloc.decode('ascii')} asks for a login: acrux login {written(url)}"


def refusal(response: httpx2.Response, body: bytes, login: Login | None) -> Exception:
    """The failure that a command is to raise for an answer that is no success.

    Exit codes as on a data directory: 2 for wrong input, 4 for what is missing, 5 for a conflict,
    and 1 for the rest.
    """
    status, stated, host = response.status_code, Stated(body), _host(response)
    if status == 401:
        return Refused(_unauthorized(response, stated, login))
    if response.request.method == "HEAD" and status == 404:  # which has no body that could say so
        return Unknown(f"{host} has no {response.request.url.path}")
    if _is_of_endpoint(status, stated):
        return NotSpoken(_not_spoken(response, stated))
    if status == 400 and not stated.code and response.request.url.scheme == "http":
        url = response.request.url
        return InvalidInput(f"{host} answered {_status(response)}{perhaps_https(url)}")
    kind = _KINDS.get(status)
    if kind is not None:
        return kind(stated.message or _status(response), **stated.detail)
    return Refused(_refused(response, stated))


def _refused(response: httpx2.Response, stated: Stated) -> str:
    host, said = _host(response), stated.message or _status(response)
    if response.status_code in (403, 405):  # what a right, or a lock or policy forbids
        return f"{host} refuses this: {said}{_case(response)}"
    if response.status_code == 429:
        return f"{host} is busy: {said}{_again(response, said)}"
    return f"{host} answered {_status(response)}" + (f": {said}" if stated.message else "")


def _is_of_endpoint(status: int, stated: Stated) -> bool:
    if status == 404:
        if stated.message == _NO_ENDPOINT or not stated.code:
            return True
        return stated.code not in _OF_CONTENT and stated.code != "UNSUPPORTED"
    # Azure's classic registries answer so for all of /acr/v1 (acr-protocol.md §7.5).
    return status in {405, 501} and stated.code in {"", "UNSUPPORTED"}


def _not_spoken(response: httpx2.Response, stated: Stated) -> str:
    host, path = _host(response), response.request.url.path
    if response.status_code != 404:
        said = stated.message or _status(response)
        return f"{host} cannot do {response.request.method} {path}: {said}"
    who = "only acrux does" if path.startswith(ROOT) else "only registries like ACR do"
    return f"{host} does not know {path} ({_status(response)}): {who}, in a version that has it"


def _unauthorized(response: httpx2.Response, stated: Stated, login: Login | None) -> str:
    host = _host(response)
    if login is None:
        return login_wanted(response.request.url)
    challenge = response.headers.get("WWW-Authenticate", "")
    if "insufficient_scope" in challenge or "Bearer" not in challenge:
        return f"{host} does not let {describe(login)} do this: {stated.message}{_case(response)}"
    said = f": {stated.message}" if stated.message else ""
    again = f"Log in again: acrux login {written(response.request.url)}"
    return f"{host} does not accept {describe(login)}{said}. {again}"


def _again(response: httpx2.Response, said: str) -> str:
    """When to try again, unless the registry says that itself."""
    wait = printable(response.headers.get("Retry-After", ""))
    if "try again" in said.lower():
        return ""
    if not (wait.isascii() and wait.isdigit()):  # a date, or nothing (RFC 9110 §10.2.3)
        return f". Try again {f'after {wait}' if wait else 'later'}"
    return f". Try again in {wait} {'second' if wait == '1' else 'seconds'}"


def _case(response: httpx2.Response) -> str:
    case = printable(response.headers.get("X-Acrux-Case", ""))
    where = written(response.request.url)
    return f". Who manages it can ask why: acrux auth explain {case} -r {where}" if case else ""


def _status(response: httpx2.Response) -> str:
    return printable(f"{response.status_code} {response.reason_phrase}".strip())


def _host(response: httpx2.Response) -> str:
    return printable(response.request.url.netloc.decode("ascii"))
