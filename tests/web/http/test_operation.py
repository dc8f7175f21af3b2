"""The pages of operation."""

import json
from dataclasses import replace

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.access.credential import Secret
from acrux.settings import Settings
from acrux.tally import UNCHARTED
from acrux.web.operation.charts import line
from acrux.web.operation.metrics import Metrics
from acrux.web.rendering import Rendering
from acrux.web.static import Static
from tests.http.caller import HOST, Caller
from tests.http.conftest import HandClock
from tests.images import image
from tests.web.http.visitor import Visitor, asks_to_log_in
from tests.web.pages import RULE

PASSWORD = "a long enough pass phrase"
PAGE = """\
# TYPE acrux_http_requests_total counter
acrux_http_requests_total{route="/v2/",method="GET",status="200"} 6.0
acrux_http_requests_total{route="/v2/",method="GET",status="503"} 2.0
acrux_http_requests_total{route="/livez",method="GET",status="200"} 900.0
acrux_http_requests_total{route="/oauth2/token",method="POST",status="200"} 3.0
# TYPE acrux_http_request_duration_seconds histogram
acrux_http_request_duration_seconds_bucket{route="/v2/",method="GET",le="0.001"} 2.0
acrux_http_request_duration_seconds_bucket{route="/v2/",method="GET",le="1.0"} 6.0
acrux_http_request_duration_seconds_bucket{route="/v2/",method="GET",le="+Inf"} 8.0
acrux_http_request_duration_seconds_count{route="/v2/",method="GET"} 8.0
acrux_http_request_duration_seconds_sum{route="/v2/",method="GET"} 4.0
"""


@pytest.fixture
async def operator(registry: Registry, admin: Caller) -> Visitor:
    """An administrator who has logged in, at a registry with two tags and a rule."""
    for tag in ("v1", "v2"):
        await admin.push("team/app", tag, image(tag.encode() * 1000))
    created = await admin.call(
        "POST",
        "/management/v1/retentionRules",
        headers={"Authorization": admin.basic, "Content-Type": "application/json"},
        body=json.dumps(RULE).encode(),
    )
    assert created.status == 201, created.body
    visitor = Visitor(registry)
    await visitor.log_in(admin.username, admin.password)
    return visitor


def test_the_busiest_routes_come_first_and_probes_do_not_count() -> None:
    """A probe every second would hide what people and pipelines do."""
    first, second = Metrics(PAGE).busiest()

    assert (first.route, first.requests, first.failures, first.seconds) == ("/v2/", 8, 2, 0.5)
    assert (second.route, second.requests, second.failures) == ("/oauth2/token", 3, 0)


def test_what_the_charts_leave_out_is_there(registry: Registry) -> None:
    """A route that was renamed would be in the charts again, and nobody would notice."""
    assert {row.path for row in (*registry.rows, *registry.pages)} >= UNCHARTED


def test_the_columns_of_the_chart_add_up() -> None:
    """The buckets of a histogram count everything below; people read each for itself."""
    columns = Metrics(PAGE).durations()

    assert [(one.seconds, one.answers) for one in columns] == [(0.001, 2), (1.0, 4), (None, 2)]
    assert [one.share for one in columns] == [0.5, 1, 0.5]


def test_the_chart_ends_with_the_slowest_answer() -> None:
    """Ten empty rows below it say nothing."""
    columns = Metrics(PAGE.replace('le="+Inf"} 8.0', 'le="+Inf"} 6.0')).durations()

    assert [one.seconds for one in columns] == [0.001, 1.0]


def test_what_was_never_counted_is_not_zero() -> None:
    """Without https there is no certificate, and it does not expire in 1970."""
    assert Metrics("").total("acrux_certificate_expiry_timestamp_seconds") is None
    assert Metrics("").instant("acrux_certificate_expiry_timestamp_seconds") == ""
    assert (Metrics("").busiest(), Metrics("").durations()) == ([], [])


def test_the_end_of_a_certificate_is_a_date() -> None:
    """A registry whose certificate ends on Sunday is looked after on Friday."""
    page = "acrux_certificate_expiry_timestamp_seconds 1.7990208e+09\n"

    shown = Metrics(page).instant("acrux_certificate_expiry_timestamp_seconds")
    assert shown == "2027-01-04T00:00:00+00:00"


async def test_it_shows_what_takes_space_and_what_is_asked(operator: Visitor) -> None:
    """Whoever runs a registry wants one look, and not six commands."""
    page = (await operator.get("/web/operation")).body.decode()

    assert "The registry is ready." in page
    assert "/v2/{repository}/manifests/{reference}" in page
    assert 'href="/web/repositories/team/app"' in page
    assert "style=" not in page


def test_the_last_hour_is_drawn() -> None:
    """A registry that became slow a quarter of an hour ago shows when."""
    nothing = {"manifestBytes": 0, "blobBytes": 0}
    shown = {
        "visitor": None, "places": (), "here": "", "done": "", "health": "", "alarms": (),
        "metrics": Metrics(PAGE), "shares": (), "quotas": (),
        "charts": {"per_second": line([1, 2, 4]), "mean_milliseconds": None},
        "usage": {
            "isCounted": True, "total": {"repositories": 0, "tags": 0, "content": nothing},
            "deleted": nothing, "waitingBytes": 0,
        },
        "collection": {"reviews": 0, "due": 0, "holds": 0, "copies": 0, "bytes": 0},
    }  # fmt: skip

    page = Rendering("acrux", Static(), "").page("operation/overview", shown).body

    assert isinstance(page, bytes)
    assert page.count(b"<polyline") == 1
    assert b"Requests a second, in the last hour: 4 (at most 4)" in page


