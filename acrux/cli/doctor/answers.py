"""Answers of a registry, and what one means that was not expected."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import httpx2

from acrux.cli.caller.http_client import printable, told, why_unreached
from acrux.client.errors import ClientError
from acrux.client.tokens import without
from acrux.domain.server.findings import Ended, failed

# As `az acr check-health` names them (acr-protocol.md §7).
DNS: Final = "CONNECTIVITY_DNS_ERROR"
SSL: Final = "CONNECTIVITY_SSL_ERROR"
CHALLENGE: Final = "CONNECTIVITY_CHALLENGE_ERROR"
WWW_AUTHENTICATE: Final = "CONNECTIVITY_WWW_AUTHENTICATE_ERROR"
REFRESH_TOKEN: Final = "CONNECTIVITY_REFRESH_TOKEN_ERROR"  # noqa: S105 -- a name
ACCESS_TOKEN: Final = "CONNECTIVITY_ACCESS_TOKEN_ERROR"  # noqa: S105 -- a name
PERMISSIONS: Final = "CONNECTIVITY_ACCESS_TOKEN_PERMISSIONS_ERROR"
FORBIDDEN: Final = "CONNECTIVITY_FORBIDDEN_ERROR"
TOO_MANY: Final = "CONNECTIVITY_TOOMANYREQUESTS_ERROR"

# More than anything that is asked for: the layer that is pushed, and a manifest of 4 MiB.
MAX_BYTES: Final = 8 * 1024 * 1024
MAX_CHARACTERS: Final = 200

_FORWARD_PROTO: Final = (
    "let the proxy in front send X-Forwarded-Proto: https, and let the registry trust it "
    "(acrux: --trusted-proxy)"
)

# What can be done about a status, whoever sent it, and the error that az has for it.
_MEANINGS: Final[dict[int, tuple[str, str]]] = {
    401: ("give a login that has this right, or log in again: acrux login", ACCESS_TOKEN),
    403: (
        "look for a firewall, or for a right, a lock or a policy of the registry that forbids it",
        FORBIDDEN,
    ),
    405: ("the registry does not offer this, or its configuration turns it off", ""),
    429: ("wait as long as Retry-After says, and let fewer clients call at once", TOO_MANY),
    500: ("the log of the registry, or that of the proxy in front, says why", ""),
    502: ("the proxy in front does not reach the registry: is it running, at that address?", ""),
    503: ("the registry is overloaded, starting or read-only: its log says which", ""),
    504: ("the registry did not answer the proxy in time: look at its log and its load", ""),
    507: ("the registry's disk is full: make room, then try again", ""),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response with its body."""

    response: httpx2.Response
    content: bytes

    @property
    def status(self) -> int:
        """Its status code."""
        return self.response.status_code

    @property
    def phrase(self) -> str:
        """The status for people, such as `404 Not Found`."""
        return printable(f"{self.status} {self.response.reason_phrase}".strip())

    def header(self, name: str) -> str:
        """The value of a header for people, empty if it is missing."""
        return printable(self.response.headers.get(name, ""))

    @property
    def quoted(self) -> str:
        """What the registry says, without the secret that was sent to it; empty if nothing."""
        try:
            said = json.loads(self.content)["errors"][0]
            text = f"{said.get('code', '')} {said.get('message', '')}".strip()
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return ""
        sent = self.response.request.headers.get("Authorization", "").rpartition(" ")[2]
        return printable(without(sent, text))[:MAX_CHARACTERS]


def read(response: httpx2.Response) -> Answer:
    """The answer with its body, which must fit into memory. Raises Ended."""
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > MAX_BYTES:
            raise failed(f"{place(response.url)} answered with more than {MAX_BYTES} bytes")
    return Answer(response, bytes(content))


def refusal(answer: Answer, doing: str) -> Ended:
    """The failure that an answer other than the expected one is."""
    advice, error = _MEANINGS.get(answer.status, ("", ""))
    if answer.status == 413:
        advice = _too_large(answer)
    elif answer.response.is_redirect:
        advice = "a registry must answer itself: look at the redirections of the proxy in front"
    said = f": {answer.quoted}" if answer.quoted else ""
    return failed(f"{doing}: {answer.phrase}{said}", advice, error)


def place(url: httpx2.URL) -> str:
    """Where a URL leads, without its path and query: an upload's holds a capability."""
    return printable(f"{url.scheme}://{url.netloc.decode('ascii')}")


def unencrypted(detail: str) -> Ended:
    """The failure of a registry that believes that it is called over http."""
    return failed(detail, _FORWARD_PROTO)


@contextmanager
def explained(*, is_direct: bool) -> Iterator[None]:
    """Turn the failures of a call into Ended."""
    try:
        yield
    except ClientError as refused:
        raise failed(printable(told(refused))) from refused
    except httpx2.InvalidURL as error:
        raise failed(f"not a URL: {printable(str(error))}") from None
    except httpx2.RequestError as error:
        why = printable(why_unreached(error))
        advice = "" if is_direct else "a proxy is used: look at HTTPS_PROXY, HTTP_PROXY, NO_PROXY"
        where = place(error.request.url)
        raise failed(f"no answer from {where}: {why}", advice, CHALLENGE) from None


def _too_large(answer: Answer) -> str:
    if "nginx" in answer.header("Server").lower() or b"nginx" in answer.content:
        return (
            "nginx refuses bodies above its client_max_body_size (1 MiB unless it is set): set "
            "client_max_body_size 0; in the server block of the registry"
        )
    return "the registry or a proxy in front limits the size of a request: raise that limit"
