"""The token flow without I/O, for httpx2, sync and async."""

import re
from collections.abc import AsyncGenerator, Collection, Generator
from datetime import UTC, datetime
from typing import Final, TypeVar

import httpx2

from acrux.client import challenge, grants, realm
from acrux.client.errors import BodyNotReplayable, TokenRefused
from acrux.client.grants import Clock
from acrux.client.login import Login, RefreshToken
from acrux.client.tokens import IssuedToken, TokenRequest, basic, limit
from acrux.domain.access.credential import Credential

Flow = Generator[httpx2.Request, httpx2.Response, None]

# What the registry requires: a token, or the credential itself.
Demand = TokenRequest | Credential

Key = TypeVar("Key")
Value = TypeVar("Value")

# Without a token, with one, and with one for more scopes. After that the caller gets the answer.
MAX_SENDS: Final = 3
MAX_CACHED: Final = 1000

# The answers that mean that a refresh token is no longer valid.
ENDED: Final = frozenset({400, 401})

# All requests below one of these collections need the same scope, separately for reads and writes.
_COLLECTION = re.compile(r"(/v2/.+/(?:manifests|blobs|tags|referrers)/).*")
_READING: Final = frozenset({"GET", "HEAD"})


def now() -> datetime:
    """The current time; a Clock."""
    return datetime.now(UTC)


