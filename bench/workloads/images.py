"""P5: small images by many clients, into one repository and into many."""

from collections.abc import Iterator
from functools import partial

from bench.peers import V3
from bench.plan import Aim, Case, Workload
from bench.pushing import time_images
from bench.scenario import ACRUX, Scenario

CLIENTS = 8
ONE_REPOSITORY, REPOSITORY_EACH = "into one repository", "into a repository for each client"


def cases(scenario: Scenario) -> Iterator[Case]:
    """New images each time, pushed by several clients at once."""
    for name, repositories in (
        (ONE_REPOSITORY, ["bench/push"]),
        (REPOSITORY_EACH, [f"bench/push-{number}" for number in range(CLIENTS)]),
    ):
        rounds = {
            server_name: partial(
                time_images, [server], repositories, CLIENTS, scenario.scale.images_per_client
            )
            for server_name, server in scenario.registries.items()
        }
        yield Case(name, "images/s", rounds)


WORKLOAD = Workload(
    "P5",
    "push of images of 10 layers of 100 KB, by 8 clients",
    "As docker pushes: HEAD, POST, PATCH and PUT for each of 11 blobs, then the manifest. A 201 of "
    "acrux survives a loss of power. The peers do not sync the directories of their blobs.",
    cases,
    (
        Aim(cell=(ONE_REPOSITORY, ACRUX), relative_to=[(ONE_REPOSITORY, V3)], at_least=2),
        Aim(cell=(REPOSITORY_EACH, ACRUX), relative_to=[(REPOSITORY_EACH, V3)], at_least=2),
        Aim(cell=(ONE_REPOSITORY, ACRUX), relative_to=[(REPOSITORY_EACH, ACRUX)], at_least=0.8),
    ),
    needs_wrk=False,
)
