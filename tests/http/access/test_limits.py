"""Limits over HTTP: what counts for whom, and what the answer says."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acrux.bootstrap.application import Registry, build
from acrux.domain.access.limits import Operation
from acrux.domain.audit.decision import Search
from acrux.domain.content.digest import Digest
from acrux.errors import StorageUnavailable, UnknownManifest
from acrux.http.messages import Response
from acrux.settings import Settings
from tests.http.caller import HOST, PEER, Answer, Caller
from tests.http.conftest import HandClock
from tests.images import image

APP = image(b"layer")
MANIFEST = "/v2/app/manifests/v1"
TAGS = "/v2/app/tags/list"
UPLOADS = "/v2/app/blobs/uploads/"
ELSEWHERE, PROXY = "203.0.113.7", "198.51.100.9"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Few requests a minute: the next one is allowed only after seconds."""
    return settings.replace(
        account_limits=("read=4", "write=5", "delete=2", "referrers=2", "token=6"),
        anonymous_limits=("read=3", "token=2"),
        concurrent_uploads=1,
    )


async def robot(registry: Registry, name: str = "robot-one") -> Caller:
    """A caller with an account of its own that may do everything to repositories."""
    created = await registry.services.accounts.create(name, "_repositories_admin")
    assert created.passwords[0].value is not None
    return Caller(registry, name, created.passwords[0].value.reveal())


async def statuses(
    caller: Caller, path: str, times: int, method: str = "GET", peer: str = PEER
) -> list[int]:
    """The statuses of so many requests, one after another."""
    return [(await caller.call(method, path, peer=peer)).status for _ in range(times)]


async def anonymous(registry: Registry, stranger: Caller, peer: str) -> Answer:
    """The answer to a request for a token without a credential."""
    await registry.services.accounts.let_anonymous("_repositories_pull_metadata_read")
    query = {"service": HOST, "scope": "repository:app:pull,metadata_read"}
    return await stranger.call("GET", "/oauth2/token", query=query, peer=peer)


def expected(path: str, method: str) -> Operation | None:
    """What a request counts as, read naively from acr-protocol.md §5.10 and our own exceptions."""
    if path.endswith("{upload}") or not path.startswith(("/v2/", "/acr/")) or path == "/v2/":
        return None
    if "/referrers/" in path:
        return Operation.REFERRERS
    return {"GET": Operation.READ, "DELETE": Operation.DELETE}.get(method, Operation.WRITE)


def test_every_endpoint_counts_as_acr_counts_it(registry: Registry) -> None:
    """One that does not count lets a caller past its limit; a probe that does fails."""
    for row in registry.rows:
        for method, endpoint in row.methods.items():
            assert endpoint.counts == expected(row.path, method), (method, row.path)


async def test_the_request_beyond_the_limit_is_429_in_the_form_of_the_protocol(
    registry: Registry, stranger: Caller
) -> None:
    """Clients look for the code, and for how long to wait."""
    caller = await (await robot(registry)).login("repository:app:*")
    answers = [await caller.call("GET", TAGS) for _ in range(5)]

    assert [answer.status for answer in answers] == [404] * 4 + [429]
    assert answers[-1].code == "TOOMANYREQUESTS"
    assert 1 <= int(answers[-1].header("Retry-After") or "") <= 15
    assert answers[-1].header("Content-Type") == "application/json; charset=utf-8"


async def test_each_kind_of_request_has_a_limit_of_its_own(
    registry: Registry, stranger: Caller
) -> None:
    """A pipeline that has read too much must still be able to push what it built."""
    caller = await (await robot(registry)).login("repository:app:*")
    await statuses(caller, TAGS, 6)
    pushed = await caller.push("app", "v1", APP)

    assert pushed.status == 201
    assert await statuses(caller, MANIFEST, 4, "DELETE") == [202, 404, 429, 429]


async def test_referrers_count_as_reads_too(registry: Registry, stranger: Caller) -> None:
    """As at ACR."""
    caller = await (await robot(registry)).login("repository:app:*")
    path = f"/v2/app/referrers/{APP.digest}"

    assert (await statuses(caller, path, 3))[-1] == 429
    assert await statuses(caller, TAGS, 3) == [404, 404, 429]


async def test_the_challenge_that_every_client_gets_is_not_counted(
    registry: Registry, stranger: Caller
) -> None:
    """Every pull begins with it: the limit would be half of what it says (acr#821)."""
    one = await robot(registry)
    assert await statuses(one, TAGS, 10) == [401] * 10
    wrong = await one.login("repository:other:pull")
    assert await statuses(wrong, TAGS, 10) == [401] * 10
    assert (await anonymous(registry, stranger, "192.0.2.7")).status == 200

    assert await statuses(await one.login("repository:app:*"), TAGS, 4) == [404] * 4


