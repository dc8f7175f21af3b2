"""P4: a large blob, pushed in two requests and in three."""

from collections.abc import Iterator, Mapping
from functools import partial
from hashlib import shake_128

from bench import peers
from bench.content import HOT
from bench.peers import V3
from bench.plan import Aim, Case, Work
from bench.pushing import push_in_three, push_in_two, time_push
from bench.servers import AcruxPlan, Server
from bench.stage import ACRUX, Stage

UNSYNCED = "acrux, not synced"
TWO, THREE = "POST + PUT", "POST + PATCH + PUT"


def cases(stage: Stage) -> Iterator[Case]:
    """A new blob each time, by one client."""
    servers = {**stage.registries, **_unsynced(stage)}
    rest = shake_128(b"upload").digest(stage.scale.upload_bytes)
    for name, push in ((TWO, push_in_two), (THREE, push_in_three)):
        rounds = {
            which: partial(time_push, server, HOT, rest, push) for which, server in servers.items()
        }
        yield Case(name, "MB/s", rounds)


def _unsynced(stage: Stage) -> Mapping[str, Server]:
    library = peers.find("eatmydata")
    if library is None:
        return {}
    plan = AcruxPlan(
        folder=stage.folder / "unsynced", name=UNSYNCED, variables={"LD_PRELOAD": library}
    )
    return {UNSYNCED: plan.start(stage.household)}


WORK = Work(
    "P4",
    "push of a blob of 200 MB (50 MB where quick)",
    "acrux has synced the blob when it answers; the peers leave that to the kernel. “Not synced” "
    "is the same acrux under libeatmydata, for which every sync does nothing.",
    cases,
    tuple(
        Aim(of=(case, server), to=[(case, V3)], at_least=bound)
        for case in (TWO, THREE)
        for server, bound in ((ACRUX, 1.0), (UNSYNCED, 1.5))
    ),
    needs_wrk=False,
)
