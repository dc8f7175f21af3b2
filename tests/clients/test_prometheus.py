"""Debian's Prometheus and promtool, with the rules and the dashboard in deploy/."""

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acrux.adapters.metrics.families import FAMILIES, Kind
from tests.images import image
from tests.running import ROOT, RunningRegistry, free_port, running, until
from tests.scrape import scrape
from tests.tools import require_tool
from tests.wire.connection import Connection
from tests.wire.test_metrics import Scraper

RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
RULE_TESTS = ROOT / "deploy" / "prometheus" / "alerts.test.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "acrux.json"

_NAME = re.compile(r"\b(?:acrux|process)_[a-z0-9_]+\b")

# What a registry has only with https.
CERTIFICATE = "acrux_certificate_expiry_timestamp_seconds"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry of two workers, after a push and a pull."""
    data_dir = tmp_path_factory.mktemp("prometheus") / "data"
    with running(data_dir, "--workers", "2") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        connection.push_image(image(b"a layer"), "v1")
        connection.call("GET", "/v2/app/manifests/v1")
        connection.close()
        yield registry


def promtool(*arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    """Run promtool."""
    return subprocess.run(
        [require_tool("promtool", "prometheus"), *arguments],
        input=given, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def get(url: str, **headers: str) -> bytes:
    """The body of an answer."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as found:  # noqa: S310 -- our own
        return bytes(found.read())


def test_the_alert_rules_are_valid_and_speak_when_they_should() -> None:
    """A rule that never fires is worse than none: people rely on it."""
    checked = promtool("check", "rules", str(RULES))
    tested = promtool("test", "rules", str(RULE_TESTS))

    assert checked.returncode == 0, checked.stderr
    assert tested.returncode == 0, tested.stderr


def test_every_alert_is_tested_in_silence_and_aloud() -> None:
    """A new rule needs both, and it is easy to forget one."""
    alerts = set(re.findall(r"alert: (\w+)", RULES.read_text()))
    lines = RULE_TESTS.read_text()
    silent = set(re.findall(r"\{eval_time: \w+, alertname: (\w+)\}", lines))
    aloud = set(re.findall(r"alertname: (\w+)\n +exp_alerts:", lines))

    assert silent == aloud == alerts


def test_promtool_finds_nothing_to_improve_on_the_page(registry: RunningRegistry) -> None:
    """It knows the conventions for names, units and types."""
    page = scrape(registry.port, "acrux", registry.password)

    checked = promtool("check", "metrics", given=page.text)

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


@pytest.mark.parametrize("file", [RULES, RULE_TESTS, DASHBOARD], ids=lambda file: file.name)
def test_every_name_in_rules_and_dashboard_is_on_the_page(
    registry: RunningRegistry, file: Path
) -> None:
    """A panel with a mistyped name is empty, and looks like a quiet registry."""
    used = set(_NAME.findall(file.read_text())) - {CERTIFICATE}

    assert used
    assert used - scrape(registry.port, "acrux", registry.password).names == set()


def test_every_metric_is_on_the_page_and_every_metric_is_shown(registry: RunningRegistry) -> None:
    """A metric that never appears is documented in vain, and one on no panel is found by nobody."""
    page = scrape(registry.port, "acrux", registry.password)
    shown = set(_NAME.findall(DASHBOARD.read_text()))

    series = {
        name: {Kind.SUMMARY: f"{name}_count", Kind.HISTOGRAM: f"{name}_bucket"}.get(
            family.kind, name
        )
        for name, family in FAMILIES.items()
    }
    assert set(series.values()) - page.names == {CERTIFICATE}
    assert set(series.values()) - shown == set()


def test_the_dashboard_has_what_grafana_needs() -> None:
    """It is imported by hand, and an error there names no line."""
    dashboard = json.loads(DASHBOARD.read_text())
    panels = dashboard["panels"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == "${datasource}"
            assert target["expr"].count("(") == target["expr"].count(")")
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$(\w+)", DASHBOARD.read_text())) - {"__rate_interval", "__all"}
    assert used <= variables


def test_prometheus_understands_every_query_of_the_dashboard(
    registry: RunningRegistry, tmp_path: Path
) -> None:
    """A query with a mistake shows an error in place of a curve."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    rules = tmp_path / "rules.yaml"
    groups = [
        {"record": f"query:{number}", "expr": _without_variables(query)}
        for number, query in enumerate(queries)
    ]
    rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": groups}]}))

    checked = promtool("check", "rules", str(rules))

    assert checked.returncode == 0, checked.stderr
    assert f"{len(queries)} rules found" in checked.stdout


def _without_variables(query: str) -> str:
    return re.sub(r"\$\w+", ".*", query.replace("$__rate_interval", "1m"))


@contextmanager
def prometheus(folder: Path, registry: RunningRegistry, scraper: Scraper) -> Iterator[str]:
    """A Prometheus that scrapes the registry each second, and its URL."""
    url = f"http://127.0.0.1:{free_port()}"
    password = folder / "password"
    password.write_text(scraper.password)
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {
                "job_name": "acrux",
                "basic_auth": {"username": "scraper", "password_file": str(password)},
                "static_configs": [{"targets": [registry.host]}],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML too
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [require_tool("prometheus", "prometheus"),
             f"--config.file={folder / 'prometheus.yml'}",
             f"--storage.tsdb.path={folder / 'series'}",
             f"--web.listen-address={url.removeprefix('http://')}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield url
    finally:
        process.terminate()
        process.wait(30)


def test_a_real_prometheus_scrapes_it_with_an_account_that_can_do_nothing_else(
    registry: RunningRegistry, tmp_path: Path
) -> None:
    """What we call a page of Prometheus is one only if Prometheus says so."""
    scraper = Scraper.of(registry)
    with prometheus(tmp_path, registry, scraper) as url:

        def ask(query: str) -> list[float]:
            try:
                found = json.loads(get(f"{url}/api/v1/query?query={query}"))
            except OSError:  # it has not started yet
                return []
            return [float(series["value"][1]) for series in found["data"]["result"]]

        until(lambda: ask("up") == [1.0])
        until(lambda: ask("acrux_workers") == [2.0])
        until(lambda: ask("count(rate(acrux_http_requests_total[10s]))") > [5.0])
        types = json.loads(get(f"{url}/api/v1/metadata"))["data"]

    assert types["acrux_http_requests"][0]["type"] == "counter"
    assert types["acrux_http_request_duration_seconds"][0]["type"] == "histogram"
    connection = Connection(registry.port)
    connection.login("scraper", scraper.password)
    assert connection.call("GET", "/v2/app/manifests/v1").status == 401
    assert connection.call("GET", "/management/v1/tokens").status == 401
    connection.close()
