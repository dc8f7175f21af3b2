"""A connection to a registry that shows every byte."""

import base64
import hashlib
import http.client
import json
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from acrux.domain.content.digest import Digest
from tests.images import Image

MEBIBYTE = 1024 * 1024
ALL = "repository:*:* registry:catalog:*"


@dataclass
class Reply:
    """A complete answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header; empty if it is missing."""
        return self.headers.get(name.lower(), "")


@dataclass
class Connection:
    """Keeps one connection; after it was closed, a new one is opened."""

    port: int
    authorization: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def close(self) -> None:
        """Close it."""
        self._http.close()

    def begin(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        **headers: str,
    ) -> http.client.HTTPResponse:
        """Send a request and return its answer before its body is read."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._http.request(
            method,
            path,
            body=body,
            headers={**self.authorization, **named},
            encode_chunked=not isinstance(body, bytes) and "Content-Length" not in named,
        )
        return self._http.getresponse()

    def call(
        self, method: str, path: str, body: bytes | Iterable[bytes] = b"", **headers: str
    ) -> Reply:
        """Send a request and read its whole answer."""
        response = self.begin(method, path, body, **headers)
        content = response.read()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, named, content)

    def login(self, username: str, password: str) -> None:
        """Get a token for everything and use it from now on."""
        encoded = base64.b64encode(f"{username}:{password}".encode()).decode()
        scope = ALL.replace(" ", "&scope=")
        self.authorization = {"Authorization": f"Basic {encoded}"}
        reply = self.call("GET", f"/oauth2/token?service=127.0.0.1:{self.port}&scope={scope}")
        assert reply.status == 200, reply.body
        token = json.loads(reply.body)["access_token"]
        self.authorization = {"Authorization": f"Bearer {token}"}

    def start_upload(self, repository: str = "app") -> str:
        """Start an upload and return its location."""
        reply = self.call("POST", f"/v2/{repository}/blobs/uploads/")
        assert reply.status == 202, reply.body
        return reply.header("Location")

    def push_blob(self, content: bytes, repository: str = "app") -> Digest:
        """Upload a blob in one request."""
        digest = Digest.of(content)
        path = f"/v2/{repository}/blobs/uploads/?digest={digest}"
        reply = self.call("POST", path, content)
        assert reply.status == 201, reply.body
        return digest

    def push_image(self, image: Image, tag: str, repository: str = "app") -> None:
        """Push an image under this tag."""
        for blob in image.blobs:
            self.push_blob(blob, repository)
        path = f"/v2/{repository}/manifests/{tag}"
        reply = self.call("PUT", path, image.manifest, Content_Type=image.media_type)
        assert reply.status == 201, reply.body

    def raw(self) -> socket.socket:
        """A second connection, for raw bytes."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def head(self, method: str, path: str, **headers: str) -> bytes:
        """The head of a request, for a raw connection."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            *(f"{name}: {value}" for name, value in {**self.authorization, **named}.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def pattern(mebibytes: int) -> Iterator[bytes]:
    """This many mebibytes, each different from the others."""
    for number in range(mebibytes):
        yield number.to_bytes(8, "big") * (MEBIBYTE // 8)


def sha256_of(parts: Iterable[bytes]) -> str:
    """The SHA-256 of these parts as one."""
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(part)
    return hasher.hexdigest()


def push_pattern(connection: Connection, digest: Digest, mebibytes: int) -> None:
    """Push a pattern as docker does: POST, PATCH, PUT."""
    size = mebibytes * MEBIBYTE
    location = connection.start_upload()
    patched = connection.call("PATCH", location, pattern(mebibytes), Content_Length=str(size))
    assert patched.status == 202, patched.body
    assert patched.header("Range") == f"0-{size - 1}"
    assert connection.call("PUT", f"{location}&digest={digest}").status == 201


def read_until_closed(connection: socket.socket) -> bytes:
    """Everything until the other side closes; then this side is closed too."""
    received = b""
    with connection:
        while True:
            try:
                part = connection.recv(65536)
            except ConnectionResetError:
                return received
            if not part:
                return received
            received += part
