"""OpenID issuers over real HTTP: rotation, outage, and every mischief of a provider."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from acrux.adapters.openid import discovery
from acrux.adapters.openid.discovery import MAX_DOCUMENT_BYTES, fetch_keys
from acrux.adapters.openid.issuers import FRESH, KEPT, MAX_ISSUERS, PAUSE, OpenIdIssuers
from acrux.adapters.openid.subject_tokens import PublicKey
from acrux.errors import InvalidToken, IssuerUnavailable
from tests.http.conftest import HandClock
from tests.openid_provider import Provider, make_key, provider, published

DISCOVERY = "/.well-known/openid-configuration"
LITTLE = timedelta(seconds=1)


@pytest.fixture
def issuer() -> Iterator[Provider]:
    """A provider that answers."""
    with provider() as issuer:
        yield issuer


@pytest.fixture
def clock() -> HandClock:
    """Noon, until a test moves it."""
    return HandClock()


@pytest.fixture
def issuers(clock: HandClock) -> OpenIdIssuers:
    """Issuers of which nothing is known yet."""
    return OpenIdIssuers(clock)


async def reads(issuers: OpenIdIssuers, issuer: Provider, token: str | None = None) -> bool:
    """Whether a token of the issuer is read; False where its keys are not to be had."""
    try:
        claims = await issuers.read(token or issuer.token(), issuer.issuer)
    except IssuerUnavailable:
        return False
    return claims["iss"] == issuer.issuer


async def test_the_keys_of_an_issuer_are_fetched_once(
    issuers: OpenIdIssuers, issuer: Provider
) -> None:
    """Every exchange would otherwise wait for two requests."""
    for _ in range(5):
        assert await reads(issuers, issuer)

    assert issuer.requests == [DISCOVERY, "/keys"]


async def test_a_new_key_is_fetched_when_a_token_names_it(
    issuers: OpenIdIssuers, issuer: Provider, clock: HandClock
) -> None:
    """Providers rotate without asking."""
    assert await reads(issuers, issuer)
    old = issuer.token()
    issuer.rotate("second")
    clock.now += PAUSE

    assert await reads(issuers, issuer)
    assert await reads(issuers, issuer, old)
    assert len(issuer.requests) == 4


async def test_unknown_keys_make_the_registry_ask_at_a_bounded_rate(
    issuers: OpenIdIssuers, issuer: Provider, clock: HandClock
) -> None:
    """Anybody can invent a kid."""
    assert await reads(issuers, issuer)
    clock.now += PAUSE
    stranger = Provider(issuer.issuer)
    stranger.keys = [make_key("invented")]
    for _ in range(5):
        with pytest.raises(InvalidToken, match="invented"):
            await reads(issuers, stranger)

    assert len(issuer.requests) == 4


async def test_a_key_that_was_taken_back_counts_no_longer_than_it_is_fresh(
    issuers: OpenIdIssuers, issuer: Provider, clock: HandClock
) -> None:
    """A stolen key must end."""
    assert await reads(issuers, issuer)
    stolen = issuer.token()
    issuer.keys = [make_key("second")]
    clock.now += FRESH

    with pytest.raises(InvalidToken):
        await reads(issuers, issuer, stolen)


async def test_known_keys_bridge_an_outage_for_a_while(
    issuers: OpenIdIssuers, issuer: Provider, clock: HandClock
) -> None:
    """A provider that is down for minutes must not stop every build."""
    assert await reads(issuers, issuer)
    issuer.status = 503
    clock.now += KEPT - LITTLE
    late = await reads(issuers, issuer)
    clock.now += LITTLE
    too_late = await reads(issuers, issuer)
    issuer.status = 200
    too_soon = await reads(issuers, issuer)
    clock.now += PAUSE
    back = await reads(issuers, issuer)

    assert (late, too_late, too_soon, back) == (True, False, False, True)


async def test_a_clock_that_was_put_back_makes_no_key_last_longer(
    issuers: OpenIdIssuers, issuer: Provider, clock: HandClock
) -> None:
    """Virtual machines wake up in the past."""
    assert await reads(issuers, issuer)
    clock.now -= timedelta(days=1)
    issuer.keys = [make_key("second")]

    assert await reads(issuers, issuer)


async def test_those_who_wait_for_the_same_issuer_share_one_request(
    issuers: OpenIdIssuers, issuer: Provider
) -> None:
    """And one of them who gives up leaves the others their answer."""
    issuer.answering.clear()
    waiting = [asyncio.ensure_future(reads(issuers, issuer)) for _ in range(10)]
    await asyncio.to_thread(issuer.asked.wait)
    waiting[0].cancel()
    issuer.answering.set()
    answers = await asyncio.gather(*waiting[1:])

    assert all(answers)
    assert len(issuer.requests) == 2


async def test_a_token_of_another_issuer_is_refused_before_anybody_is_asked(
    issuers: OpenIdIssuers, issuer: Provider
) -> None:
    """A token of one trusted issuer must not pass for one of another."""
    for said in ("https://evil.test", f"{issuer.issuer}/", issuer.issuer.upper(), None):
        with pytest.raises(InvalidToken):
            await issuers.read(issuer.token(iss=said), issuer.issuer)

    assert issuer.requests == []


@pytest.mark.parametrize(
    ("mischief", "said"),
    [
        ({"discovered": {"issuer": "https://evil.test"}}, "another issuer"),
        ({"discovered": {"issuer": None}}, "another issuer"),
        ({"discovered": {"jwks_uri": "http://evil.test/keys"}}, "https"),
        ({"discovered": {"jwks_uri": "file:///etc/passwd"}}, "address"),
        ({"discovered": {"jwks_uri": "https://[bad"}}, "address"),
        ({"discovered": {"jwks_uri": 7}}, "address"),
        ({"discovered": {"jwks_uri": "https://127.0.0.1:1/\ud800"}}, "address"),
        ({"discovered": {"jwks_uri": "http://127.0.0.1:1/keys"}}, "Connect"),
        ({"status": 404}, "404"),
        ({"status": 302, "headers": {"Location": "/elsewhere"}}, "302"),
        ({"headers": {"Content-Encoding": "gzip"}}, "200"),
        ({"bodies": {DISCOVERY: b"no JSON"}}, "JSON"),
        ({"bodies": {DISCOVERY: b"[" * 10_000}}, "JSON"),
        ({"bodies": {"/keys": b"[]"}}, "JSON"),
        ({"bodies": {"/keys": b'{"keys":[]}'}}, "no usable key"),
        ({"bodies": {"/keys": b" " * (MAX_DOCUMENT_BYTES + 1)}}, "longer"),
        ({"bodies": {DISCOVERY: b" " * (MAX_DOCUMENT_BYTES + 1)}}, "longer"),
    ],
)
async def test_a_provider_that_misbehaves_is_unavailable(
    issuer: Provider, mischief: dict[str, object], said: str
) -> None:
    """Each with its own reason, and nothing is taken from it."""
    for name, value in mischief.items():
        setattr(issuer, name, value)

    with pytest.raises(IssuerUnavailable) as refused:
        await fetch_keys(issuer.issuer)

    assert said in refused.value.message
    assert "/elsewhere" not in issuer.requests


async def test_a_provider_that_is_gone_or_silent_is_unavailable(
    issuer: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it for ever."""
    monkeypatch.setattr(discovery, "TIMEOUT", timedelta(milliseconds=50))
    issuer.answering.clear()
    with pytest.raises(IssuerUnavailable, match="in time"):
        await fetch_keys(issuer.issuer)
    issuer.answering.set()
    monkeypatch.undo()

    with pytest.raises(IssuerUnavailable, match="Connect"):
        await fetch_keys("http://127.0.0.1:1")


