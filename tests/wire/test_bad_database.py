"""A PostgreSQL that is wrong, full, busy or another one: refused at the start, 503 meanwhile."""

import base64
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests import postgresql
from tests.images import image
from tests.postgresql import PostgreSql
from tests.processes import children
from tests.running import RunningRegistry, acrux, running, until
from tests.tools import missing
from tests.wire.connection import Connection, Reply

pytestmark = pytest.mark.xdist_group("bad database")  # one server for all tests

PASSWORD = "a secret"
ROLE = "registry"  # not a superuser, which may do what is refused to others
MANIFEST = "/v2/app/manifests/v1"
PUSHED = image(b"layer")
SHARED = ("--workers", "1", "--shared-storage")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSql]:
    """A PostgreSQL that asks the role of the registry for its password."""
    with postgresql.running() as server:
        rules = server.folder / "data" / "pg_hba.conf"
        rules.write_text(f"local all {ROLE} scram-sha-256\n{rules.read_text()}")
        server.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'; SELECT pg_reload_conf()")
        yield server


@pytest.fixture
def name(server: PostgreSql, request: pytest.FixtureRequest) -> str:
    """A new, empty database of the role."""
    name = f"d{abs(hash(request.node.name))}"
    server.execute(f"CREATE DATABASE {name} OWNER {ROLE}")
    return name


def url(server: PostgreSql, name: str, password: str = PASSWORD) -> str:
    """The URL of a database, with a password."""
    quoted = password.replace(" ", "%20")
    return server.url(name, user=f"{ROLE}:{quoted}")


def disconnect(server: PostgreSql, name: str) -> None:
    """End all its connections; new ones are another matter."""
    of_it = f"pg_stat_activity WHERE datname = '{name}'"
    server.execute(f"SELECT pg_terminate_backend(pid) FROM {of_it}")  # noqa: S608 -- our own name


def alter_role(server: PostgreSql, name: str, to: str, back: str) -> Callable[[], object]:
    """Give the role an option, and end its connections; what is returned gives it the other."""
    server.execute(f"ALTER ROLE {ROLE} {to}")
    disconnect(server, name)
    return lambda: server.execute(f"ALTER ROLE {ROLE} {back}")


def not_allowed_to_connect(server: PostgreSql, name: str) -> Callable[[], object]:
    """All connections of the role are taken."""
    return alter_role(server, name, "CONNECTION LIMIT 0", "CONNECTION LIMIT -1")


def another_password(server: PostgreSql, name: str) -> Callable[[], object]:
    """Somebody has changed the password."""
    return alter_role(server, name, "PASSWORD 'another'", f"PASSWORD '{PASSWORD}'")


def standby(server: PostgreSql, name: str) -> Callable[[], object]:
    """The server became a standby, as after a failover."""
    server.stop("fast")
    data = server.folder / "data"
    (data / "standby.signal").touch()
    os.chown(data / "standby.signal", data.stat().st_uid, data.stat().st_gid)
    server.start()
    return lambda: server.execute("SELECT pg_promote()")


def an_older_server(server: PostgreSql, name: str) -> Callable[[], object]:
    """The server says that it is of a version that lacks what acrux needs."""
    server.execute(
        "CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE sql AS $$"
        " SELECT CASE $1 WHEN 'server_version_num' THEN '120022' WHEN 'server_version' THEN '12.22'"
        " ELSE pg_catalog.current_setting($1) END $$;"
        f" ALTER DATABASE {name} SET search_path = public, pg_catalog",
        name,
    )
    return lambda: None


def a_newer_schema(server: PostgreSql, name: str) -> Callable[[], object]:
    """A newer acrux made the schema."""
    server.execute(
        "CREATE TABLE schema_version (version) AS SELECT 9999;"
        " CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
        f" ALTER TABLE schema_version OWNER TO {ROLE}; ALTER TABLE facts OWNER TO {ROLE}",
        name,
    )
    return lambda: None


