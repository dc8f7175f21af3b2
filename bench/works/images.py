"""P5: small images by many clients, into one repository and into many."""

from collections.abc import Iterator
from functools import partial

from bench.peers import V3
from bench.plan import Aim, Case, Work
from bench.pushing import time_images
from bench.stage import ACRUX, Stage

CLIENTS = 8
ONE, MANY = "into one repository", "into a repository for each client"


def cases(stage: Stage) -> Iterator[Case]:
    """New images each time, by clients at once."""
    for name, repositories in (
        (ONE, ["bench/push"]),
        (MANY, [f"bench/push-{number}" for number in range(CLIENTS)]),
    ):
        rounds = {
            which: partial(
                time_images, server, repositories, CLIENTS, stage.scale.images_per_client
            )
            for which, server in stage.registries.items()
        }
        yield Case(name, "images/s", rounds)


WORK = Work(
    "P5",
    "push of images of 10 layers of 100 KB, by 8 clients",
    "As docker pushes: HEAD, POST, PATCH and PUT for each of 11 blobs, then the manifest. acrux "
    "has synced what it acknowledges, the peers have not.",
    cases,
    (
        Aim(of=(ONE, ACRUX), to=[(ONE, V3)], at_least=2),
        Aim(of=(MANY, ACRUX), to=[(MANY, V3)], at_least=2),
        Aim(of=(ONE, ACRUX), to=[(MANY, ACRUX)], at_least=0.8),
    ),
    needs_wrk=False,
)
