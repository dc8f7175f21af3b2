"""Calls the ASGI application in process, in the registry's protocol."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from acrux.bootstrap.application import Registry
from acrux.domain.content.digest import Digest
from tests.images import Image

HOST = "registry.test:5000"
PEER = "192.0.2.7"


@dataclass
class Answer:
    """An HTTP response."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The one value of a header, or None if it is missing."""
        values = self.every(name)
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    def every(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key == name.lower()]

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the one error that the body holds."""
        (error,) = self.json["errors"]
        code: str = error["code"]
        return code

    @property
    def case(self) -> str:
        """The id under which a refusal can be explained."""
        return self.header("X-Acrux-Case") or ""

    @property
    def body_of_any_case(self) -> bytes:
        """The body without the case id. The rest must be equal in refusals that must look alike."""
        return self.body.replace(self.case.encode(), b"CASE") if self.case else self.body

    @property
    def digest(self) -> str:
        """The digest of the body."""
        return str(Digest.of(self.body))


class Caller:
    """A client of the registry; `authorization` goes with calls that do not bring their own."""

    def __init__(self, registry: Registry, username: str, password: str) -> None:
        self.registry = registry
        self.username = username
        self.password = password
        self.authorization: str | None = None

    async def call(  # noqa: PLR0913 -- a request has that many parts
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | str = "",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes | AsyncIterator[bytes] = b"",
        scheme: str = "http",
        peer: str = PEER,
    ) -> Answer:
        """Send one request and collect its answer."""
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
        names = {name.lower() for name, _ in pairs}
        if "host" not in names:
            pairs.append(("Host", HOST))
        if "authorization" not in names and self.authorization:
            pairs.append(("Authorization", self.authorization))
        if isinstance(body, bytes) and "content-length" not in names:
            pairs.append(("Content-Length", str(len(body))))
        path, _, inline = path.partition("?")
        rest = query if isinstance(query, str) else urlencode(query, doseq=True)
        text = "&".join(filter(None, (inline, rest)))
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": text.encode(),
            "scheme": scheme,
            "client": (peer, 40000),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
        }
        answer = Answer()
        await self.registry.app(scope, _receiver(body), _collector(answer))
        return answer

    async def token(self, *scopes: str, **query: str) -> Answer:
        """Ask for an access token with the user name and the password."""
        return await self.call(
            "GET",
            "/oauth2/token",
            query={"service": HOST, "scope": list(scopes), **query},
            headers={"Authorization": self.basic},
        )

    async def refresh_token(self) -> str:
        """A refresh token for the user name and the password."""
        form = {"grant_type": "password", "service": HOST, "access_type": "offline",
                "username": self.username, "password": self.password}  # fmt: skip
        answer = await self.call(
            "POST",
            "/oauth2/token",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
        )
        token: str = answer.json["refresh_token"]
        return token

    @property
    def basic(self) -> str:
        """The Basic authorization of this caller."""
        return basic(self.username, self.password)

    async def login(self, *scopes: str) -> "Caller":
        """A caller that holds an access token of these scopes."""
        answer = await self.token(*scopes)
        assert answer.status == 200, answer.body
        caller = Caller(self.registry, self.username, self.password)
        caller.authorization = f"Bearer {answer.json['access_token']}"
        return caller

    async def push_blob(self, repository: str, content: bytes) -> Answer:
        """Upload a blob in one request."""
        return await self.call(
            "POST",
            f"/v2/{repository}/blobs/uploads/",
            query={"digest": str(Digest.of(content))},
            body=content,
        )

    async def push(self, repository: str, reference: str, image: Image) -> Answer:
        """Push an image: its blobs, then its manifest."""
        for blob in image.blobs:
            answer = await self.push_blob(repository, blob)
            assert answer.status == 201, answer.body
        return await self.put_manifest(repository, reference, image.manifest, image.media_type)

    async def put_manifest(
        self, repository: str, reference: str, content: bytes, media_type: str
    ) -> Answer:
        """Push a manifest."""
        return await self.call(
            "PUT",
            f"/v2/{repository}/manifests/{reference}",
            headers={"Content-Type": media_type},
            body=content,
        )

    async def pull(self, repository: str, reference: str, accept: str = "*/*") -> Answer:
        """Get a manifest."""
        return await self.call(
            "GET", f"/v2/{repository}/manifests/{reference}", headers={"Accept": accept}
        )


def basic(username: str, password: str) -> str:
    """A Basic authorization (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _receiver(body: bytes | AsyncIterator[bytes]) -> Any:
    messages = _messages(body)

    async def receive() -> dict[str, Any]:
        return await anext(messages)

    return receive


async def _messages(body: bytes | AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    # A body ends when its iterator is exhausted. An iterator that raises EOFError cuts it off.
    if isinstance(body, bytes):
        yield {"type": "http.request", "body": body, "more_body": False}
    else:
        try:
            async for chunk in body:
                yield {"type": "http.request", "body": chunk, "more_body": True}
            yield {"type": "http.request", "body": b"", "more_body": False}
        except EOFError:
            yield {"type": "http.disconnect"}
    await asyncio.Event().wait()  # the client stays connected until it is answered


def _collector(answer: Answer) -> Any:
    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert answer.status == 0, "a second response began"
            answer.status = message["status"]
            answer.headers = [(name.decode(), value.decode()) for name, value in message["headers"]]
        else:
            answer.body += message.get("body", b"")

    return send