def stopped(server: PostgreSql, name: str) -> Callable[[], object]:
    """The server hangs: it accepts connections, and says nothing."""
    first = int((server.folder / "data" / "postmaster.pid").read_text().split("\n")[0])
    pids = [first, *children(first)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)

    def go_on() -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    return go_on


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (not_allowed_to_connect, "let it accept more connections"),
        (another_password, "correct the user and the password"),
        (standby, "is a standby"),
        (an_older_server, "is PostgreSQL 12.22: acrux needs version 13"),
        (a_newer_schema, "run the acrux that made it, or a newer one"),
        (stopped, "did not answer in time"),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_a_database_that_cannot_be_used_ends_the_start_in_one_line(
    server: PostgreSql,
    name: str,
    tmp_path: Path,
    spoil: Callable[[PostgreSql, str], Callable[[], object]],
    said: str,
) -> None:
    """A service manager that starts it again and again shows a traceback each time."""
    mend = spoil(server, name)
    try:
        done = acrux("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), *SHARED,
                     "--database", url(server, name))  # fmt: skip
    finally:
        mend()

    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert said in line
    assert PASSWORD not in line
    assert "%20" not in line


@contextmanager
def node(server: PostgreSql, name: str, folder: Path) -> Iterator[RunningRegistry]:
    """A registry on the database, with an image."""
    place = ("--database", url(server, name))
    with running(folder / "data", *SHARED, *place) as registry:
        renewed = acrux("credential", "renew", "--password-name", "password", "--data-dir",
                        str(folder / "data"), *place, "--output", "json")  # fmt: skip
        values = {one["name"]: one["value"] for one in json.loads(renewed.stdout)["passwords"]}
        registry.passwords["password"] = values["password"]
        with connected(registry) as connection:
            connection.push_image(PUSHED, "v1")
        yield registry


@contextmanager
def connected(registry: RunningRegistry) -> Iterator[Connection]:
    """A connection with a token for everything."""
    with closing(Connection(registry.port)) as connection:
        connection.login("acrux", registry.password)
        yield connection


def asked(
    registry: RunningRegistry, token: dict[str, str], *, reading_only: bool = False
) -> dict[str, Reply]:
    """What a client and a balancer are told, each at the same time as the others."""
    basic = base64.b64encode(f"acrux:{registry.password}".encode()).decode()
    service = f"/oauth2/token?service=127.0.0.1:{registry.port}&scope=repository:app:pull"
    calls = {
        "pull": ("GET", MANIFEST, token),
        "missing": ("GET", "/v2/app/manifests/nothing", token),
        "tags": ("GET", "/v2/app/tags/list", token),
        "push": ("PUT", "/v2/app/manifests/v2", token | {"Content-Type": PUSHED.media_type}),
        "delete": ("DELETE", MANIFEST, token),
        "token": ("GET", service, {"Authorization": f"Basic {basic}"}),
        "ready": ("GET", "/readyz", {}),
    }
    if reading_only:
        calls = {what: call for what, call in calls.items() if call[0] == "GET"}

    def ask(call: tuple[str, str, dict[str, str]]) -> Reply:
        method, path, headers = call
        with closing(Connection(registry.port, headers)) as connection:
            return connection.call(method, path, PUSHED.manifest if method == "PUT" else b"")

    with ThreadPoolExecutor(len(calls)) as pool:
        return dict(zip(calls, pool.map(ask, calls.values()), strict=True))


def push(connection: Connection, tag: str) -> Reply:
    """Push the manifest under another tag."""
    path = f"/v2/app/manifests/{tag}"
    return connection.call("PUT", path, PUSHED.manifest, Content_Type=PUSHED.media_type)


def readiness(registry: RunningRegistry) -> Reply:
    """What a balancer is told."""
    with closing(Connection(registry.port)) as connection:
        return connection.call("GET", "/readyz")


def is_ready(registry: RunningRegistry) -> bool:
    """Whether the registry says that it is ready."""
    return readiness(registry).status == 200


