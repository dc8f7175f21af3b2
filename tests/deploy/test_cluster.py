"""deploy/cluster: what its compose file starts, run here as it is configured there."""

import json
import os
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from acrux.adapters.keys.certificates import self_signed
from acrux.domain.content.digest import Digest
from tests import object_servers, postgresql
from tests.clients import go_tools
from tests.clients.test_proxies import proxy
from tests.deploy.settings_named import settings_in
from tests.images import image
from tests.postgresql import PostgreSql
from tests.running import ROOT, RunningRegistry, acrux, environment, free_port, running, until
from tests.tools import require_tool

FOLDER: Final = ROOT / "deploy" / "cluster"
NODES: Final = ("node-1", "node-2", "node-3")
MADE: Final = ("database-password", "database-url", "master-key", "store.env")

pytestmark = [
    pytest.mark.timeout(go_tools.BUILD_SECONDS),
    pytest.mark.xdist_group("deployed cluster"),  # one cluster for all tests
]

Service = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files, with secrets that make-secrets made and a certificate."""
    copy = tmp_path_factory.mktemp("cluster") / "deploy" / "cluster"
    ignored = shutil.ignore_patterns("secrets", ".env")
    shutil.copytree(FOLDER, copy, ignore=ignored)
    subprocess.run([copy / "make-secrets"], env=environment(), check=True, timeout=60)
    files = self_signed(copy / "tls", ("localhost",), datetime.now(UTC))
    pem = copy / "secrets" / "registry.pem"
    pem.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
    shutil.copy(files.ca, copy / "ca.pem")
    return copy


@pytest.fixture(scope="module")
def services(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Service]:
    """The services of the compose file, as docker compose reads it."""
    compose = go_tools.built_once(tmp_path_factory, "./compose", Path(__file__).parent / "go")
    made = (folder / ".env").read_text()
    variables = dict(line.split("=", 1) for line in made.splitlines())
    done = subprocess.run(
        [compose, str(folder / "compose.yaml")], capture_output=True, text=True, timeout=60,
        env=environment(REGISTRY_HOST="registry.example.com", **variables), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    read: dict[str, Service] = json.loads(done.stdout)["services"]
    return read


def test_the_secrets_are_for_their_owner_and_are_made_once(folder: Path) -> None:
    """A second run must not lock the nodes out of what the first one sealed."""
    secrets = folder / "secrets"
    before = {name: (secrets / name).read_text() for name in MADE}

    subprocess.run([folder / "make-secrets"], env=environment(), check=True, timeout=60)

    assert {name: (secrets / name).read_text() for name in MADE} == before
    assert {(secrets / name).stat().st_mode & 0o077 for name in MADE} == {0}
    owner = f"{secrets.stat().st_uid}:{secrets.stat().st_gid}"
    assert (folder / ".env").read_text() == f"ACRUX_USER={owner}\n"


def test_the_nodes_are_equal_and_restricted(services: dict[str, Service]) -> None:
    """A node that differs is one that cannot be replaced by another."""
    first, *others = (services[name] for name in NODES)

    assert others == [first, first]
    assert settings_in(first["environment"])
    for service in (first, services["balancer"], services["store"]):
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert [name for name, one in services.items() if "ports" in one] == ["balancer"]
    trusted = first["environment"]["ACRUX_TRUSTED_PROXIES"]
    assert trusted == services["balancer"]["networks"]["inside"]["ipv4_address"]


def test_no_password_is_in_the_file(services: dict[str, Service], folder: Path) -> None:
    """It would be in the checkout, and in the list of processes."""
    text = (folder / "compose.yaml").read_text()
    named = services["node-1"]["environment"]
    mounted = {f"/run/secrets/{one['source']}" for one in services["node-1"]["secrets"]}

    assert mounted == {named["ACRUX_DATABASE_FILE"], named["ACRUX_MASTER_KEY_FILE"]}
    assert re.findall(r"(?i)(?:password|secret_\w*key): (?!/run/secrets/)\S+", text) == []


def test_the_database_allows_the_connections_of_all_nodes(services: dict[str, Service]) -> None:
    """The last node to start would find none left."""
    workers = int(services["node-1"]["environment"]["ACRUX_WORKERS"])

    assert len(NODES) * workers * 6 < 100 - 20  # database_connections; max_connections, to spare


def test_haproxy_understands_its_file(folder: Path, tmp_path: Path) -> None:
    """It is mounted unchanged, but for the path of the certificate."""
    haproxy = require_tool("haproxy", package="haproxy")
    text = (folder / "haproxy.cfg").read_text()
    config = tmp_path / "haproxy.cfg"
    config.write_text(text.replace("/run/secrets", str(folder / "secrets")))

    done = subprocess.run(
        [haproxy, "-c", "-q", "-f", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^ +server (\S+) (\S+)", text, re.MULTILINE) == 2 * [
        (one, f"{one}:5000") for one in NODES
    ]


class Deployed:
    """The three nodes behind the balancer, and what they share."""

    def __init__(self, folder: Path, database: PostgreSql, node: Service, host: str) -> None:
        self.database = database
        self.host = host
        self.ports = {name: free_port() for name in NODES}
        self.nodes: dict[str, RunningRegistry] = {}
        self.variables = _here(folder, node, host)
        self._folder = folder
        self._ending = ExitStack()

    def start(self, name: str) -> None:
        """Start this node."""
        self.nodes[name] = self._ending.enter_context(
            running(
                self._folder / f"{name}-data", "--port", str(self.ports[name]), **self.variables
            )
        )

    def password(self) -> str:
        """A password of the admin user, made as the page says."""
        done = acrux("credential", "renew", "--password-name", "password", "--output", "json",
                     "--data-dir", str(self._folder / "node-1-data"), **self.variables)  # fmt: skip
        assert done.returncode == 0, done.stderr
        values = {one["name"]: one["value"] for one in json.loads(done.stdout)["passwords"]}
        return str(values["password"])

    def close(self) -> None:
        """Stop all nodes."""
        self._ending.close()

    @contextmanager
    def client(self, password: str = "") -> Iterator[httpx2.Client]:
        """A client of the balancer, which may act as the admin user."""
        ca = ssl.create_default_context(cafile=self._folder / "ca.pem")
        auth = ("acrux", password) if password else None
        with httpx2.Client(base_url=f"https://{self.host}", verify=ca, auth=auth) as client:
            yield client


def _here(folder: Path, node: Service, host: str) -> dict[str, Any]:
    """The variables of a node, for this machine."""
    changed = {
        "ACRUX_LOGIN_SERVERS": host,
        "ACRUX_TRUSTED_PROXIES": "127.0.0.1",
        "ACRUX_DATABASE_FILE": str(folder / "secrets" / "database-url"),
        "ACRUX_MASTER_KEY_FILE": str(folder / "secrets" / "master-key"),
        "ACRUX_WORKERS": "1",
    }
    assert changed.keys() <= node["environment"].keys()
    return {**node["environment"], **changed}


@contextmanager
def stored(folder: Path, service: Service, factory: pytest.TempPathFactory) -> Iterator[str]:
    """The S3 server with the options of its service; its address."""
    data, port = folder / "objects", free_port()
    words = [word.replace("/data", str(data)) for word in service["command"]]
    words = [f"127.0.0.1:{port}" if word == ":7070" else word for word in words]
    for made in (data / "buckets" / "registry", data / "attributes"):  # as `bucket` makes them
        made.mkdir(parents=True)
    keys = {name: text for name, text in service["environment"].items() if "ROOT" in name}
    server = object_servers.Program([object_servers.versitygw(factory), *words], port, **keys)
    try:
        address = f"http://127.0.0.1:{port}"
        assert object_servers.ask("GET", f"{address}/health") == 200
        yield address
    finally:
        server.kill()


@pytest.fixture(scope="module")
def cluster(
    folder: Path, services: dict[str, Service], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    """The whole deployment. The database is reached by its socket, and so without a password."""
    program = require_tool("haproxy", package="haproxy")
    port = free_port()
    with (
        postgresql.running() as database,
        stored(folder, services["store"], tmp_path_factory) as store,
    ):
        database.execute("CREATE DATABASE acrux")
        (folder / "secrets" / "database-url").write_text(database.url("acrux"))
        made = Deployed(folder, database, services["node-1"], f"localhost:{port}")
        made.variables["AWS_ENDPOINT_URL"] = store
        config = folder / "haproxy-here.cfg"
        text = (folder / "haproxy.cfg").read_text().replace("bind :8443", f"bind 127.0.0.1:{port}")
        for name, here in made.ports.items():
            text = text.replace(f"{name}:5000", f"127.0.0.1:{here}")
        config.write_text(text.replace("/run/secrets", str(folder / "secrets")))
        try:
            for name in NODES:
                made.start(name)
            with proxy([program, "-db", "-f", str(config)], folder, port):
                with made.client() as client:
                    until(lambda: client.get("/readyz").status_code == 200)
                yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def password(cluster: Deployed) -> str:
    """The admin user's password."""
    return cluster.password()


