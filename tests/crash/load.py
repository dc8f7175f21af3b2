"""A client that makes every kind of change, in an order set by a seed."""

import base64
import http.client
import json
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from acrux.domain.content.digest import Digest
from tests.crash.promises import NOTHING, Ledger, OpenUpload
from tests.images import image
from tests.running import RunningRegistry, running
from tests.wire.connection import Connection, Reply

TAGS: Final = 5
# The maximum size of blobs in bytes, and how many of a hundred have it.
SMALL: Final = ((40_000, 100),)
ALSO_LARGE: Final = ((40_000, 80), (3_000_000, 15), (12_000_000, 5))

Sizes = tuple[tuple[int, int], ...]
SCOPES: Final = "repository:*:*&scope=registry:management:*"
ACCOUNTS: Final = "/management/v1/tokens"

# What stops a client: its registry died, or gave an unexpected answer.
BROKEN: Final = (OSError, http.client.HTTPException)


class RefusedError(OSError):
    """An answer that acknowledges nothing."""


class CountingConnection(Connection):
    """Records each answer in the ledger."""

    def __init__(self, port: int, ledger: Ledger) -> None:
        super().__init__(port)
        self._ledger = ledger

    def call(
        self, method: str, path: str, body: bytes | Iterable[bytes] = b"", **headers: str
    ) -> Reply:
        """See Connection."""
        reply = super().call(method, path, body, **headers)
        self._ledger.answered(reply.header("X-Ms-Correlation-Request-Id"))
        return reply


@contextmanager
def starting(
    data_dir: Path, *arguments: str, wrapper: tuple[str, ...] = ()
) -> Iterator[RunningRegistry]:
    """As `running`; its first start writes a file for `first_password`."""
    file = str(_password_file(data_dir))
    with running(data_dir, *arguments, wrapper=wrapper, ACRUX_ADMIN_PASSWORD_FILE=file) as registry:
        yield registry


def first_password(registry: RunningRegistry) -> str:
    """The admin's first password, as written by the first start; no other process is needed."""
    return _password_file(registry.data_dir).read_text().strip()


def _password_file(data_dir: Path) -> Path:
    return data_dir.parent / "admin-password"


