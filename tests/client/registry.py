"""A small registry with tokens, on a socket, that records its requests."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests import servers

Answered = tuple[int, dict[str, str], bytes]

MANIFEST = b'{"schemaVersion":2}'

# What alice may present besides her password.
REFRESH_TOKEN = "refresh-alice"
SUBJECT_TOKEN = "outside-alice"
CREDENTIALS = {"alice": "wonderland", "00000000-0000-0000-0000-000000000000": REFRESH_TOKEN}


@dataclass
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    authorization: str | None
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The fields of its body."""
        return dict(parse_qsl(self.body.decode(), strict_parsing=True))


@dataclass
class FakeRegistry:
    """Tokens are their own scopes in hexadecimal, so that each can be decoded."""

    url: str = ""
    has_refresh_tokens: bool = True
    asked: list[Asked] = field(default_factory=list)
    # Answers that a test defines, by path.
    answers: dict[str, Callable[[Asked], Answered]] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Its name and port."""
        return self.url.partition("://")[2]

    @property
    def steps(self) -> list[tuple[str, str]]:
        """The path and the authentication scheme of each request."""
        return [
            (urlsplit(asked.path).path, (asked.authorization or "-").split()[0])
            for asked in self.asked
        ]

    def answer(self, asked: Asked) -> Answered:
        """The answer to a request."""
        self.asked.append(asked)
        path = urlsplit(asked.path).path
        if path in self.answers:
            return self.answers[path](asked)
        if path == "/oauth2/token":
            return self._token(asked) if asked.method == "GET" else self._grant(asked)
        if path == "/oauth2/exchange":
            return self._exchange(asked)
        if not path.startswith("/v2/"):
            return 404, {}, b""
        return self._protected(asked, path)

    def challenge(self, scope: str, error: str = "") -> Answered:
        """A 401 that requires a token for this scope."""
        text = f'Bearer realm="{self.url}/oauth2/token",service="{self.host}"'
        text += f',scope="{scope}"' if scope else ""
        text += f',error="{error}"' if error else ""
        body = b'{"errors":[{"code":"UNAUTHORIZED"}]}\n'
        return 401, {"WWW-Authenticate": text, "Content-Type": "application/json"}, body

    def _protected(self, asked: Asked, path: str) -> Answered:
        parts = path.split("/")
        scope = f"repository:{parts[2]}:pull" if parts[2] else ""
        if asked.authorization is None:
            return self.challenge(scope)
        held = bytes.fromhex(asked.authorization.removeprefix("Bearer ")).decode().split()
        if scope and scope not in held:
            return self.challenge(scope, "insufficient_scope")
        if asked.method != "GET":
            return 201, {}, asked.body
        if parts[-1] == "missing":
            return 404, {}, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}\n'
        return 200, {"Docker-Content-Digest": "sha256:0", "Content-Type": "text/x"}, MANIFEST

    def _token(self, asked: Asked) -> Answered:
        encoded = (asked.authorization or "").removeprefix("Basic ")
        name, _, password = base64.b64decode(encoded).decode().partition(":")
        if CREDENTIALS.get(name) != password:
            return self._wrong("password")
        query = parse_qs(urlsplit(asked.path).query)
        return self._issued(query.get("scope", []), is_offline="offline_token" in query)

    def _grant(self, asked: Asked) -> Answered:
        form = asked.form
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != REFRESH_TOKEN:
            return self._wrong("refresh token")
        if form["grant_type"] == "password" and CREDENTIALS[form["username"]] != form["password"]:
            return self._wrong("password")
        return self._issued(form.get("scope", "").split(), is_offline="access_type" in form)

    def _exchange(self, asked: Asked) -> Answered:
        if asked.form["access_token"] != SUBJECT_TOKEN:
            return self._wrong("subject token")
        return 200, {}, json.dumps({"refresh_token": REFRESH_TOKEN}).encode()

    def _issued(self, scopes: list[str], *, is_offline: bool) -> Answered:
        answer = {"access_token": (" ".join(scopes) or "-").encode().hex(), "expires_in": 300}
        if is_offline and self.has_refresh_tokens:
            answer["refresh_token"] = REFRESH_TOKEN
        return 200, {}, json.dumps(answer).encode()

    def _wrong(self, what: str) -> Answered:
        body = {"errors": [{"code": "UNAUTHORIZED", "message": f"wrong {what}"}]}
        return 401, {}, json.dumps(body).encode()


@contextmanager
def serving(registry: FakeRegistry) -> Iterator[FakeRegistry]:
    """Serve the registry on a free port of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            """Read one request, and answer it from the registry."""
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            self._send(*registry.answer(self._asked()))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name there
            """Log nothing."""

        def _asked(self) -> Asked:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return Asked(self.command, self.path, self.headers.get("Authorization"), body)

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.wfile.flush()

    with servers.QuietServer(("127.0.0.1", 0), Handler) as server, servers.serving(server):
        registry.url = f"http://127.0.0.1:{server.server_port}"
        yield registry