def test_a_client_is_sent_to_the_balancer_for_its_token(cluster: Deployed) -> None:
    """The name or port of a node would lead nowhere."""
    with cluster.client() as client:
        answer = client.get("/v2/")

    realm = f'realm="https://{cluster.host}/oauth2/token",service="{cluster.host}"'
    assert (answer.status_code, realm in answer.headers["WWW-Authenticate"]) == (401, True)


def test_a_blob_in_pieces_passes_the_balancer(cluster: Deployed, password: str) -> None:
    """Each request of a push may reach another node."""
    pieces = [os.urandom(200_000) for _ in range(6)]
    content = b"".join(pieces)
    with cluster.client(password) as client:
        location = client.post("/v2/app/blobs/uploads/").headers["Location"]
        for piece in pieces:
            answer = client.patch(location, content=piece)
            assert answer.status_code == 202, answer.text
            location = answer.headers["Location"]
        put = client.put(location, params={"digest": str(Digest.of(content))})
        pulled = client.get(f"/v2/app/blobs/{Digest.of(content)}")

    assert (put.status_code, pulled.content == content) == (201, True)


def push(client: httpx2.Client, number: int) -> str:
    """Push a small image; returns its tag."""
    pushed = image(b"layer %d" % number)
    for blob in pushed.blobs:
        path = f"/v2/app/blobs/uploads/?digest={Digest.of(blob)}"
        answer = client.post(path, content=blob)
        assert answer.status_code == 201, answer.text
    answer = client.put(f"/v2/app/manifests/v{number}", content=pushed.manifest,
                        headers={"Content-Type": pushed.media_type})  # fmt: skip
    assert answer.status_code == 201, answer.text
    return f"v{number}"


