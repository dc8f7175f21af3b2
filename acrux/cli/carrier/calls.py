"""A request of a command to a registry, its answer, and who carries it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import parse_qsl, quote, urlsplit

Query = tuple[tuple[str, str], ...]

NO_QUERY: Final[Query] = ()

# Link = "<" target ">" *( ";" parameter ), of which one is rel=next, with or without quotes
_NEXT: Final = re.compile(r'<([^>]*)>[^,<]*;\s*rel="?next"?\s*(?:[;,]|\Z)')


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `path` is that of the routing table, such as `/acr/v1/{repository}/_tags`.

    `params` are the values of its parameters, as they are: a carrier that writes them into a URL
    quotes them.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    query: Query = NO_QUERY
    body: bytes = b""
    accept: str = ""

    @property
    def target(self) -> str:
        """The path with its parameters, quoted but for slashes (acr-protocol.md §5.1)."""
        values = {name: quote(value, safe="/:@") for name, value in self.params.items()}
        return self.path.format(**values)


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer. `headers` have names in lower case, and may be repeated."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first value of a header, empty if there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def every(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key == name]

    @property
    def following(self) -> Query | None:
        """The query of the next page, None if this is the last one.

        Only the query of the link counts: a link to another host or path is not followed. Source:
        RFC 8288; OCI distribution specification, "Listing tags".
        """
        found = next(filter(None, map(_NEXT.search, self.every("link"))), None)
        if found is None:
            return None
        return tuple(parse_qsl(urlsplit(found[1]).query, keep_blank_values=True))


class Carrier(Protocol):
    """Brings calls to a registry."""

    @property
    def host(self) -> str:
        """The registry for messages: its host, or the data directory."""

    @property
    def login_server(self) -> str:
        """The name by which clients know the registry, empty if it is not configured."""

    def send(self, call: Call) -> Answer:
        """The answer, if it is a success.

        Raises RegistryError, with the message of the registry, or NotSpoken if the registry does
        not know the endpoint; and click.ClickException if it could not be asked.
        """
