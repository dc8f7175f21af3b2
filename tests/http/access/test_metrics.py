"""What one worker counts, in process."""

from collections.abc import AsyncIterator

import pytest

from acrux.adapters.metrics.families import FAMILIES
from acrux.bootstrap.application import Registry, build
from acrux.domain.access.reason import Reason
from acrux.http.messages import UNMATCHED, Request, Response
from acrux.http.oauth2.handlers import GRANT_TYPES
from acrux.http.traffic import METHODS, OTHER, Traffic
from acrux.settings import Settings
from acrux.tally import BOUNDS
from tests.http.caller import Caller
from tests.http.conftest import HandClock, Lines
from tests.http.oauth2.token_requests import post
from tests.scrape import Page

PATH = "/metrics"


@pytest.fixture
async def scraper(stranger: Caller) -> Caller:
    """A caller with a token for the metrics."""
    return await stranger.login("registry:metrics:read")


async def page(scraper: Caller) -> Page:
    """The page as a scraper reads it."""
    answer = await scraper.call("GET", PATH)
    assert answer.status == 200, answer.body
    return Page.read(answer.body)


async def test_tokens_are_counted_by_the_grant_type_of_their_request(scraper: Caller) -> None:
    """Fleets that log in with passwords instead of refresh tokens show up here."""
    refresh_token = await scraper.refresh_token()
    await post(scraper, grant_type="refresh_token", refresh_token=refresh_token)
    await post(scraper, "/oauth2/exchange", grant_type="access_token", access_token=refresh_token)
    await post(scraper, grant_type="refresh_token", refresh_token="wrong")
    await scraper.token("registry:metrics:read")

    found = await page(scraper)

    issued = {name: found.sum("acrux_tokens_issued_total", grant_type=name) for name in GRANT_TYPES}
    assert issued == {
        "login": 2,
        "password": 1,
        "refresh_token": 1,
        "access_token": 1,
        "access_token_refresh_token": 0,
    }


async def test_refusals_are_counted_by_their_reason(scraper: Caller) -> None:
    """`wrong-password` that rises tells an attack or an expired secret of a whole fleet."""
    stranger = Caller(scraper.registry, "acrux", "wrong")
    for _ in range(3):
        await stranger.token()
    await scraper.call("GET", "/v2/_catalog")
    nobody = Caller(scraper.registry, "", "")
    await nobody.call("GET", "/v2/")

    found = await page(scraper)

    refused = {
        reason: found.sum("acrux_access_refused_total", reason=str(reason)) for reason in Reason
    }
    assert {reason: count for reason, count in refused.items() if count} == {
        Reason.WRONG_PASSWORD: 3,
        Reason.MISSING_SCOPE: 1,
        Reason.NO_CREDENTIAL: 1,
    }


async def test_a_scraper_may_ask_for_open_metrics(scraper: Caller) -> None:
    """Prometheus prefers them."""
    wanted = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"

    opened = await scraper.call("GET", PATH, headers={"Accept": wanted})
    plain = await scraper.call("GET", PATH, headers={"Accept": "text/plain"})

    assert (opened.header("Content-Type") or "").startswith("application/openmetrics-text")
    assert opened.body.endswith(b"# EOF\n")
    assert (plain.header("Content-Type") or "").startswith("text/plain")


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text;version=one",
        "application/openmetrics-text;version=9",
        ";;,",
        "",
    ],
)
async def test_whatever_a_scraper_accepts_it_gets_a_page(scraper: Caller, accept: str) -> None:
    """The library that writes the page fails at a version that is no number."""
    answer = await scraper.call("GET", PATH, headers={"Accept": accept})

    assert answer.status == 200


async def test_a_page_names_only_what_is_documented(scraper: Caller) -> None:
    """A label that callers choose would make new series without end."""
    await scraper.call("GET", "/no/such/path")
    await scraper.call("BREW", "/v2/")

    found = await page(scraper)

    templates = {row.path for row in scraper.registry.rows} | {UNMATCHED}
    assert found.values("acrux_http_requests_total", "route") <= templates
    assert found.values("acrux_http_requests_total", "method") <= METHODS | {OTHER}
    for sample in found.samples:
        family = FAMILIES.get(sample.name) or FAMILIES[sample.name.rpartition("_")[0]]
        assert set(sample.labels) - {"le"} == set(family.labels)


@pytest.fixture
async def elsewhere(settings: Settings, clock: HandClock, log: Lines) -> AsyncIterator[Registry]:
    """A registry whose metrics have a port of their own."""
    registry = build(settings.replace(metrics_listen="127.0.0.1:9095"), clock, log)
    await registry.lifespan.open()
    yield registry
    await registry.lifespan.close()


async def test_metrics_that_are_served_elsewhere_are_not_served_here(elsewhere: Registry) -> None:
    """One port is closed to the world, and the other is open."""
    answer = await Caller(elsewhere, "", "").call("GET", PATH)

    assert answer.status == 404


def _request(method: str) -> Request:
    scope = {"method": method, "path": "/", "headers": []}
    return Request(scope, None, "id", None)  # type: ignore[arg-type]


def test_a_duration_falls_into_the_first_bucket_that_it_does_not_exceed() -> None:
    """A bucket of Prometheus holds what is less than or equal to its bound."""
    traffic = Traffic()

    for seconds in (0.0, BOUNDS[0], BOUNDS[0] + 1e-9, BOUNDS[-1], BOUNDS[-1] + 1):
        traffic.count(_request("GET"), Response(200, body=b"12"), seconds)

    [(ending, answers)] = traffic.all()
    assert ending == (UNMATCHED, "GET", 200)
    assert answers.buckets == [2, 1, *[0] * (len(BOUNDS) - 3), 1, 1]
    assert answers.seconds == pytest.approx(2 * BOUNDS[0] + 2 * BOUNDS[-1] + 1)
    assert answers.sent == 10


def test_a_head_sends_no_body_and_an_unusual_method_is_one_of_others() -> None:
    """Each request may name another method: there are millions of words."""
    traffic = Traffic()

    for method in ("HEAD", "BREW", "GET2", "\u00e9"):
        traffic.count(_request(method), Response(200, body=b"12"), 0.1)

    found = {method: answers for (_, method, _), answers in traffic.all()}
    assert found.keys() == {"HEAD", OTHER}
    assert (found["HEAD"].sent, found[OTHER].sent) == (0, 6)
    assert sum(found[OTHER].buckets) == 3
