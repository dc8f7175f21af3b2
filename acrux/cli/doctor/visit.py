"""A visit to a registry: who calls, and what the checks have learned."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import httpx2

from acrux.cli.caller.http_client import Tls
from acrux.cli.doctor import answers, proxies
from acrux.cli.doctor.answers import Answer
from acrux.client.auth import RegistryAuth
from acrux.client.challenge import Challenge
from acrux.client.login import Login
from acrux.client.tokens import TokenRequest
from acrux.domain.access.scope import (
    DELETE,
    METADATA_READ,
    METADATA_WRITE,
    PULL,
    PUSH,
    REPOSITORY,
    Scope,
)
from acrux.domain.content.digest import Digest
from acrux.domain.server.findings import skipped

# acr-protocol.md §7, `check-health --repository`
_ALL: Final = (PULL, PUSH, DELETE, METADATA_READ, METADATA_WRITE)

NO_LOGIN: Final = "no credentials: give -u USER, or log in with acrux login"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the options ask for.

    `repository` is empty if there is none to read. `is_ours` says that its name was made up.
    """

    repository: str
    tag: str
    is_ours: bool
    read_only: bool


@dataclass(frozen=True, slots=True)
class Artifact:
    """A manifest that a tag names, and a blob of it, if there is one."""

    tag: str
    media_type: str
    manifest: bytes
    blob: Digest | None

    @property
    def digest(self) -> Digest:
        """The manifest's digest."""
        return Digest.of(self.manifest)


@dataclass
class Visit:
    """A registry at `url`, which is that of its `/v2/`, and what is known of it so far."""

    url: httpx2.URL
    client: httpx2.Client
    tls: Tls
    login: Login | None
    allowed_realm_hosts: tuple[str, ...]
    plan: Plan
    post: bool = False  # whether a password is first sent in a form
    answer: Answer | None = None  # to GET /v2/ without credentials
    challenge: Challenge | None = None
    asked: TokenRequest | None = None
    anonymous: Answer | None = None  # the realm's answer without credentials
    anonymous_token: str = ""
    token: str = ""
    granted: frozenset[str] | None = None  # actions on the repository, None if not known
    is_logged_in: bool = False
    begun: Answer | None = None  # to an upload that was begun
    location: httpx2.URL | None = None
    layer: bytes = b""  # that was pushed
    artifact: Artifact | None = None
    blob: bytes = b""  # that was pulled

    @property
    def host(self) -> str:
        """The registry's host, and its port if it is not the usual one."""
        return self.url.netloc.decode("ascii")

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self.url.port or (443 if self.url.scheme == "https" else 80)

    @property
    def scopes(self) -> frozenset[Scope]:
        """What to ask for: all that `az acr check-health` does, or only pull; maybe nothing."""
        if not self.plan.repository:
            return frozenset()
        actions = {PULL} if self.plan.read_only else {*_ALL}
        return frozenset({Scope(REPOSITORY, self.plan.repository, frozenset(actions))})

    @cached_property
    def proxy(self) -> httpx2.URL | None:
        """The proxy that the environment names for this registry."""
        return proxies.find(self.url)

    @cached_property
    def auth(self) -> RegistryAuth:
        """What logs in for each request."""
        return RegistryAuth(
            str(self.url), self.login, allowed_realm_hosts=self.allowed_realm_hosts, post=self.post
        )

    def require(self, action: str) -> None:
        """Raise Ended unless the registry may allow the action on the repository."""
        if self.challenge is None:  # it asks for no login
            return
        if self.login is not None and not self.is_logged_in:
            raise skipped("needs the check 'token'")
        if self.login is None and not self.anonymous_token:
            raise skipped(NO_LOGIN)
        if self.granted is not None and action not in self.granted:
            raise skipped(f"{action} is not granted")

    def within(self, path: str) -> httpx2.URL:
        """The URL of a path below the repository."""
        return self.url.join(f"/v2/{self.plan.repository}/{path}")

    def call(
        self,
        method: str,
        url: httpx2.URL,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Send a request with the login, and follow redirections of reads. Raises Ended."""
        reads = method in ("GET", "HEAD")
        with self.reaching():
            return self._sent(
                self.client.build_request(method, url, headers=headers, content=content),
                auth=self.auth,
                follow_redirects=reads,
            )

    def ask(self, url: httpx2.URL, **headers: str) -> Answer:
        """GET without a login. Raises Ended."""
        with self.reaching():
            return self._sent(self.client.build_request("GET", url, headers=headers))

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Turn the failures of a call into Ended."""
        with answers.explained(is_direct=self.proxy is None):
            yield

    def _sent(self, request: httpx2.Request, **how: Any) -> Answer:
        response = self.client.send(request, stream=True, **how)
        try:
            return answers.read(response)
        finally:
            response.close()