async def test_certificates_that_cannot_be_read_are_told(
    issuer: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A typo in SSL_CERT_FILE must not look like a fault of the registry."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/bundle.pem")

    with pytest.raises(IssuerUnavailable, match="certificates"):
        await fetch_keys(issuer.issuer)


async def test_keys_elsewhere_are_fetched_over_https_only(issuer: Provider) -> None:
    """The name of an issuer on this machine lets no other machine speak in the clear."""
    issuer.discovered = {"jwks_uri": "http://192.0.2.1/keys"}

    with pytest.raises(IssuerUnavailable, match="https"):
        await fetch_keys(issuer.issuer)


async def test_an_issuer_may_have_a_path(issuer: Provider) -> None:
    """Entra ID, GitHub Enterprise and Keycloak do."""
    keys = json.dumps({"keys": published(issuer.keys)}).encode()
    path = f"{issuer.issuer}/realms/ci"
    document = {"issuer": f"{path}/", "jwks_uri": f"{path}/keys"}
    issuer.bodies = {
        f"/realms/ci{DISCOVERY}": json.dumps(document).encode(), "/realms/ci/keys": keys,
    }  # fmt: skip

    found = await fetch_keys(f"{path}/")

    assert [key.id for key in found] == ["first"]


async def test_no_more_issuers_are_cached_than_there_is_room_for(
    clock: HandClock, issuer: Provider
) -> None:
    """Whoever may make trusts would fill the memory with issuers."""
    asked: list[str] = []

    async def fetch(issuer: str) -> tuple[PublicKey, ...]:
        asked.append(issuer)
        return ()

    issuers = OpenIdIssuers(clock, fetch)
    for number in (*range(MAX_ISSUERS + 1), 0):
        token = issuer.token(iss=f"https://{number}.example")
        with pytest.raises(InvalidToken, match="publishes no key"):
            await issuers.read(token, f"https://{number}.example")

    assert asked[0] == asked[-1]
    assert len(asked) == MAX_ISSUERS + 2


async def test_a_failure_that_nobody_expected_is_not_hidden(clock: HandClock) -> None:
    """It is a fault of ours, and the next token tries again."""
    asked = []

    async def fetch(issuer: str) -> tuple[PublicKey, ...]:
        asked.append(issuer)
        raise ZeroDivisionError

    issuers = OpenIdIssuers(clock, fetch)
    token = Provider("https://issuer.test").token()

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await issuers.read(token, "https://issuer.test")
        clock.now += PAUSE

    assert len(asked) == 2