async def test_what_continues_an_upload_is_not_counted(
    registry: Registry, stranger: Caller
) -> None:
    """One client sends a layer in a thousand chunks, another in one: both push the same."""
    caller = await (await robot(registry)).login("repository:app:*")
    location = (await caller.call("POST", UPLOADS)).header("Location") or ""
    for _ in range(12):
        answer = await caller.call("PATCH", location, body=b"chunk")
        location = answer.header("Location") or ""
        assert answer.status == 202
        assert (await caller.call("GET", location)).status == 204
    digest = str(Digest.of(b"chunk" * 12))

    assert (await caller.call("PUT", location, query={"digest": digest})).status == 201
    again = [(await caller.call("POST", UPLOADS)) for _ in range(5)]
    assert [answer.status for answer in again] == [202] * 4 + [429]
    cancelled = await caller.call("DELETE", again[0].header("Location") or "")
    assert cancelled.status == 204


async def test_a_noisy_account_stops_nobody_behind_the_same_address(
    registry: Registry, stranger: Caller
) -> None:
    """A whole office, or a whole cluster, has one address."""
    noisy = await (await robot(registry, "robot-one")).login("repository:app:*")
    quiet = await (await robot(registry, "robot-two")).login("repository:app:*")
    await statuses(noisy, TAGS, 10)

    assert await statuses(quiet, TAGS, 4) == [404] * 4
    assert (await statuses(noisy, TAGS, 1, peer=ELSEWHERE)) == [429]


async def test_the_passwords_of_an_account_share_its_limit(
    registry: Registry, stranger: Caller
) -> None:
    """Two passwords would be twice the budget (acr-protocol.md §5.10)."""
    password = (await registry.services.accounts.renew_password("acrux", "password2")).passwords
    second = next(one.value for one in password if one.name == "password2")
    assert second is not None
    callers = [stranger, Caller(registry, "acrux", second.reveal())]
    for caller in callers:
        caller.authorization = caller.basic

    told = [await statuses(caller, TAGS, 2) for caller in callers for _ in range(2)]

    assert told == [[404, 404], [404, 404], [429, 429], [429, 429]]


async def test_callers_without_an_account_are_counted_by_address_behind_trusted_proxies_too(
    registry: Registry, stranger: Caller
) -> None:
    """All clients behind a proxy would be one, or any client could choose a new address."""
    token = (await anonymous(registry, stranger, ELSEWHERE)).json["access_token"]
    stranger.authorization = f"Bearer {token}"

    async def read(peer: str, *forwarded: str) -> int:
        headers = [("X-Forwarded-For", one) for one in forwarded]
        return (await stranger.call("GET", TAGS, headers=headers, peer=peer)).status

    assert [await read(ELSEWHERE) for _ in range(4)] == [404, 404, 404, 429]
    assert await read("192.0.2.99") == 404
    assert await read(PROXY, ELSEWHERE) == 429
    assert [await read(PROXY, "192.0.2.50") for _ in range(4)] == [404, 404, 404, 429]
    assert await read("192.0.2.60", "192.0.2.61") == 404
    assert [await read("192.0.2.60", f"192.0.2.{n}") for n in range(3)] == [404, 404, 429]


async def test_tokens_are_limited_for_those_who_proved_who_they_are(
    registry: Registry, stranger: Caller
) -> None:
    """Anybody could lock an account out by asking for tokens in its name."""
    caller = await robot(registry)
    liar = Caller(registry, caller.username, "wrong")
    told = [(await liar.token()).status for _ in range(4)]
    assert told == [401] * 4
    refresh = await caller.refresh_token()
    for _ in range(5):
        answer = await caller.token("repository:app:pull")
        assert answer.status == 200
    refused = await caller.token("repository:app:pull")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = f"grant_type=refresh_token&service={HOST}&refresh_token={refresh}".encode()
    others = [
        await caller.call("POST", path, headers=form, body=body)
        for path in ("/oauth2/token", "/oauth2/exchange")
    ]

    for answer in (refused, *others):
        assert (answer.status, answer.code) == (429, "TOOMANYREQUESTS")
        assert int(answer.header("Retry-After") or "") <= 10


async def test_tokens_without_an_account_are_limited_by_address(
    registry: Registry, stranger: Caller
) -> None:
    """A crawler would keep the signer busy."""
    told = [(await anonymous(registry, stranger, ELSEWHERE)).status for _ in range(3)]

    assert told == [200, 200, 429]
    assert (await anonymous(registry, stranger, "192.0.2.99")).status == 200


