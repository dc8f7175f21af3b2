"""A read-only data directory: pulls continue, and writes are refused."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from tests.crash.load import first_password, starting
from tests.crash.power import PoweredDisk, end, powered_disk
from tests.images import Image, image
from tests.running import ROOT, RunningRegistry, acrux, environment
from tests.wire.connection import ALL, Connection, Reply

IMAGE: Image = image(b"a layer" * 100_000)
MANIFEST = "/v2/app/manifests/v1"
LAYER = f"/v2/app/blobs/{Digest.of(IMAGE.blobs[-1])}"
CONTENT = b"new"
PATIENCE = 10_000  # requests
NEW_ACCOUNT = b'{"name": "ci-team", "scopeMapId": "_repositories_pull"}'

# Without these capabilities, root is bound by the modes of files as everybody is (capabilities(7)).
UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")

MANAGING = f"{ALL} registry:management:*"


class Caller(Connection):
    """A client with a password, a refresh token and a token for everything."""

    def __init__(self, registry: RunningRegistry, password: str) -> None:
        super().__init__(registry.port)
        self.password = password
        self.refresh_token = ""

    def log_in(self) -> None:
        """Get tokens with the password."""
        self._take(grant_type="password", username="acrux", password=self.password,
                   access_type="offline")  # fmt: skip

    def renew(self) -> None:
        """Get a token with the refresh token."""
        self._take(grant_type="refresh_token", refresh_token=self.refresh_token)

    def _take(self, **form: str) -> None:
        self.authorization = {}
        reply = self.token(**form)
        assert reply.status == 200, reply.body
        found = json.loads(reply.body)
        self.refresh_token = found.get("refresh_token", self.refresh_token)
        self.authorization = {"Authorization": f"Bearer {found['access_token']}"}

    def token(self, **form: str) -> Reply:
        """Request a token."""
        fields = {"service": f"127.0.0.1:{self.port}", "scope": MANAGING, "client_id": "t", **form}
        body = "&".join(f"{name}={value.replace(' ', '+')}" for name, value in fields.items())
        kind = "application/x-www-form-urlencoded"
        return self.call("POST", "/oauth2/token", body.encode(), Content_Type=kind)

    def push(self, image: Image, path: str = MANIFEST) -> None:
        """Push an image."""
        for blob in image.blobs:
            self.push_blob(blob)
        put = self.call("PUT", path, image.manifest, Content_Type=image.media_type)
        assert put.status == 201, put.body


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[PoweredDisk]:
    """A separate file system."""
    with powered_disk("ext4", tmp_path) as disk:
        yield disk


def prepare(data: Path, left: str) -> tuple[str, str, str]:
    """Leave a registry with an image in this state; return a password, an upload and a case."""
    with starting(data, "--workers", "1") as registry:
        password = first_password(registry)
        caller = Caller(registry, password)
        caller.log_in()
        caller.push(IMAGE)
        location = caller.start_upload()
        wrong = caller.call("GET", MANIFEST, Authorization="Bearer wrong")
        case = wrong.header("X-Acrux-Case")
        for _ in range(PATIENCE):  # until it was written
            if caller.call("GET", f"/management/v1/cases/{case}").status == 200:
                break
        caller.close()
        if left != "a clean stop":
            end(registry)
    files = sorted(file.name for file in data.glob("registry.sqlite-*"))
    assert len(files) == (0 if left == "a clean stop" else 2), files
    if left == "a loss of power":
        (data / "registry.sqlite-shm").unlink()  # it is never synced
    return password, location, case


def withdraw(folder: Path) -> None:
    """Take the right to write in the folder from its owner."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)


