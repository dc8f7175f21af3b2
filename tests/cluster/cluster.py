"""Equal nodes that share a PostgreSQL, a bucket and a master key, and nothing else."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from tests import object_servers, postgresql
from tests.object_servers import Versity
from tests.postgresql import PostgreSql
from tests.running import RunningRegistry, acrux, running

BUCKET: Final = "cluster"
DATABASE: Final = "cluster"
LOGIN_SERVER: Final = "registry.test"  # of the load balancer in front
STORAGE: Final = f"s3://{BUCKET}/registry"


class Cluster:
    """Nodes that may be started and killed; each has a data directory of its own."""

    def __init__(self, folder: Path, database: PostgreSql, objects: Versity) -> None:
        self.database = database
        self.objects = objects
        self.folder = folder
        self.nodes: list[RunningRegistry] = []
        self._running: list[ExitStack] = []
        database.execute(f"CREATE DATABASE {DATABASE}")
        objects.make(BUCKET)
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

    def start(self) -> RunningRegistry:
        """Start one more node."""
        number = len(self.nodes)
        ending = ExitStack()
        node = ending.enter_context(
            running(
                self.folder / f"node-{number}", "--workers", "1", *self.place,
                "--storage", STORAGE, "--login-server", LOGIN_SERVER, **self.variables,
            )
        )  # fmt: skip
        self.nodes.append(node)
        self._running.append(ending)
        return node

    def replace(self, number: int) -> RunningRegistry:
        """Kill a node, and start another one in its place, with an empty directory."""
        self.nodes[number].kill()
        self._running[number].close()
        node = self.start()
        self.nodes[number], self._running[number] = self.nodes.pop(), self._running.pop()
        return node

    def command(self, *words: str) -> Any:
        """What a command on the registry prints for programs, on a machine without a node."""
        done = acrux(
            *words, "--data-dir", str(self._elsewhere()), *self.place, "--output", "json",
            **self.variables,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def _elsewhere(self) -> Path:
        folder = self.folder / "elsewhere"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def password(self) -> str:
        """A new password of the admin user."""
        renewed = self.command("credential", "renew", "--password-name", "password")
        values = {one["name"]: one["value"] for one in renewed["passwords"]}
        return str(values["password"])

    def close(self) -> None:
        """Stop all nodes."""
        for ending in self._running:
            ending.close()


@contextmanager
def cluster(folder: Path, shared: Path, nodes: int) -> Iterator[Cluster]:
    """So many nodes, and what they share. `shared` is for what is built once for a test run."""
    with postgresql.running() as database, object_servers.running("versitygw", shared) as objects:
        assert isinstance(objects, Versity)
        made = Cluster(folder, database, objects)
        try:
            for _ in range(nodes):
                made.start()
            yield made
        finally:
            made.close()