async def test_a_registry_that_has_just_started_has_no_chart(operator: Visitor) -> None:
    """There is nothing to draw yet."""
    assert b"<polyline" not in (await operator.get("/web/operation")).body


@pytest.mark.parametrize(
    ("numbers", "points"),
    [((0, 0), "0.0,59.0 240.0,59.0"), ((0, 5, 10), "0.0,59.0 120.0,30.0 240.0,1.0")],
)
def test_a_line_fills_its_chart(numbers: tuple[float, ...], points: str) -> None:
    """The highest number is at the top, also if all are nothing."""
    chart = line(numbers)

    assert chart is not None
    assert (chart.points, chart.highest, chart.last) == (points, max(numbers), numbers[-1])


def test_one_number_is_no_line() -> None:
    """A registry that has just started has nothing to draw yet."""
    assert line([1]) is None


async def test_an_account_without_the_metrics_sees_the_rest(
    registry: Registry, operator: Visitor
) -> None:
    """Numbers of requests need a right of their own."""
    del operator
    await registry.services.scope_maps.create("managers", ("management/read",))
    await registry.services.users.create("alice", "managers", Secret(PASSWORD))
    visitor = Visitor(registry)
    await visitor.log_in("alice", PASSWORD)

    page = await visitor.get("/web/operation")

    assert page.status == 200
    assert b"this account may not read them" in page.body
    assert b"team/app" in page.body


async def test_a_rule_says_what_it_would_remove_and_why(
    operator: Visitor, clock: HandClock
) -> None:
    """A rule that removes the wrong tags is noticed before it does."""
    clock.forward(hours=1)

    listed = await operator.get("/web/operation/retention")
    page = await operator.get("/web/operation/retention/old-tags")

    assert b'href="/web/operation/retention/old-tags"' in listed.body
    assert b"v1" in page.body
    assert b"<td>" in page.body.partition(b"Reason</th>")[2]


async def test_who_manages_lets_rules_and_the_collection_run(operator: Visitor) -> None:
    """The buttons do what the commands do."""
    collected = await operator.post("/web/operation", {})
    started = await operator.post("/web/operation/retention", {})

    assert collected.header("Location") == "/web/operation?done=collected"
    assert started.header("Location") == "/web/operation/retention?done=started"
    assert b"carried out soon" in (await operator.get(started.header("Location") or "")).body


async def test_what_the_doctor_finds_is_shown_with_what_to_do(
    operator: Visitor, settings: Settings
) -> None:
    """Whoever sees a warning wants to end it, and has no shell on that machine."""
    settings.data_dir.chmod(0o777)

    page = (await operator.get("/web/operation/doctor")).body.decode()

    assert '<span class="mark good">ok</span>' in page
    assert '<span class="mark lost">warning</span>' in page
    assert f"chmod o-rwx {settings.data_dir.absolute()}" in page
    assert f"acrux doctor {HOST} -u acrux" in page


async def test_the_log_level_is_changed_and_reset(operator: Visitor) -> None:
    """Whoever looks for a fault wants to see more of it, and less again afterwards."""
    path = "/web/operation/log-level"
    changed = await operator.post(path, {"level": "debug"})
    page = (await operator.get(changed.header("Location") or "")).body.decode()
    await operator.post(path, {"level": ""})
    after = (await operator.get(path)).body.decode()

    assert changed.header("Location") == f"{path}?done=changed"
    assert "<dd><strong>debug</strong></dd>" in page
    assert '<option value="debug" selected>' in page
    assert "<dd><strong>info</strong></dd>" in after
    assert "selected" not in after


async def test_a_level_that_there_is_not_is_refused_in_words(operator: Visitor) -> None:
    """A form can be sent with anything in it."""
    answer = await operator.post("/web/operation/log-level", {"level": "<loud>"})

    assert answer.status == 400
    assert b"<loud>" not in answer.body


async def test_who_only_looks_changes_nothing(registry: Registry, operator: Visitor) -> None:
    """A button is no right."""
    del operator
    await registry.services.scope_maps.create("managers", ("management/read",))
    await registry.services.users.create("alice", "managers", Secret(PASSWORD))
    visitor = Visitor(registry)
    await visitor.log_in("alice", PASSWORD)

    assert (await visitor.get("/web/operation/log-level")).status == 200
    for path in ("", "/retention", "/log-level"):
        assert (await visitor.post(f"/web/operation{path}", {})).status in {401, 403}


class TestElsewhere:
    """The metrics have a port of their own."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """Metrics on another port."""
        return replace(settings, metrics_listen="127.0.0.1:9090")

    async def test_without_metrics_the_page_shows_the_rest(self, operator: Visitor) -> None:
        """Prometheus has them then, and the page says so."""
        page = await operator.get("/web/operation")

        assert (page.status, b"served elsewhere" in page.body) == (200, True)
        assert not asks_to_log_in(page)