class Pusher(threading.Thread):
    """Pushes and pulls until it is stopped; `failed` is what went wrong."""

    def __init__(self, cluster: Deployed, password: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.failed: list[str] = []
        self._cluster = cluster
        self._password = password
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End after what is under way."""
        self._stopped.set()
        self.join()

    def run(self) -> None:
        """Push and pull."""
        with self._cluster.client(self._password) as client:
            while not self._stopped.is_set():
                try:
                    tag = push(client, len(self.tags))
                    assert client.get(f"/v2/app/manifests/{tag}").status_code == 200
                    self.tags.append(tag)
                except (AssertionError, httpx2.TransportError) as failure:
                    self.failed.append(str(failure) or repr(failure))
                    return


def test_nodes_are_restarted_one_after_another_and_no_request_fails(
    cluster: Deployed, password: str
) -> None:
    """An upgrade needs no night and no announcement."""
    pusher = Pusher(cluster, password)
    pusher.start()
    try:
        for name in NODES:
            before = len(pusher.tags)
            until(lambda before=before: len(pusher.tags) > before or pusher.failed != [])  # type: ignore[misc]
            assert cluster.nodes[name].stop() == 0
            cluster.start(name)
    finally:
        pusher.stop()

    assert pusher.failed == []


def test_while_the_database_is_away_the_registry_itself_says_so(
    cluster: Deployed, password: str
) -> None:
    """The balancer's own answer has no Retry-After, and no word on what is wrong."""
    with cluster.client(password) as client:
        tag = push(client, 1)
        cluster.database.stop()
        try:
            until(lambda: client.get("/readyz").status_code == 503)
            answer = client.get(f"/v2/app/manifests/{tag}")
            live = client.get("/livez")
        finally:
            cluster.database.start()
        until(lambda: client.get("/readyz").status_code == 200)
        after = client.get(f"/v2/app/manifests/{tag}")

    assert (answer.status_code, live.status_code, after.status_code) == (503, 200, 200)
    assert answer.headers["Retry-After"]
    assert answer.json()["errors"][0]["message"].startswith("the database")


def test_a_database_that_takes_no_writes_still_serves_pulls(
    cluster: Deployed, password: str
) -> None:
    """No node is ready then, and what runs already must not be refused what it pulls."""
    change = "ALTER SYSTEM {} default_transaction_read_only{}; SELECT pg_reload_conf()"
    with cluster.client(password) as client:
        tag = push(client, 2)
        cluster.database.execute(change.format("SET", " = on"))
        try:
            until(lambda: client.get("/readyz").status_code == 503)
            pulled = client.get(f"/v2/app/manifests/{tag}")
            begun = client.post("/v2/app/blobs/uploads/")
        finally:
            with suppress(AssertionError):
                cluster.database.execute(
                    "SET default_transaction_read_only = off; " + change.format("RESET", "")
                )
        until(lambda: client.get("/readyz").status_code == 200)
        again = client.post("/v2/app/blobs/uploads/")

    assert (pulled.status_code, begun.status_code, again.status_code) == (200, 503, 202)
    assert begun.headers["Retry-After"]
