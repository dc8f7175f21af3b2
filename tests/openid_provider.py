"""An OpenID provider for tests: real HTTP, real keys, and every fault."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from tests.servers import QuietServer, serving

AUDIENCE = "registry.test:5000"
Key = ECKey | RSAKey


def make_key(kid: str, kind: str = "EC") -> Key:
    """A private key with an id."""
    if kind == "EC":
        return ECKey.generate_key("P-256", {"kid": kid})
    return RSAKey.generate_key(2048, {"kid": kid})


def sign(
    claims: dict[str, Any], key: Key, header: dict[str, Any] | None = None, algorithm: str = ""
) -> str:
    """A token with these claims, and these members in the header besides the usual ones."""
    algorithm = algorithm or ("ES256" if isinstance(key, ECKey) else "RS256")
    full = {"alg": algorithm, "typ": "JWT", "kid": key.kid, **(header or {})}
    full = {name: value for name, value in full.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=[full["alg"]], strict_check_header=False)
    return jws.serialize_compact(full, json.dumps(claims).encode(), key, registry=registry)


class Provider:
    """The provider: it publishes `keys` and signs with the last; the other fields are faults."""

    def __init__(self, url: str) -> None:
        self.issuer = url
        self.keys: list[Key] = [make_key("first")]
        self.requests: list[str] = []
        self.traces: list[str] = []  # the traceparent of each request, if it had one
        self.forms: list[dict[str, str]] = []  # that were posted, with their Authorization
        self.headers: dict[str, str] = {}
        self.bodies: dict[str, bytes] = {}
        self.discovered: dict[str, object] = {}
        self.status = 200
        self.asked, self.answering = threading.Event(), threading.Event()
        self.answering.set()

    def rotate(self, kid: str) -> None:
        """Sign with a new key; the old ones stay published."""
        self.keys.append(make_key(kid))

    def token(self, now: datetime | None = None, /, **claims: Any) -> str:
        """A valid token with these claims; a claim that is None is left out."""
        issued_at = int(now.timestamp() if now else time.time())
        written = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "repo:org/app:ref:refs/heads/main",
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at + 300,
            "repository": "org/app",
            "repository_owner": "org",
            "ref": "refs/heads/main",
            **claims,
        }
        present = {name: value for name, value in written.items() if value is not None}
        return sign(present, self.keys[-1])

    def document(self, path: str) -> bytes:
        """The document at a path."""
        if path in self.bodies:
            return self.bodies[path]
        if path.endswith("/.well-known/openid-configuration"):
            keys = f"{self.issuer}/keys"
            return json.dumps({"issuer": self.issuer, "jwks_uri": keys, **self.discovered}).encode()
        return json.dumps({"keys": [key.as_dict(private=False) for key in self.keys]}).encode()


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        """Answer as the provider is configured."""
        provider = self.provider
        provider.requests.append(self.path)
        provider.traces += self.headers.get_all("traceparent", [])
        provider.asked.set()
        provider.answering.wait(30)
        body = provider.document(self.path)
        try:
            self.send_response(provider.status)
            for name, value in {"Content-Length": str(len(body)), **provider.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the client has gone
            self.close_connection = True

    def do_POST(self) -> None:
        """Keep the form, and answer as to a GET: the answer is prepared in `bodies`."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = dict(parse_qsl(body.decode()))
        self.provider.forms.append({"": self.headers.get("Authorization", ""), **form})
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def provider(port: int = 0) -> Iterator[Provider]:
    """A provider that answers until the block ends."""

    class Handler(_Handler):
        """The handler of this provider."""

    server = QuietServer(("127.0.0.1", port), Handler)
    Handler.provider = Provider(f"http://127.0.0.1:{server.server_address[1]}")
    with server, serving(server):
        try:
            yield Handler.provider
        finally:
            Handler.provider.answering.set()


def published(keys: Sequence[Key]) -> list[dict[str, Any]]:
    """The public halves of the keys."""
    return [dict(key.as_dict(private=False)) for key in keys]
