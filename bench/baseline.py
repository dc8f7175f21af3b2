"""The baseline: a bare ASGI application that answers the same bytes as a registry.

It is the ceiling for this server and this language. Each answer takes one SQLite read and one
dictionary look-up of the token, and nothing else that a registry must do. A token takes a read, an
HMAC, an ES256 signature and JSON.

Run it as `granian --factory bench.baseline:make`, with BENCH_BASELINE set to the folder that
`prepare` filled.
"""

import base64
import hmac
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, TypeAlias

import apsw
import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from bench.content import HOT, TAG, Content, digest_of

USER = "acrux"
PASSWORD = "base" * 13
PEPPER = b"pepper" * 8

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers: TypeAlias = list[tuple[bytes, bytes]]

_SCHEMA = """
CREATE TABLE manifests (repository TEXT, tag TEXT, digest TEXT, content BLOB,
                        PRIMARY KEY (repository, tag)) WITHOUT ROWID;
CREATE TABLE blobs (repository TEXT, digest TEXT, size INTEGER, path TEXT,
                    PRIMARY KEY (repository, digest)) WITHOUT ROWID;
CREATE TABLE passwords (account TEXT PRIMARY KEY, hash TEXT);
"""


def token_of(repository: str) -> str:
    """A bearer token for a repository: a mere text, as long as a real token."""
    return base64.urlsafe_b64encode(repository.encode().ljust(420, b".")).decode()


def prepare(folder: Path, content: Content) -> None:
    """Fill the folder that `make` serves from, which already holds the blobs as files."""
    database = apsw.Connection(str(folder / "baseline.sqlite"))
    database.execute(_SCHEMA)
    for repository in (HOT, *content.repositories):
        manifest = content.manifest(repository)
        database.execute(
            "INSERT INTO manifests VALUES (?, ?, ?, ?)",
            (repository, TAG, digest_of(manifest), manifest),
        )
    for blob in (content.small, content.large):
        path = str(folder / "blobs" / blob.digest)
        row = (HOT, blob.digest, len(blob.content), path)
        database.execute("INSERT INTO blobs VALUES (?, ?, ?, ?)", row)
    database.execute("INSERT INTO passwords VALUES (?, ?)", (USER, _hash(PASSWORD)))
    database.close()


def make() -> "Application":
    """The application on the folder that BENCH_BASELINE names."""
    return Application(Path(os.environ["BENCH_BASELINE"]))


class Application:
    """Answers GET and HEAD of manifests, GET of blobs, and GET of tokens."""

    def __init__(self, folder: Path) -> None:
        self._database = apsw.Connection(
            str(folder / "baseline.sqlite"), flags=apsw.SQLITE_OPEN_READONLY
        )
        rows = self._database.execute("SELECT DISTINCT repository FROM manifests")
        self._tokens = {f"Bearer {token_of(name)}".encode(): name for (name,) in rows}
        self._key = ec.generate_private_key(ec.SECP256R1())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        authorization = next(
            (value for name, value in scope["headers"] if name == b"authorization"), b""
        )
        if scope["path"] == "/oauth2/token":
            await self._token(authorization, send)
        elif authorization not in self._tokens:
            await _answer(send, 401, [(b"content-length", b"0")])
        elif "/manifests/" in scope["path"]:
            await self._manifest(scope, send)
        else:
            await self._blob(scope, send)

    async def _manifest(self, scope: Scope, send: Send) -> None:
        repository, _, tag = scope["path"].removeprefix("/v2/").rpartition("/manifests/")
        found = self._database.execute(
            "SELECT digest, content FROM manifests WHERE repository = ? AND tag = ?",
            (repository, tag),
        ).get
        if found is None:
            await _answer(send, 404, [(b"content-length", b"0")])
            return
        digest, content = found
        headers = [
            (b"content-type", b"application/vnd.oci.image.manifest.v1+json"),
            (b"content-length", str(len(content)).encode()),
            (b"docker-content-digest", digest.encode()),
        ]
        await _answer(send, 200, headers, b"" if scope["method"] == "HEAD" else content)

    async def _blob(self, scope: Scope, send: Send) -> None:
        repository, _, digest = scope["path"].removeprefix("/v2/").rpartition("/blobs/")
        found = self._database.execute(
            "SELECT size, path FROM blobs WHERE repository = ? AND digest = ?",
            (repository, digest),
        ).get
        if found is None:
            await _answer(send, 404, [(b"content-length", b"0")])
            return
        size, path = found
        headers = [
            (b"content-type", b"application/octet-stream"),
            (b"content-length", str(size).encode()),
            (b"docker-content-digest", digest.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.pathsend", "path": path})

    async def _token(self, authorization: bytes, send: Send) -> None:
        user, _, password = base64.b64decode(authorization[6:]).decode().partition(":")
        found = self._database.execute("SELECT hash FROM passwords WHERE account = ?", (user,)).get
        if found is None or not hmac.compare_digest(found, _hash(password)):
            await _answer(send, 401, [(b"content-length", b"0")])
            return
        body = msgspec.json.encode({"access_token": self._sign(user)})
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await _answer(send, 200, headers, body)

    def _sign(self, user: str) -> str:
        now = int(time.time())
        access = [{"type": "repository", "name": HOT, "actions": ["pull"]}]
        claims = {"sub": user, "iat": now, "exp": now + 4500, "access": access}
        content = b".".join(
            base64.urlsafe_b64encode(msgspec.json.encode(part)).rstrip(b"=")
            for part in ({"alg": "ES256", "typ": "JWT"}, claims)
        )
        r, s = decode_dss_signature(self._key.sign(content, ec.ECDSA(hashes.SHA256())))
        signature = base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return (content + b"." + signature.rstrip(b"=")).decode()


def _hash(password: str) -> str:
    return hmac.digest(PEPPER, password.encode(), "sha256").hex()


async def _live(receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def _answer(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