@pytest.mark.parametrize("spoil", [not_allowed_to_connect, another_password, standby, stopped])
def test_while_the_database_cannot_be_used_all_is_503_and_then_goes_on(
    server: PostgreSql,
    name: str,
    tmp_path: Path,
    spoil: Callable[[PostgreSql, str], Callable[[], object]],
) -> None:
    """A 404 makes clients forget an image, a 401 a password, and a restart by hand is late."""
    with node(server, name, tmp_path) as registry, connected(registry) as connection:
        mend = spoil(server, name)
        try:
            # A change waits for two time limits of half a minute each if the server hangs.
            told = asked(registry, connection.authorization, reading_only=spoil is stopped)
        finally:
            mend()
        until(lambda: is_ready(registry))
        after = [connection.call("GET", MANIFEST), push(connection, "v3")]

    assert {what: reply.status for what, reply in told.items()} == dict.fromkeys(told, 503)
    assert all(reply.header("Retry-After") for reply in told.values())
    assert [reply.status for reply in after] == [200, 201]


def test_while_it_takes_no_writes_pulls_and_logins_work(
    server: PostgreSql, name: str, tmp_path: Path
) -> None:
    """What runs must not stop because nothing can be pushed."""
    change = "ALTER DATABASE {} {} default_transaction_read_only{}"
    with node(server, name, tmp_path) as registry, connected(registry) as connection:
        server.execute(change.format(name, "SET", " = on"))
        disconnect(server, name)
        until(lambda: b"takes no writes" in readiness(registry).body)
        told = asked(registry, connection.authorization)
        server.execute(change.format(name, "RESET", ""))
        disconnect(server, name)
        until(lambda: is_ready(registry))
        after = push(connection, "v3").status

    assert {what: reply.status for what, reply in told.items()} == {
        "pull": 200, "missing": 404, "tags": 200, "push": 503, "delete": 503, "token": 200,
        "ready": 503,
    }  # fmt: skip
    assert told["push"].header("Retry-After")
    assert b"takes no writes" in told["ready"].body
    assert after == 201


@pytest.fixture
def small_disk(server: PostgreSql) -> Iterator[Path]:
    """A disk of 32 MiB that the server may write to."""
    if os.geteuid() != 0:
        missing("a small disk takes root to mount")
    folder = server.folder / "small"
    folder.mkdir()
    owner = f"uid={server.folder.stat().st_uid},mode=0700,size=32m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", owner, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_while_its_disk_is_full_pulls_and_logins_work(
    server: PostgreSql, name: str, tmp_path: Path, small_disk: Path
) -> None:
    """The disk of a database fills up some day, and must not take the registry with it."""
    server.execute(f"CREATE TABLESPACE {name} LOCATION '{small_disk}'")
    server.execute(f"ALTER DATABASE {name} SET TABLESPACE {name}")
    filler = small_disk / "filler"
    with node(server, name, tmp_path) as registry, connected(registry) as connection:
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        filler.write_bytes(bytes(free))
        refused = push_until_refused(connection)
        ready = is_ready(registry)
        told = asked(registry, connection.authorization)
        filler.unlink()
        until(lambda: is_ready(registry))
        after = push(connection, "v3").status
    server.drop(name)
    server.execute(f"DROP TABLESPACE {name}")

    assert (refused.status, bool(refused.header("Retry-After"))) == (507, True)
    assert not ready
    assert (told["pull"].status, told["missing"].status, told["token"].status) == (200, 404, 200)
    assert after == 201


def push_until_refused(connection: Connection) -> Reply:
    """Push manifests, which are rows of the database, until one is refused."""
    for number in range(2000):
        pushed = image(b"layer", annotations={"a": os.urandom(4000).hex()})
        path = f"/v2/app/manifests/filling-{number}"
        reply = connection.call("PUT", path, pushed.manifest, Content_Type=pushed.media_type)
        if reply.status != 201:
            return reply
    raise AssertionError("everything was stored")
