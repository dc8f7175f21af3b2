"""Plays a registry's answers to the flow without any I/O."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import httpx2

from acrux.client.auth import RegistryAuth
from acrux.client.forms import Form
from acrux.client.login import Login
from acrux.domain.access.credential import Credential, Secret

REGISTRY = "https://registry.example.com"
MANIFEST = f"{REGISTRY}/v2/hello-world/manifests/latest"
ALICE = Credential("alice", Secret("wonderland"))
BASIC = "Basic " + base64.b64encode(b"alice:wonderland").decode()
PULL = "repository:hello-world:pull"
PUSH = "repository:hello-world:pull,push"

Answer = Callable[[httpx2.Request], httpx2.Response]


@dataclass
class HandClock:
    """A clock that is moved by hand."""

    time: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.time

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Sent:
    """A request as it was sent."""

    url: httpx2.URL
    authorization: str | None
    method: str
    form: dict[str, str]

    @property
    def scopes(self) -> list[str]:
        """The scopes that it requests."""
        return self.url.params.get_list("scope")


def ok(request: httpx2.Request) -> httpx2.Response:
    """The answer to an accepted request."""
    return httpx2.Response(200, request=request)


def header(value: str) -> Answer:
    """A 401 with this WWW-Authenticate header."""
    return lambda request: httpx2.Response(
        401, headers={"WWW-Authenticate": value}, request=request
    )


def asks(scope: str = PULL, error: str = "", realm: str = f"{REGISTRY}/oauth2/token") -> Answer:
    """A 401 with a Bearer challenge."""
    text = f'Bearer realm="{realm}",service="registry.example.com"'
    text += f',scope="{scope}"' if scope else ""
    return header(text + (f',error="{error}"' if error else ""))


def issues(token: str, **more: object) -> Answer:
    """An answer with a token."""
    return body(200, json.dumps({"access_token": token, **more}).encode())


def body(status: int, content: bytes) -> Answer:
    """Any answer."""
    return lambda request: httpx2.Response(status, content=content, request=request)


def play(auth: RegistryAuth, request: httpx2.Request | str, *answers: Answer) -> list[Sent]:
    """Give the flow all of these answers, and return what it sent."""
    if isinstance(request, str):
        request = httpx2.Request("GET", request)
    sent = []
    flow = auth.auth_flow(request)
    step = next(flow)
    for number, answer in enumerate(answers, 1):
        sent.append(Sent(step.url, step.headers.get("Authorization"), step.method, form_of(step)))
        try:
            step = flow.send(answer(step))
        except StopIteration:
            assert number == len(answers), "the flow ended before all answers were given"
            return sent
    raise AssertionError(f"the flow goes on with {step.method} {step.url}")


def form_of(request: httpx2.Request) -> dict[str, str]:
    """The form in the body of a request, empty if it has none."""
    if not isinstance(request.stream, Form):
        return {}
    return dict(parse_qsl(b"".join(request.stream).decode(), strict_parsing=True))


def auth_of(login: Login | None = ALICE, **options: object) -> RegistryAuth:
    """The flow under test."""
    return RegistryAuth(REGISTRY, login, **options)  # type: ignore[arg-type]  # of any parameter
