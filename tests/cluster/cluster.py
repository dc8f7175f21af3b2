"""Equal nodes that share a PostgreSQL, a bucket and a master key, and nothing else."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests import object_servers, postgresql
from tests.clients import go_tools
from tests.cluster.faulty_store import SOURCES, TOXIPROXY, FaultyStore, faulty
from tests.cluster.front import Balancer
from tests.object_servers import Versity
from tests.postgresql import PostgreSql
from tests.running import RunningRegistry, acrux, free_port, running
from tests.wire.connection import ALL, Connection

BUCKET: Final = "cluster"
DATABASE: Final = "cluster"
PREFIX: Final = "registry"
STORAGE: Final = f"s3://{BUCKET}/{PREFIX}"


class Cluster:
    """Nodes behind a balancer, which may be killed; each has a data directory of its own.

    A node that replaces another one listens at its port. `options` are those of each node.
    """

    def __init__(
        self,
        folder: Path,
        database: PostgreSql,
        objects: FaultyStore,
        nodes: int,
        options: tuple[str, ...],
    ) -> None:
        self.database = database
        self.objects = objects
        self.folder = folder
        self.nodes: list[RunningRegistry] = []
        self._options = options
        self._ports = [free_port() for _ in range(nodes)]
        self.balancer = Balancer(folder / "balancer", self._ports)
        self.front = self.balancer.front
        self._running: list[ExitStack] = []
        self._started = 0
        database.execute(f"CREATE DATABASE {DATABASE}")
        objects.store.make(BUCKET)
        (folder / "url").write_text(database.url(DATABASE))
        key = folder / "master-key"
        key.write_text(base64.b64encode(os.urandom(32)).decode())
        key.chmod(0o600)

    @property
    def place(self) -> tuple[str, ...]:
        """The options that say where the registry is, but for the data directory."""
        return (
            "--database-file", str(self.folder / "url"),
            "--master-key-file", str(self.folder / "master-key"),
        )  # fmt: skip

    @property
    def variables(self) -> dict[str, Any]:
        """The variables that name the object store."""
        return dict(self.objects.variables)

    def start(self) -> None:
        """Start all nodes."""
        for number in range(len(self._ports)):
            self._running.append(ExitStack())
            self.nodes.append(self._start(number))

    def _start(self, number: int) -> RunningRegistry:
        self._started += 1
        names = [word for host in self.front.hosts for word in ("--login-server", host)]
        return self._running[number].enter_context(
            running(
                self.folder / f"node-{self._started}", "--workers", "1", *self.place,
                "--storage", STORAGE, *names, "--trusted-proxy", "127.0.0.1",
                "--port", str(self._ports[number]), *self._options, **self.variables,
            )
        )  # fmt: skip

    def replace(self, number: int) -> None:
        """Start another node in the place of one that was killed, with an empty directory."""
        passwords = self.nodes[number].passwords
        self._running[number].close()
        self.nodes[number] = replace(self._start(number), passwords=passwords)

    def registry(self, *, secure: bool = False) -> RunningRegistry:
        """The cluster as clients see it: as one registry, at the address of the balancer."""
        url = f"https://{self.front.hosts[1]}" if secure else f"http://{self.front.hosts[0]}"
        return replace(self.nodes[0], url=url)

    def connect(self, node: RunningRegistry) -> Connection:
        """A connection to one node, as the balancer opens it, with a token for everything.

        Raises ConnectionError if the node gives no token.
        """
        encoded = base64.b64encode(f"acrux:{node.password}".encode()).decode()
        service, scopes = self.front.hosts[0], ALL.replace(" ", "&scope=")
        with closing(Connection(node.port, {"Authorization": f"Basic {encoded}"})) as basic:
            reply = basic.call("GET", f"/oauth2/token?service={service}&scope={scopes}")
        if reply.status != 200:
            raise ConnectionError(reply.body)
        token = json.loads(reply.body)["access_token"]
        return Connection(node.port, {"Authorization": f"Bearer {token}"})

    def command(self, *words: str) -> str:
        """What a command on the registry prints, on a machine without a node."""
        done = acrux(*words, "--data-dir", str(self.elsewhere), *self.place, **self.variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def told(self, *words: str) -> Any:
        """What a command prints for programs."""
        return json.loads(self.command(*words, "--output", "json"))

    @property
    def elsewhere(self) -> Path:
        """The data directory of a machine without a node."""
        folder = self.folder / "elsewhere"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def renew_password(self) -> None:
        """Give the admin user a new password, which the nodes' `password` is from now on."""
        renewed = self.told("credential", "renew", "--password-name", "password")
        values = {one["name"]: one["value"] for one in renewed["passwords"]}
        for node in self.nodes:
            node.passwords["password"] = values["password"]

    def stop(self) -> None:
        """Stop all nodes."""
        for ending in self._running:
            ending.close()


@contextmanager
def cluster(factory: pytest.TempPathFactory, *options: str, nodes: int = 3) -> Iterator[Cluster]:
    """So many nodes, a balancer in front of them, and what they share."""
    toxiproxy = go_tools.built_once(factory, TOXIPROXY, SOURCES)
    with (
        postgresql.running() as database,
        object_servers.running("versitygw", factory) as store,
    ):
        assert isinstance(store, Versity)
        with faulty(store, toxiproxy) as objects:
            made = Cluster(factory.mktemp("cluster"), database, objects, nodes, options)
            try:
                made.start()
                made.renew_password()
                with made.balancer.running():
                    yield made
            finally:
                made.stop()