class RegistryAuth(httpx2.Auth):
    """Authenticates requests to one registry with the tokens it asks for.

    `registry` is its URL, such as `https://registry.example.com`. Requests to any other origin, and
    requests that already have an Authorization header, are sent unchanged. `login` is a Credential,
    a RefreshToken, or a SubjectToken that is exchanged for one; without it, anonymous tokens are
    requested.

    It answers the challenge of a 401 (distribution, spec/auth/token.md). It caches each token until
    shortly before it expires, and sends it at once if the same scopes are needed again. It requests
    more scopes once if the registry says `insufficient_scope`. A 401 that it cannot resolve is
    returned like any other response. Raises RealmRefused if the challenge would send the credential
    to a host other than the registry's, unless that is in `allowed_realm_hosts` (`host` or
    `host:port`), or from https to http. Raises TokenRefused and TokenUnreadable if the realm gives
    no token.

    A body that can be read only once (a generator, a file) cannot be sent twice. If the registry
    asks for a token after such a body was sent, the token is fetched and cached, and
    BodyNotReplayable is raised: the same request succeeds when it is made again. Uploads do not
    have this problem, because the POST that begins one gets the token for the PATCH that follows.
    (Probing first would not help: the challenge of `/v2/` names no scope.)

    With `offline` a password is sent only once, to get a refresh token, which is used in its place
    afterwards. With `post` a password is first sent in a form, as containerd does. If the registry
    rotates a refresh token, the new one replaces the old one. If a refresh token is no longer
    valid, the login that it was obtained with is used again.

    It may be shared between threads and tasks. If two need the same token at once, both may fetch
    it.
    """

    def __init__(
        self,
        registry: str,
        login: Login | None = None,
        *,
        allowed_realm_hosts: Collection[str] = (),
        offline: bool = False,
        post: bool = False,
        clock: Clock = now,
    ) -> None:
        self._origin = httpx2.URL(registry).origin
        self._login = login
        self._allowed_realm_hosts = allowed_realm_hosts
        self._offline = offline
        self._post = post
        self._clock = clock
        self._demands: dict[tuple[str, ...], Demand] = {}
        self._tokens: dict[TokenRequest, IssuedToken] = {}
        # Each only for the realm and the service that issued it.
        self._refresh_tokens: dict[tuple[httpx2.URL, str], RefreshToken] = {}

    def sync_auth_flow(self, request: httpx2.Request) -> Flow:
        """Drive `auth_flow`, reading the body of a token's answer and no other."""
        flow = self.auth_flow(request)
        step = next(flow)
        while True:
            response = yield step
            if step is not request:
                limit(response)
                response.read()
            try:
                step = flow.send(response)
            except StopIteration:
                return

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Drive `auth_flow`, reading the body of a token's answer and no other."""
        flow = self.auth_flow(request)
        step = next(flow)
        while True:
            response = yield step
            if step is not request:
                limit(response)
                await response.aread()
            try:
                step = flow.send(response)
            except StopIteration:
                return

    def auth_flow(self, request: httpx2.Request) -> Flow:
        """Yield `request` and any token requests. Answers to the latter must be read already."""
        if request.url.origin != self._origin or "Authorization" in request.headers:
            yield request
            return
        need = _need(request)
        demand = self._demands.get(need)
        for sent in range(MAX_SENDS):
            is_new = yield from self._authorize(request, demand)
            if sent and not _is_replayable(request):
                raise BodyNotReplayable(
                    f"{request.method} {request.url.path} needed a token, but its body was already "
                    "sent: make the request again, the token is now available"
                )
            response = yield request
            wanted = self._wanted(response, demand) if sent + 1 < MAX_SENDS else None
            if wanted is None or (is_new and wanted == demand):
                return
            self._cache_demand(need, wanted, refused=demand)
            demand = wanted

    def _authorize(
        self, request: httpx2.Request, demand: Demand | None
    ) -> Generator[httpx2.Request, httpx2.Response, bool]:
        """Meet the demand. Return whether the token is new, and so cannot be outdated."""
        if demand is None:
            return False
        if isinstance(demand, Credential):
            request.headers["Authorization"] = basic(demand)
            return True
        token = self._tokens.get(demand)
        is_new = token is None or token.usable_until <= self._clock()
        if token is None or is_new:
            token = yield from self._fetch(demand)
        request.headers["Authorization"] = token.header
        return is_new

    def _fetch(self, asked: TokenRequest) -> grants.Steps[IssuedToken]:
        place = (asked.realm, asked.service)
        token = yield from self._refreshed(asked, self._refresh_tokens.get(place))
        if token is None:
            token = yield from grants.obtain(
                asked, self._login, self._clock, offline=self._offline, post=self._post
            )
        if token.refresh_token is not None:
            _keep(self._refresh_tokens, place, token.refresh_token)
        _keep(self._tokens, asked, token)
        return token

    def _refreshed(
        self, asked: TokenRequest, held: RefreshToken | None
    ) -> grants.Steps[IssuedToken | None]:
        """A token for the refresh token, None if there is none or it is no longer valid."""
        if held is None:
            return None
        try:
            return (yield from grants.obtain(asked, held, self._clock))
        except TokenRefused as refused:
            if refused.status not in ENDED or held is self._login:
                raise
            self._refresh_tokens.pop((asked.realm, asked.service), None)
            return None

    def _wanted(self, response: httpx2.Response, held: Demand | None) -> Demand | None:
        """What a 401 demands, None if it is not a 401 or demands what we cannot give."""
        # A 401 from the target of a redirect is not the registry's: it gets no token or password.
        if response.status_code != 401 or response.url.origin != self._origin:
            return None
        asked = challenge.choose(challenge.parse(response.headers.get_list("WWW-Authenticate")))
        if asked is None:
            return None
        if asked.scheme == challenge.BASIC:
            return self._login if isinstance(self._login, Credential) else None
        place = realm.resolve(asked.get("realm"), response.url, self._allowed_realm_hosts)
        wanted = TokenRequest.answering(asked, place)
        if isinstance(held, TokenRequest) and asked.get("error") == "insufficient_scope":
            return wanted.widened(held.scopes)
        return wanted

    def _cache_demand(
        self, need: tuple[str, ...], wanted: Demand, *, refused: Demand | None
    ) -> None:
        _keep(self._demands, need, wanted)
        if isinstance(refused, TokenRequest):
            self._tokens.pop(refused, None)


def _need(request: httpx2.Request) -> tuple[str, ...]:
    """What requests that need the same scope have in common."""
    access = "read" if request.method in _READING else request.method
    access = "write" if access in ("POST", "PUT", "PATCH") else access
    match = _COLLECTION.fullmatch(request.url.path)
    # Mounting a blob also needs pull on its source (acr-protocol.md §1.1).
    return access, match[1] if match else request.url.path, request.url.params.get("from", "")


def _is_replayable(request: httpx2.Request) -> bool:
    return isinstance(request.stream, httpx2.ByteStream)


def _keep(cache: dict[Key, Value], key: Key, value: Value) -> None:
    """Cache the value; of all values the newest MAX_CACHED are kept."""
    cache.pop(key, None)
    cache[key] = value
    if len(cache) > MAX_CACHED:
        cache.pop(next(iter(cache)), None)
