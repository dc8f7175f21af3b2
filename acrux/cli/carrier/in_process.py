"""Carries calls to the handlers of the registry on a data directory."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlencode

from acrux import edge
from acrux.bootstrap.application import build
from acrux.bootstrap.operator import rows_of_operator
from acrux.cli import registry as opening
from acrux.cli.carrier.calls import Answer, Call
from acrux.domain.access.grants import Grant
from acrux.domain.audit.decision import LOCAL_CALLER
from acrux.errors import RegistryError
from acrux.http import problems
from acrux.http.management.bodies import JSON_TYPE
from acrux.http.messages import Message, Part, Request, Response
from acrux.settings import Settings
from acrux.settings_sources import Loaded

Result = TypeVar("Result")


class InProcess:
    """The registry on a data directory, which need not be running.

    Nobody is asked for a password: who can open the data directory may do everything. As with
    every command on a data directory, the command as typed is recorded in the audit log once it
    has succeeded, unless it only reads.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._runner = asyncio.Runner()
        self._ids = count(1)

    @property
    def host(self) -> str:
        """The data directory."""
        return str(self._loaded.settings.data_dir)

    @property
    def login_server(self) -> str:
        """See Carrier.login_server."""
        return next(iter(self._settings.login_servers), "")

    def __enter__(self) -> Self:
        try:
            self._settings = self._runner.run(opening.as_served(self._loaded))
            self._registry = build(self._settings.replace(web="disabled"))  # it shows no page
            rows = rows_of_operator(self._settings, self._registry.services)
            self._rows = {row.path: row for row in rows}
            self._runner.run(_awaited(self._registry.lifespan.open()))
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                opening.record(self._registry.services)
            self._runner.run(_awaited(self._registry.lifespan.close()))
        finally:
            self._runner.close()

    def send(self, call: Call) -> Answer:
        """See Carrier.send."""
        endpoint = self._rows[call.path].methods["GET" if call.method == "HEAD" else call.method]
        request = self._request(call)
        try:
            response = self._runner.run(_awaited(endpoint.handler(request)))
        except RegistryError as refused:
            refused.message = refused.message or problems.find(refused).message
            raise
        headers = [(name.decode(), value.decode()) for name, value in response.headers]
        return Answer(response.status, tuple(headers), _bytes(response))

    def _request(self, call: Call) -> Request:
        scope = {
            "method": call.method,
            "path": call.target,
            "query_string": urlencode(call.query).encode(),
            "headers": _headers(call, self._settings),
        }
        request = Request(scope, _whole(call.body), str(next(self._ids)), edge.pace(self._settings))
        request.params = call.params
        request.grant = Grant(LOCAL_CALLER)
        return request


@contextmanager
def on_data_directory(config: Path | None, options: dict[str, object]) -> Iterator[InProcess]:
    """The registry on a data directory. Raises InvalidSettings if there is none."""
    with InProcess(opening.find(config, options)) as carrier:
        yield carrier


async def _awaited(coming: Awaitable[Result]) -> Result:
    return await coming


def _whole(body: bytes) -> Callable[[], Awaitable[Message]]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _headers(call: Call, settings: Settings) -> list[tuple[bytes, bytes]]:
    headers = [(b"host", settings.known_login_servers[0].encode())]
    if call.body:
        length = str(len(call.body)).encode()
        headers += [(b"content-type", JSON_TYPE.encode()), (b"content-length", length)]
    else:
        headers.append((b"content-length", b"0"))
    return [*headers, (b"accept", call.accept.encode())] if call.accept else headers


def _bytes(response: Response) -> bytes:
    assert not isinstance(response.body, Part)  # noqa: S101 -- no command asks for a blob
    return response.body
