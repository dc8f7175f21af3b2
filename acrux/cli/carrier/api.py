"""What commands ask of a registry, wherever it is: typed calls."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from acrux.cli.caller.http_client import Refused, printable
from acrux.cli.carrier.calls import NO_QUERY, Answer, Call, Carrier, Query
from acrux.cli.options import warn
from acrux.domain.content.page import MAX_ITEMS
from acrux.http.management.operation import ROOT

Kind = TypeVar("Kind")

# RFC 7234 §5.5.7: warn-code agent "text"
_WARNING: Final = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


class Api:
    """Asks a registry, and reads its answers.

    Every method raises what Carrier.send does, and Refused if the answer cannot be read.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    @property
    def host(self) -> str:
        """The registry for messages."""
        return self._carrier.host

    @property
    def login_server(self) -> str:
        """See Carrier.login_server."""
        return self._carrier.login_server

    def send(self, call: Call, *, is_quiet: bool = False) -> Answer:
        """The answer as it is; what it warns of is printed, unless `is_quiet`."""
        answer = self._carrier.send(call)
        for text in () if is_quiet else answer.every("warning"):
            for quoted in _WARNING.findall(text):
                warn(printable(re.sub(r"\\(.)", r"\1", quoted)))
        return answer

    def read(self, answer: Answer, kind: type[Kind]) -> Kind:
        """The JSON body of an answer. Raises Refused if it is not of this kind."""
        try:
            return msgspec.json.decode(answer.body or b"null", type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as failed:
            raise Refused(
                f"{self.host} answered with something else than expected: {printable(str(failed))}"
            ) from None

    def pages(self, call: Call, kind: type[Kind]) -> Iterator[Kind]:
        """Each page of a listing. Raises Refused if a registry links a page to itself."""
        query: Query | None = (*call.query, ("n", str(MAX_ITEMS)))
        while query is not None:
            asked = query
            answer = self.send(replace(call, query=asked))
            yield self.read(answer, kind)
            query = answer.following
            if query == asked:
                raise Refused(f"{self.host} lists the same page again and again")

    def get(self, path: str, kind: type[Kind], query: Query = NO_QUERY, **params: str) -> Kind:
        """What is managed at a path of /management/v1."""
        return self.read(self.send(Call("GET", ROOT + path, params, query)), kind)

    def put(
        self,
        method: str,
        path: str,
        body: Struct | None,
        kind: type[Kind],
        *,
        is_quiet: bool = False,
        **params: str,
    ) -> Kind:
        """What a change at a path of /management/v1 answers."""
        call = _change(method, path, body, params)
        return self.read(self.send(call, is_quiet=is_quiet), kind)

    def do(
        self,
        method: str,
        path: str,
        body: Struct | None = None,
        query: Query = NO_QUERY,
        **params: str,
    ) -> None:
        """A change at a path of /management/v1 that answers nothing."""
        self.send(replace(_change(method, path, body, params), query=query))

    def every(self, path: str, listing: type[Any], query: Query = NO_QUERY) -> Iterator[Any]:
        """The items of all pages at a path of /management/v1; `listing` has them as `value`."""
        for page in self.pages(Call("GET", ROOT + path, query=query), listing):
            yield from page.value


def _change(method: str, path: str, body: Struct | None, params: dict[str, str]) -> Call:
    content = b"" if body is None else msgspec.json.encode(body)
    return Call(method, ROOT + path, params, body=content)
