"""P13: pages of a browser, of a registry that holds little and of one that holds very much."""

import re
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlencode

from acrux.web.sessions import COOKIE
from bench.fill import TAGS
from bench.load import Load
from bench.plan import Aim, Case, Round, Workload
from bench.scenario import Scenario
from bench.servers import Acrux
from bench.wire import Connection, UnexpectedAnswer
from bench.workloads.listings import FilledRegistry, fill
from bench.workloads.manifests import probe, url

FEW_TAGS, MANY_TAGS = "100 tags", "1,000,000 tags"
FEW = 100
MILLISECONDS = 100  # in which a page is there

_SESSION = re.compile(rf"\r\nset-cookie: *{COOKIE}=([^;\r]+)".encode(), re.IGNORECASE)

CASES = {
    "the first page": "/web/",
    "tags by name": f"/web/repositories/{TAGS}",
    "tags by name, from the middle": f"/web/repositories/{TAGS}?last=tag-{{middle:07}}",
    "the newest tags": f"/web/repositories/{TAGS}?orderby=timedesc",
    "an image": f"/web/repositories/{TAGS}/-/manifests/tag-{{middle:07}}",
    "manifests": f"/web/repositories/{TAGS}/-/manifests",
}


def cases(scenario: Scenario) -> Iterator[Case]:
    """Each page, one after another over one connection, as a browser asks for it."""
    scale = scenario.scale
    servers = {
        FEW_TAGS: fill(scenario, f"pages, {FEW_TAGS}", FEW, FEW, FEW),
        MANY_TAGS: fill(
            scenario, f"pages, {MANY_TAGS}", scale.tags, scale.catalog, scale.referrers
        ),
    }
    cookies = {name: f"{COOKIE}={_log_in(filled.server)}" for name, filled in servers.items()}
    for case, path in CASES.items():
        rounds = {
            name: _round(scenario, filled, path, cookies[name]) for name, filled in servers.items()
        }
        yield Case(case, "requests/s", rounds)
    for filled in servers.values():
        scenario.processes.end(filled.server.process)


def _round(scenario: Scenario, filled: FilledRegistry, path: str, cookie: str) -> Round:
    address, headers = path.format(middle=filled.tags // 2), {"Cookie": cookie}
    probe(filled.server, "GET", address, headers)
    load = Load(
        url=url(filled.server, address), connections=1, seconds=scenario.scale.seconds,
        headers=headers,
    )  # fmt: skip
    return partial(load.run, scenario.processes)


def _log_in(server: Acrux) -> str:
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": f"http://127.0.0.1:{server.port}",
    }
    form = urlencode({"username": "acrux", "password": server.password}).encode()
    with Connection(server.port) as connection:
        answer = connection.ask("POST", "/web/login", headers, form)
    found = _SESSION.search(answer.head)
    if found is None:
        raise UnexpectedAnswer(f"{answer.status} instead of a session: {answer.body[:200]!r}")
    return found[1].decode()


WORKLOAD = Workload(
    "P13",
    "a page of a browser, by 1 connection",
    "The administrator looks at a repository with 100 tags, and at one with 1,000,000 (quick: "
    "50,000) in a registry of 100,000 repositories (quick: 5,000). A listing has 50 rows on a "
    "page. The times are those of the page without its style sheet and its scripts, which a "
    "browser keeps.",
    cases,
    (
        *(
            Aim(cell=(case, name), measure="p99", at_most=MILLISECONDS)
            for case, name in (("the first page", FEW_TAGS), ("the first page", MANY_TAGS))
        ),
        *(
            Aim(cell=(case, MANY_TAGS), relative_to=[(case, FEW_TAGS)], measure="p99", at_most=1.5)
            for case in CASES
        ),
    ),
)