async def test_probes_and_management_are_never_limited(
    registry: Registry, stranger: Caller
) -> None:
    """A limit must neither fail a probe nor lock out whoever could raise it."""
    stranger.authorization = stranger.basic
    assert (await statuses(stranger, TAGS, 5))[-1] == 429
    assert 429 in [(await stranger.token()).status for _ in range(7)]

    for path in ("/livez", "/readyz", "/v2/", "/management/v1/tokens"):
        assert await statuses(stranger, path, 10) == [200] * 10


@pytest.mark.parametrize(
    ("failure", "is_counted"),
    [(StorageUnavailable("the disk"), False), (ValueError("a bug"), False),
     (UnknownManifest(), True)],
)  # fmt: skip
async def test_what_the_registry_fails_at_is_not_counted(
    registry: Registry, stranger: Caller, failure: Exception, is_counted: bool
) -> None:
    """A failing disk would use up everybody's budget, and go on failing after its repair."""
    caller = await (await robot(registry)).login("repository:app:*")

    async def fail(*_: object) -> Response:
        raise failure

    registry.services.manifests.get = fail  # type: ignore[assignment,method-assign]
    found = await statuses(caller, MANIFEST, 10)

    assert (429 in found) == is_counted


async def test_an_upload_beyond_those_at_the_same_time_waits(
    registry: Registry, stranger: Caller
) -> None:
    """One pipeline would leave the disk to nobody else."""
    caller = await (await robot(registry)).login("repository:app:*")
    other = await (await robot(registry, "robot-two")).login("repository:app:*")
    going_on = asyncio.Event()
    sending = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"a"
        sending.set()
        await going_on.wait()
        yield b"b"

    async def put(digest: bytes, body: AsyncIterator[bytes] | bytes, caller: Caller) -> Answer:
        query = {"digest": str(Digest.of(digest))}
        return await caller.call("POST", UPLOADS, query=query, body=body)

    first = asyncio.create_task(put(b"ab", slow(), caller))
    await sending.wait()
    refused = await put(b"c", b"c", caller)
    started = await caller.call("POST", UPLOADS)  # it sends nothing
    of_other = await put(b"d", b"d", other)
    going_on.set()

    assert (refused.status, refused.header("Retry-After")) == (429, "5")
    assert started.status == 202
    assert of_other.status == 201
    assert (await first).status == 201
    assert (await put(b"c", b"c", caller)).status == 201


async def test_the_refusal_is_explained_and_recorded_once_a_minute(
    registry: Registry, stranger: Caller, clock: HandClock
) -> None:
    """A client in a loop would push everything else out of the audit log."""
    caller = await (await robot(registry)).login("repository:app:*")
    answers = [await caller.call("GET", TAGS) for _ in range(30)]
    cases = {answer.case for answer in answers if answer.status == 429}
    clock.forward(minutes=2)
    cases_later = {(await caller.call("GET", TAGS)).case for _ in range(2)}
    await registry.services.audit_log.flush()
    found = await registry.services.audit_log.search(Search(account="robot-one"))
    refused = [one.decision for one in found if one.decision.status == 429]
    told = await registry.services.explanations.explain(cases.copy().pop())

    assert (len(cases), len(cases_later)) == (1, 1)
    assert cases != cases_later
    assert len(refused) == 2
    assert (told.reason, told.account, told.status) == ("limit-reached", "robot-one", 429)
    assert told.why.startswith(
        "The setting account_limits allows read=4 requests a minute to robot-one"
    )
    assert "It could go on at 2026-11-21T12:00:1" in told.why


async def test_the_refusal_of_a_caller_without_an_account_names_its_address(
    registry: Registry, stranger: Caller
) -> None:
    """The operator asks who it was."""
    answers = [await anonymous(registry, stranger, ELSEWHERE) for _ in range(3)]
    await registry.services.audit_log.flush()
    told = await registry.services.explanations.explain(answers[-1].case)

    assert told.account == "(anonymous)"
    assert f"to callers without an account at {ELSEWHERE}" in told.why


def test_without_limits_no_handler_is_wrapped(settings: Settings, tmp_path: Path) -> None:
    """What is off must cost nothing: a pull of a manifest takes a tenth of a millisecond."""
    unlimited = build(Settings(data_dir=tmp_path / "unlimited"))
    handlers = {
        endpoint.handler.__qualname__
        for row in unlimited.rows
        for endpoint in row.methods.values()
        if endpoint.counts
    }

    assert handlers
    assert all("Handlers." in name for name in handlers)