def give_back(folder: Path) -> None:
    """The opposite."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)


def elsewhere(data: Path) -> Path:
    """A link to the data directory, in a folder where a log can be written."""
    link = data.parent.parent / "link"
    link.symlink_to(data)
    return link


def pulls(caller: Caller, case: str) -> None:
    """Everything that only reads continues to work."""
    caller.log_in()
    caller.renew()
    manifest = caller.call("GET", MANIFEST, Accept=IMAGE.media_type)
    assert (manifest.status, manifest.body) == (200, IMAGE.manifest)
    for blob in IMAGE.blobs:
        assert caller.call("GET", f"/v2/app/blobs/{Digest.of(blob)}").body == blob
    for path in (
        "/v2/_catalog", "/v2/app/tags/list", "/acr/v1/_catalog", "/acr/v1/app/_manifests",
        "/management/v1/tokens", "/management/v1/keys", "/management/v1/audit",
        f"/management/v1/cases/{case}", f"/v2/app/referrers/{IMAGE.digest}", "/livez",
    ):  # fmt: skip
        reply = caller.call("GET", path)
        assert reply.status == 200, (path, reply.body)
    assert caller.call("HEAD", f"/v2/app/blobs/{Digest.of(b'unknown')}").status == 404


def refusals(caller: Caller, location: str) -> None:
    """Everything that writes is refused, with the reason."""
    digest = Digest.of(CONTENT)
    as_json = {"Content_Type": "application/json"}
    for method, path, body, headers in (
        ("POST", "/v2/app/blobs/uploads/", b"", {}),
        ("POST", f"/v2/app/blobs/uploads/?digest={digest}", CONTENT, {}),
        ("POST", f"/v2/b/blobs/uploads/?mount={Digest.of(IMAGE.blobs[0])}&from=app", b"", {}),
        ("PATCH", location, CONTENT, {}),
        ("PUT", f"{location}{'&' if '?' in location else '?'}digest={digest}", CONTENT, {}),
        ("DELETE", location, b"", {}),
        ("PUT", "/v2/app/manifests/v2", IMAGE.manifest, {"Content_Type": IMAGE.media_type}),
        ("DELETE", MANIFEST, b"", {}),
        ("DELETE", f"/v2/app/manifests/{IMAGE.digest}", b"", {}),
        ("DELETE", LAYER, b"", {}),
        ("DELETE", "/acr/v1/app", b"", {}),
        ("PATCH", "/acr/v1/app", b'{"writeEnabled": false}', as_json),
        ("POST", "/management/v1/tokens", NEW_ACCOUNT, as_json),
        ("POST", "/management/v1/keys/rotate", b"{}", as_json),
        ("POST", "/management/v1/regenerateCredential", b'{"name": "password"}', as_json),
    ):  # fmt: skip
        reply = caller.call(method, path, body, **headers)
        assert reply.status == 503, (method, path, reply)
        (error,) = json.loads(reply.body)["errors"]
        assert "read-only" in error["message"], (method, path, error)
    ready = caller.call("GET", "/readyz")
    assert (ready.status, b"read-only" in ready.body) == (503, True)


def lines(registry: RunningRegistry, event: str) -> list[str]:
    """The log lines of an event, once the log is whole: lines wait before they are written."""
    assert registry.process.poll() is not None, "stop the registry first"
    return re.findall(f"^.*event={event} .*$", registry.log.read_text(), re.MULTILINE)


@pytest.mark.parametrize("left", ["a clean stop", "a kill", "a loss of power"])
def test_a_registry_starts_on_a_read_only_file_system_and_serves_what_it_holds(
    disk: PoweredDisk, left: str
) -> None:
    """A disk that can no longer be written must not stop a thousand machines from pulling."""
    data = disk.mount_point / "data"
    password, location, case = prepare(data, left)
    disk.remount("ro")
    with starting(elsewhere(data), "--workers", "2") as registry:
        caller = Caller(registry, password)
        pulls(caller, case)
        refusals(caller, location)
        for _ in range(20):
            assert caller.token(grant_type="password", username="acrux", password="no").status in {
                401, 429,
            }  # fmt: skip
        at = ("--data-dir", str(data))
        assert acrux("token", "list", *at).returncode == 0
        renewed = acrux("credential", "renew", "--password-name", "password", *at)
        assert (renewed.returncode, "read-only" in renewed.stderr) == (1, True)

        disk.remount("rw")
        caller.push(image(b"once more"), "/v2/app/manifests/v2")
        for _ in range(20):  # of either worker
            caller.close()
            assert caller.call("GET", "/v2/app/manifests/v2").status == 200
        assert caller.call("GET", "/readyz").status == 200
        caller.close()
    assert len(lines(registry, "read-only")) == 2  # of each worker
    assert "Traceback" not in registry.log.read_text()
    assert "audit-lost" not in registry.log.read_text()
    found = acrux("audit", "list", "--outcome", "refused", "-o", "json", "--data-dir", str(data))
    assert len(json.loads(found.stdout)) >= 6


@pytest.mark.parametrize("left", ["a clean stop", "a kill"])
def test_a_registry_whose_owner_may_not_write_serves_what_it_holds(
    tmp_path: Path, left: str
) -> None:
    """Who looks into an archived copy got an error of the database, even for a listing."""
    (tmp_path / "holder").mkdir()
    data = tmp_path / "holder" / "data"
    password, location, case = prepare(data, left)
    withdraw(data)
    command = (*UNPRIVILEGED, sys.executable, "-m", "acrux")
    listed = subprocess.run(
        [*command, "token", "list", "--data-dir", str(data)],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert listed.returncode == 0, listed.stderr
    with starting(elsewhere(data), "--workers", "1", wrapper=UNPRIVILEGED) as registry:
        caller = Caller(registry, password)
        pulls(caller, case)
        refusals(caller, location)

        give_back(data)
        caller.push(image(b"once more"), "/v2/app/manifests/v2")
        caller.close()
    assert len(lines(registry, "read-only")) == 1
    assert "Traceback" not in registry.log.read_text()


def test_a_file_system_that_turns_read_only_under_a_registry_stops_no_pull(
    disk: PoweredDisk,
) -> None:
    """The kernel does this to a file system whose disk fails, to protect its content."""
    data = disk.mount_point / "data"
    data.mkdir(mode=0o700)
    disk.remount("errors=remount-ro")
    with starting(elsewhere(data), "--workers", "1") as registry:
        caller = Caller(registry, first_password(registry))
        caller.log_in()
        caller.push(IMAGE)
        location = caller.start_upload()
        disk.fail()

        manifest = caller.call("GET", MANIFEST, Accept=IMAGE.media_type)
        assert (manifest.status, manifest.body) == (200, IMAGE.manifest)
        refusals(caller, location)
        caller.log_in()
        caller.renew()
        assert caller.call("GET", LAYER).body == IMAGE.blobs[-1]
        assert "Traceback" not in registry.log.read_text()
        assert "worker-died" not in registry.log.read_text()
        caller.close()
        assert registry.stop() == 0
    assert lines(registry, "audit-lost")
    with starting(registry.data_dir, "--workers", "1") as registry:
        caller = Caller(registry, caller.password)
        caller.log_in()
        assert caller.call("GET", MANIFEST, Accept=IMAGE.media_type).body == IMAGE.manifest
        refusals(caller, location)
        caller.close()
    assert lines(registry, "read-only")
    assert "Traceback" not in registry.log.read_text()
