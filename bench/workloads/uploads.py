"""P4: a large blob, pushed in two requests and in three."""

from collections.abc import Iterator, Mapping
from functools import partial
from hashlib import shake_128

from bench import peers
from bench.content import HOT
from bench.peers import V3
from bench.plan import Aim, Case, Workload
from bench.pushing import push_in_three_requests, push_in_two_requests, time_push
from bench.scenario import ACRUX, Scenario
from bench.servers import AcruxPlan, Server

UNSYNCED = "acrux, not synced"
TWO_REQUESTS, THREE_REQUESTS = "POST + PUT", "POST + PATCH + PUT"


def cases(scenario: Scenario) -> Iterator[Case]:
    """A new blob each time, by one client."""
    servers = {**scenario.registries, **_unsynced(scenario)}
    rest = shake_128(b"upload").digest(scenario.scale.upload_bytes)
    for name, push in (
        (TWO_REQUESTS, push_in_two_requests),
        (THREE_REQUESTS, push_in_three_requests),
    ):
        rounds = {
            server_name: partial(time_push, server, HOT, rest, push)
            for server_name, server in servers.items()
        }
        yield Case(name, "MB/s", rounds)


def _unsynced(scenario: Scenario) -> Mapping[str, Server]:
    library = peers.find("eatmydata")
    if library is None:
        return {}
    plan = AcruxPlan(
        folder=scenario.folder / "unsynced", name=UNSYNCED, variables={"LD_PRELOAD": library}
    )
    return {UNSYNCED: plan.start(scenario.processes)}


WORKLOAD = Workload(
    "P4",
    "push of a blob of 200 MB (50 MB where quick)",
    "When acrux answers, the blob survives a loss of power. The peers sync its bytes, but not the "
    "directory that it is moved into. “Not synced” is acrux under libeatmydata, with which a sync "
    "does nothing.",
    cases,
    tuple(
        Aim(cell=(case, server), relative_to=[(case, V3)], at_least=bound)
        for case in (TWO_REQUESTS, THREE_REQUESTS)
        for server, bound in ((ACRUX, 1.0), (UNSYNCED, 1.5))
    ),
    needs_wrk=False,
)
