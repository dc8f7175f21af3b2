"""Equal nodes on one PostgreSQL and one bucket, each with a share of a core."""

import base64
import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final

from bench.cluster.backends import Objects, PostgreSql, start_line, start_objects, start_postgresql
from bench.cluster.costs import Meter
from bench.cluster.shares import Share
from bench.content import HOT, TAG, Content, push_blob, push_manifest
from bench.processes import Processes
from bench.servers import Acrux, AcruxPlan, environment
from bench.wire import Connection

NODES: Final = 3
CORES: Final = 0.2  # of each node that is limited: three leave most of two cores to the rest
LINE: Final = 100_000_000  # bytes in a second, of the line to the distant store
TAGS: Final = 100
SERVICE: Final = "registry.bench"  # the name of the balancer in front, if there were one
PUSHED: Final = "bench/pushed"


class Cluster:
    """Nodes with one worker each; one that redirects pulls, and one on a slow line to the store."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        self._processes = processes
        self._folder = folder
        folder.mkdir()
        self.database: PostgreSql = start_postgresql(processes, folder / "postgresql")
        self.objects: Objects = start_objects(processes, folder)
        self.behind_line: Objects = start_line(processes, self.objects, LINE)
        key = folder / "master-key"
        key.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
        key.chmod(0o600)
        self._shares: list[Share] = []
        self.nodes: Sequence[Acrux] = self._start()
        password = self.nodes[0].password
        self.redirecting = replace(
            self._node("redirecting", self.objects, storage_redirect="true"), password=password
        )
        self.distant = replace(self._node("distant", self.behind_line), password=password)

    def _start(self) -> list[Acrux]:
        first = self._node("node-1", self.objects)
        password = self._password()
        others = [self._node(f"node-{number}", self.objects) for number in range(2, NODES + 1)]
        return [replace(node, password=password) for node in (first, *others)]

    def limit(self, cores: float | None) -> None:
        """Let each node have at most so many cores from now on; None is no limit."""
        for share in self._shares:
            share.limit(cores)

    def close(self) -> None:
        """End its processes."""
        nodes = [node.process for node in self._all]
        stores = [self.behind_line.process, self.objects.process]
        for process in (*nodes, *stores, self.database.process):
            self._processes.end(process)

    @property
    def _all(self) -> Sequence[Acrux]:
        return (*self.nodes, self.redirecting, self.distant)

    @cached_property
    def meter(self) -> Meter:
        """What rounds on these nodes cost."""
        parts = {
            "node": [node.process for node in self._all],
            "postgresql": [self.database.process],
            "store": [self.objects.process],
        }
        return Meter(parts, self.database.statements)

    def _share(self, name: str) -> Share:
        share = Share(name)
        self._processes.afterwards(share.remove)
        return share

    def _node(self, name: str, objects: Objects, **more: object) -> Acrux:
        share = self._share(name)
        self._shares.append(share)
        settings = {
            "workers": 1, "database": self.database.url, "storage": objects.location,
            "master_key_file": self._folder / "master-key", **more,
        }  # fmt: skip
        plan = AcruxPlan(
            folder=self._folder / name, name=name, variables=objects.variables,
            settings=settings, options=("--login-server", SERVICE),
        )  # fmt: skip
        command = share.enter(*plan.command)
        process = self._processes.serve(name, command, plan.port, plan.environ)
        return Acrux(name, plan.port, process, "", plan.folder, service=SERVICE)

    def _password(self) -> str:
        # Of the admin user, whom the first node made.
        variables = [f"{name}={text}" for name, text in self.objects.variables.items()]
        folder = self._folder / "elsewhere"
        folder.mkdir(mode=0o700)
        printed = self._processes.run([
            "env", *variables, f"PYTHONPATH={environment()['PYTHONPATH']}",
            sys.executable, "-m", "acrux", "credential", "renew", "--password-name", "password",
            "--data-dir", str(folder), "--database", self.database.url,
            "--master-key-file", str(self._folder / "master-key"), "--output", "json",
        ])  # fmt: skip
        made = {one["name"]: one["value"] for one in json.loads(printed)["passwords"]}
        return str(made["password"])


def fill(node: Acrux, content: Content) -> None:
    """Push the hot repository, with TAGS tags, and the blob that pushed manifests name."""
    manifest = content.manifest(HOT)
    with Connection(node.port) as connection:
        token = node.token(HOT, "pull", "push")
        push_blob(connection, token, HOT, content.large)
        push_blob(connection, token, HOT, content.small)
        for tag in (TAG, *(f"tag-{number:03}" for number in range(TAGS))):
            push_manifest(connection, token, HOT, tag, manifest)
        push_blob(connection, node.token(PUSHED, "pull", "push"), PUSHED, content.small)
