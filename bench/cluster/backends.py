"""What the nodes of a cluster share: a PostgreSQL server, and a server of S3."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import obstore
from obstore.store import S3Store

from bench import peers
from bench.processes import BenchError, Process, Processes, free_port
from bench.servers import environment

ACCOUNT: Final = "postgres"  # of Debian's package; the programs refuse to run as root
DATABASE: Final = "bench"
BUCKET: Final = "bench"
REGION: Final = "us-east-1"
SIGNED_FOR: Final = timedelta(hours=1)
KEYS: Final = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "opens nothing"}
_EXTENSION: Final = "pg_stat_statements"


@dataclass(frozen=True)
class PostgreSql:
    """A server with an empty database, with Debian's defaults, synced; it counts statements."""

    process: Process
    port: int

    @property
    def url(self) -> str:
        """The URL of the database."""
        return f"postgresql://acrux@127.0.0.1:{self.port}/{DATABASE}"

    def statements(self) -> int:
        """How many statements it has executed."""
        return int(self.query(f"SELECT coalesce(sum(calls), 0)::bigint FROM {_EXTENSION}"))

    def query(self, statement: str) -> str:
        """The output of a statement. Raises BenchError."""
        return _run([peers.program("psql"), "-XqAt", "-d", self.url, "-c", statement])


def start_postgresql(processes: Processes, folder: Path) -> PostgreSql:
    """Make a server in the folder, and start it."""
    folder.mkdir()
    data, port = str(folder / "data"), free_port()
    if os.geteuid() == 0:
        for above in folder.parents[:2]:  # a run's own folder, and that of the cluster
            above.chmod(0o711)
        shutil.chown(folder, ACCOUNT)
    _run(_unprivileged("initdb", "-D", data, "-U", "acrux", "-A", "trust", "--locale=C.UTF-8"))
    options = {
        "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(folder),
        "shared_preload_libraries": _EXTENSION, "max_connections": "200",
    }  # fmt: skip
    given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    process = processes.serve("postgresql", _unprivileged("postgres", "-D", data, *given), port)
    server = PostgreSql(process, port)
    maintenance = server.url.removesuffix(DATABASE) + "postgres"
    _run([peers.program("psql"), "-Xq", "-d", maintenance, "-c", f"CREATE DATABASE {DATABASE}"])
    server.query(f"CREATE EXTENSION {_EXTENSION}")
    return server


@dataclass(frozen=True)
class Objects:
    """A server of S3 with a bucket."""

    process: Process
    port: int

    @property
    def location(self) -> str:
        """Where blobs are, as the setting `storage` has it."""
        return f"s3://{BUCKET}/registry"

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables that say how to reach it."""
        return {
            **KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": REGION,
        }  # fmt: skip

    def address(self, key: str) -> str:
        """The signed address of an object."""
        store = S3Store(
            BUCKET, endpoint=f"http://127.0.0.1:{self.port}", region=REGION,
            access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip
        return obstore.sign(store, "GET", key, SIGNED_FOR)


def start_objects(processes: Processes, folder: Path) -> Objects:
    """Start versitygw on the folder."""
    buckets, attributes, port = folder / "buckets", folder / "attributes", free_port()
    (buckets / BUCKET).mkdir(parents=True)
    attributes.mkdir()
    command = [
        peers.program(peers.VERSITYGW), "--port", f"127.0.0.1:{port}", "posix",
        "--sidecar", str(attributes), str(buckets),
    ]  # fmt: skip
    keys = {
        "ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"],
        "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"],
    }
    process = processes.serve(peers.VERSITYGW, command, port, os.environ | keys)
    return Objects(process, port)


def start_line(processes: Processes, objects: Objects, rate: int) -> Objects:
    """The same store behind a line of so many bytes in a second."""
    port = free_port()
    command = [sys.executable, "-m", "bench.cluster.relay", str(port), str(objects.port), str(rate)]
    return Objects(processes.serve("line", command, port, environment()), port)


def _unprivileged(program: str, *arguments: str) -> list[str]:
    command = [peers.program(program), *arguments]
    if os.geteuid() != 0:
        return command
    return ["setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups", *command]


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise BenchError(f"{command[0]} failed: {(done.stdout + done.stderr).strip()[-500:]}")
    return done.stdout.strip()
