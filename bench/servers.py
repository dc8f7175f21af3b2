"""acrux as its users run it, prepared and started for a run."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from acrux.bootstrap.application import Registry, build
from acrux.settings import Settings
from bench.processes import Process, Processes, free_port
from bench.wire import Connection, UnexpectedAnswer

ROOT = Path(__file__).parent.parent

Result = TypeVar("Result")


class Server(Protocol):
    """Any server that a run measures."""

    @property
    def name(self) -> str:
        """Its name in the table."""

    @property
    def port(self) -> int:
        """The port that it listens on."""

    @property
    def process(self) -> Process:
        """Its process."""

    @property
    def tls(self) -> bool:
        """Whether it speaks https."""

    def token(self, repository: str, *actions: str) -> str:
        """A bearer token for a repository."""


@dataclass(frozen=True)
class Acrux:
    """acrux with its defaults on a data directory of its own."""

    name: str
    port: int
    process: Process
    password: str
    folder: Path
    tls: bool = False
    service: str = ""  # if tokens are for another name than that of the port

    @property
    def basic(self) -> str:
        """The administrator's credential."""
        return basic("acrux", self.password)

    def token_path(self, repository: str, *actions: str) -> str:
        """The path and query that request such a token."""
        return self._path(f"repository:{repository}:{','.join(actions)}")

    def token(self, repository: str, *actions: str) -> str:
        """See Server."""
        return self.token_for(f"repository:{repository}:{','.join(actions)}")

    def token_for(self, scope: str) -> str:
        """The administrator's token for this scope. Raises UnexpectedAnswer."""
        with Connection(self.port, tls=self.tls) as connection:
            answer = connection.ask("GET", self._path(scope), {"Authorization": self.basic})
        if answer.status != 200:
            raise UnexpectedAnswer(f"{answer.status} instead of a token: {answer.body[:200]!r}")
        return str(json.loads(answer.body)["access_token"])

    def _path(self, scope: str) -> str:
        service = self.service or f"127.0.0.1:{self.port}"
        return f"/oauth2/token?service={service}&scope={scope}"


@dataclass(frozen=True, kw_only=True)
class AcruxPlan:
    """How to start an acrux: its name, its folder, and what differs from the defaults."""

    folder: Path
    name: str = "acrux"
    options: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    def start(self, processes: Processes) -> Acrux:
        """Make the administrator, start the server, and wait until it answers."""
        return self.serve(processes, self.prepare())

    def prepare(self) -> str:
        """Make the data directory with its administrator; return the password."""
        return self.in_process(_administrator)

    def serve(self, processes: Processes, password: str) -> Acrux:
        """Start the server on a prepared folder, and wait until it answers."""
        process = processes.serve(self.name, self.command, self.port, self.environ)
        return Acrux(
            self.name, self.port, process, password, self.folder, tls="--tls-cert" in self.options
        )

    @property
    def command(self) -> Sequence[str]:
        """The command that starts the server."""
        return [sys.executable, "-m", "acrux", "serve", "--port", str(self.port),
                   "--data-dir", str(self.folder), *self.options]  # fmt: skip

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables that it is started with."""
        settings = {f"ACRUX_{name.upper()}": str(value) for name, value in self.settings.items()}
        return environment() | dict(self.variables) | settings

    def in_process(self, call: Callable[[Registry], Awaitable[Result]]) -> Result:
        """Call `call` with the open registry in this process, without a server."""
        registry = build(replace(Settings(data_dir=self.folder, port=self.port), **self.settings))

        async def opened() -> Result:
            await registry.lifespan.open()
            try:
                return await call(registry)
            finally:
                await registry.lifespan.close()

        return asyncio.run(opened())


def basic(user: str, password: str) -> str:
    """The value of `Authorization` for a user and a password."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def environment() -> dict[str, str]:
    """This process's environment without any setting of the registry."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("ACRUX_")}
    return clean | {"PYTHONPATH": str(ROOT)}


async def _administrator(registry: Registry) -> str:
    created = await registry.services.accounts.create_administrator("acrux")
    if created is None or created.passwords[0].value is None:
        raise RuntimeError("the data directory was used before")
    return created.passwords[0].value.reveal()