class Load:
    """A client with its own repository and account; records acknowledgements in `ledger`."""

    def __init__(
        self,
        registry: RunningRegistry,
        password: str,
        ledger: Ledger,
        name: str,
        sizes: Sizes = SMALL,
    ) -> None:
        self._sizes = sizes
        self.ledger = ledger
        self.connection = CountingConnection(registry.port, ledger)
        self._password = password
        self._name = name

    @property
    def steps(self) -> tuple[Callable[[random.Random], None], ...]:
        """Everything that the client can do."""
        return (
            self.push_whole, self.push_in_chunks, self.push_in_the_closing_request,
            self.push_image, self.push_image, self.delete_tag, self.renew, self.cancel,
            self.leave_open,
        )  # fmt: skip

    def log_in(self) -> None:
        """Get a token for everything."""
        encoded = base64.b64encode(f"acrux:{self._password}".encode()).decode()
        self.connection.authorization = {"Authorization": f"Basic {encoded}"}
        service = f"127.0.0.1:{self.connection.port}"
        reply = self._call(200, "GET", f"/oauth2/token?service={service}&scope={SCOPES}")
        token = json.loads(reply.body)["access_token"]
        self.connection.authorization = {"Authorization": f"Bearer {token}"}

    def run(self, chance: random.Random, count: int) -> Exception | None:
        """Log in and take `count` steps; return the failure that stopped the client, or None."""
        try:
            self.log_in()
            for _ in range(count):
                chance.choice(self.steps)(chance)
        except BROKEN as failure:
            return failure
        finally:
            self.connection.close()
        return None

    def retry(self) -> None:
        """Push again what was not acknowledged."""
        uncertain = [(path.rpartition("/")[2], path, content)
                     for path, content in self.ledger.uncertain()]  # fmt: skip
        for name, path, content in uncertain:
            if "/blobs/" in path:
                self._push(f"{self._uploads}?digest={name}", "POST", content)
        for name, path, content in uncertain:  # a tag may be older than the blobs that it needs now
            if "/manifests/" in path and ":" not in name:
                self._put_manifest(name, content)

    def go_on(self, *, is_kept: bool) -> None:
        """Continue each open upload at the offset that the registry reports, and close it.

        If `is_kept`, the uploads must exist, with all acknowledged bytes. Raises
        RefusedError.
        """
        while self.ledger.uploads:
            self._go_on(self.ledger.uploads.pop(), is_kept=is_kept)

    def _go_on(self, upload: OpenUpload, *, is_kept: bool) -> None:
        told = self.connection.call("GET", upload.location)
        if told.status == 404 and not is_kept:  # its name was not on the disk
            return
        offset = int(told.header("Location").partition("offset=")[2].partition("&")[0] or -1)
        least = len(upload.acknowledged) if is_kept else 0
        if not (told.status == 204 and least <= offset <= len(upload.sent)):
            raise RefusedError(f"{told.status} {offset=}, {least} to {len(upload.sent)}")
        content = upload.sent + b"and the rest"
        self._close(told.header("Location"), content, content[offset:])

    def close_again(self, *statuses: int) -> None:
        """Repeat the closing PUT that got no answer; its status must be one of these.

        Raises RefusedError for any other answer.
        """
        if self.ledger.closing is not None:
            path, body, content = self.ledger.closing
            reply = self.connection.call("PUT", path, body)
            if reply.status not in statuses:
                raise RefusedError(f"PUT {path}: {reply.status} {reply.body!r}")
            self.ledger.closing = None
            if reply.status == 201:
                self.ledger.keep(self._blob(content), content)

    def push_whole(self, chance: random.Random) -> None:
        """Push a blob in one request."""
        content = self._content(chance)
        self._push(f"{self._uploads}?digest={Digest.of(content)}", "POST", content)

    def push_in_chunks(self, chance: random.Random) -> None:
        """Push a blob in two PATCHes and the closing PUT."""
        self.leave_open(chance)
        upload = self.ledger.uploads.pop()
        self._close(upload.location, upload.sent, b"")

    def leave_open(self, chance: random.Random) -> None:
        """Send two chunks of a blob, and no more."""
        upload = OpenUpload(self._begin())
        self.ledger.uploads.append(upload)
        for _ in range(2):
            chunk = self._content(chance)
            upload.sent += chunk
            upload.location = self._patch(upload.location, chunk)
            upload.acknowledged += chunk

    def push_in_the_closing_request(self, chance: random.Random) -> None:
        """Push a blob whose bytes come with the closing PUT."""
        content = self._content(chance)
        self._close(self._begin(), content, content)

    def push_image(self, chance: random.Random) -> None:
        """Push an image under a tag that may exist already."""
        pushed = image(self._content(chance))
        for blob in pushed.blobs:
            self._push(f"{self._uploads}?digest={Digest.of(blob)}", "POST", blob)
        self._put_manifest(f"v{chance.randrange(TAGS)}", pushed.manifest)

    def delete_tag(self, chance: random.Random) -> None:
        """Delete a tag, if there is one for certain."""
        promised = self.ledger.at()
        tags = [f"v{number}" for number in range(TAGS)]
        there = [tag for tag in tags if None not in promised.get(self._manifest(tag), NOTHING)]
        if there:
            path = self._manifest(chance.choice(there))
            self.ledger.attempt(path, None)
            self._call(202, "DELETE", path)
            self.ledger.keep(path, None)

    def renew(self, chance: random.Random) -> None:
        """Renew the first password of the account, which is created if it is missing."""
        if self._name not in self.ledger.passwords:
            self._make_account()
        self.ledger.keep_password(self._name, None)  # the old or the new, until the answer arrives
        path = f"{ACCOUNTS}/{self._name}/generateCredentials"
        body = b'{"name": "password1"}'
        reply = self._call(200, "POST", path, body, Content_Type="application/json")
        self.ledger.keep_password(self._name, json.loads(reply.body)["passwords"][0]["value"])

    def _make_account(self) -> None:
        wanted = json.dumps({"name": self._name, "scopeMapId": "_repositories_pull"}).encode()
        reply = self.connection.call("POST", ACCOUNTS, wanted, Content_Type="application/json")
        if reply.status not in (201, 409):  # the request before, which got no answer, created it
            raise RefusedError(f"{reply.status} {reply.body!r}")

    def cancel(self, chance: random.Random) -> None:
        """Start an upload and cancel it."""
        location = self._patch(self._begin(), self._content(chance))
        self._call(204, "DELETE", location)
        self.ledger.keep_cancelled(location)

    @property
    def _uploads(self) -> str:
        return f"/v2/{self._name}/blobs/uploads/"

    def _manifest(self, reference: object) -> str:
        return f"/v2/{self._name}/manifests/{reference}"

    def _begin(self) -> str:
        return self._call(202, "POST", self._uploads).header("Location")

    def _patch(self, location: str, chunk: bytes) -> str:
        return self._call(202, "PATCH", location, chunk).header("Location")

    def _blob(self, content: bytes) -> str:
        return f"/v2/{self._name}/blobs/{Digest.of(content)}"

    def _close(self, location: str, content: bytes, body: bytes) -> None:
        path = f"{location}&digest={Digest.of(content)}"
        self.ledger.closing = (path, body, content)
        self._push(path, "PUT", content, body)
        self.ledger.closing = None

    def _push(self, path: str, method: str, content: bytes, body: bytes | None = None) -> None:
        blob = self._blob(content)
        self.ledger.attempt(blob, content)
        self._call(201, method, path, content if body is None else body)
        self.ledger.keep(blob, content)

    def _put_manifest(self, tag: str, content: bytes) -> None:
        media_type = json.loads(content)["mediaType"]
        paths = (self._manifest(tag), self._manifest(Digest.of(content)))
        for path in paths:
            self.ledger.attempt(path, content)
        self._call(201, "PUT", paths[0], content, Content_Type=media_type)
        for path in paths:
            self.ledger.keep(path, content)

    def _call(
        self, status: int, method: str, path: str, body: bytes = b"", **headers: str
    ) -> Reply:
        reply = self.connection.call(method, path, body, **headers)
        if reply.status != status:
            raise RefusedError(f"{method} {path}: {reply.status} {reply.body!r}")
        return reply

    def _content(self, chance: random.Random) -> bytes:
        largest, parts = zip(*self._sizes, strict=True)
        return chance.randbytes(chance.randrange(1, chance.choices(largest, parts)[0]))


def check_cancelled(load: Load) -> None:
    """Check that a cancelled upload stays cancelled."""
    for location in load.ledger.cancelled:
        assert load.connection.call("GET", location).status == 404, location


def check_password(registry: RunningRegistry, ledger: Ledger) -> None:
    """Check that a password that was shown is accepted."""
    for name, password in ledger.passwords.items():
        if password is not None:
            connection = Connection(registry.port)
            connection.login(name, password)
            connection.close()
