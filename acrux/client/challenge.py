"""What a WWW-Authenticate header asks for, in every known form."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

BEARER: Final = "bearer"
BASIC: Final = "basic"

# RFC 9110 §11.6.1 and §5.6.2, with any mix of blanks and commas between the parts:
#   challenge  = auth-scheme [ 1*SP ( token68 / #auth-param ) ]
#   auth-param = token BWS "=" BWS ( token / quoted-string )
# An unquoted value may contain any character of a URL or a scope: some registries do not quote.
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 -- a grammar
_PART = re.compile(
    rf"""[\s,]*(?:
        (?P<name>{_TOKEN})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"=][^\s,"]*))
        |
        (?P<scheme>{_TOKEN})(?:\s+[A-Za-z0-9\-._~+/]+=*(?=\s*(?:,|$)))?
    )(?=[\s,]|$)""",
    re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme and its parameters. The scheme and the names are in lower case.

    Source: RFC 9110 §11.6.1; for Bearer distribution, spec/auth/token.md, and RFC 6750 §3.
    """

    scheme: str
    parameters: Mapping[str, str]

    def get(self, name: str) -> str:
        """The value of a parameter, empty if it is missing."""
        return self.parameters.get(name, "")


def parse(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Read all challenges of all WWW-Authenticate headers, in order.

    Never raises: a header is read until it violates the grammar, and the first of repeated
    parameters counts.
    """
    challenges: list[tuple[str, dict[str, str]]] = []
    for header in headers:
        for name, value in _parts(header):
            if value is None:
                challenges.append((name, {}))
            elif challenges:
                challenges[-1][1].setdefault(name, value)
    return tuple(Challenge(scheme, parameters) for scheme, parameters in challenges)


def choose(challenges: Iterable[Challenge]) -> Challenge | None:
    """The challenge to answer: the first Bearer with a realm, else the first Basic, else None."""
    usable = [
        challenge
        for challenge in challenges
        if challenge.scheme == BASIC or (challenge.scheme == BEARER and challenge.get("realm"))
    ]
    return min(usable, key=lambda challenge: challenge.scheme != BEARER, default=None)


def _parts(header: str) -> Iterator[tuple[str, str | None]]:
    position = 0
    while match := _PART.match(header, position):
        position = match.end()
        if scheme := match["scheme"]:
            yield scheme.lower(), None
        else:
            yield match["name"].lower(), _value(match)


def _value(match: re.Match[str]) -> str:
    plain: str | None = match["plain"]
    return plain if plain is not None else _ESCAPED.sub(r"\1", match["quoted"])
