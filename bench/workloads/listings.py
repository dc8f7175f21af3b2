"""P6: one page of each listing, of few items and of very many."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from bench.fill import REFERRERS, TAGS, fill_listings, make_listings
from bench.load import Load
from bench.plan import Aim, Case, Workload
from bench.scenario import Scenario
from bench.servers import Acrux, AcruxPlan
from bench.wire import Connection, UnexpectedAnswer
from bench.workloads.manifests import url

FEW_ITEMS, MANY_ITEMS = "few items", "many items"
CONNECTIONS = 8
PLACES = 100  # in each listing, from which a page is requested
PAGE = 100

LISTINGS = ("tags/list", "_tags (/acr/v1)", "_catalog", "referrers")


@dataclass(frozen=True)
class FilledRegistry:
    """An acrux, how much it holds, and the manifest that its referrers point at."""

    server: Acrux
    tags: int
    repositories: int
    subject: str

    def requests(self, listing: str) -> Iterator[str]:
        """The paths of pages all over the listing."""
        for part in range(PLACES):
            tag = f"tag-{self.tags * part // PLACES:07}"
            name = f"catalog/{self.repositories * part // PLACES:07}"
            yield {
                "tags/list": f"/v2/{TAGS}/tags/list?n={PAGE}&last={tag}",
                "_tags (/acr/v1)": f"/acr/v1/{TAGS}/_tags?n={PAGE}&last={tag}",
                "_catalog": f"/v2/_catalog?n={PAGE}&last={name}",
                "referrers": f"/v2/{REFERRERS}/referrers/{self.subject}?n={PAGE}",
            }[listing]

    def token(self, listing: str) -> str:
        """A token that opens the listing."""
        scopes = {"_catalog": "registry:catalog:*", "referrers": f"repository:{REFERRERS}:pull"}
        usual = f"repository:{TAGS}:pull,metadata_read"
        return self.server.token_for(scopes.get(listing, usual))


def cases(scenario: Scenario) -> Iterator[Case]:
    """Pages of 100 from all over each listing; of the referrers always the first one."""
    scale = scenario.scale
    servers = {
        FEW_ITEMS: fill(
            scenario, FEW_ITEMS, scale.small_listing, scale.small_listing, scale.small_listing
        ),
        MANY_ITEMS: fill(scenario, MANY_ITEMS, scale.tags, scale.catalog, scale.referrers),
    }
    for listing in LISTINGS:
        rounds = {
            name: partial(_load(scenario, filled, listing).run, scenario.processes)
            for name, filled in servers.items()
        }
        yield Case(listing, "requests/s", rounds)
    for filled in servers.values():
        scenario.processes.end(filled.server.process)


def fill(
    scenario: Scenario, name: str, tags: int, repositories: int, referrers: int
) -> FilledRegistry:
    """A server with so much in its listings, in a folder that `name` names."""
    plan = AcruxPlan(folder=scenario.folder / f"listings-{name}", name=f"acrux with {name}")
    password = plan.prepare()
    subject = plan.in_process(partial(make_listings, referrers=referrers))
    fill_listings(plan.folder, tags, repositories)
    return FilledRegistry(
        plan.serve(scenario.processes, password), tags, repositories, str(subject)
    )


def _load(scenario: Scenario, filled: FilledRegistry, listing: str) -> Load:
    token = filled.token(listing)
    paths = list(filled.requests(listing))
    _probe(filled, paths[0], {"Authorization": f"Bearer {token}"})
    lines = scenario.folder / f"{filled.server.name} {LISTINGS.index(listing)}.txt"
    lines.write_text("".join(f"{path} Bearer {token}\n" for path in paths))
    return Load(
        url=url(filled.server, "/"), connections=CONNECTIONS, seconds=scenario.scale.seconds,
        lines=lines,
    )  # fmt: skip


def _probe(filled: FilledRegistry, path: str, headers: Mapping[str, str]) -> None:
    with Connection(filled.server.port) as connection:
        answer = connection.ask("GET", path, headers)
    if answer.status != 200 or b"\r\nlink:" not in answer.head.lower():
        raise UnexpectedAnswer(f"{path} is not a page of a longer listing: {answer.status}")


WORKLOAD = Workload(
    "P6",
    "a page of 100 of a listing, by 8 connections",
    "“Few items” is acrux with 1,000 tags in a repository, 1,000 repositories and 1,000 referrers "
    "of one manifest. “Many items” is acrux with 1,000,000, 100,000 and 10,000 (quick: 50,000, "
    "5,000 and 2,000).",
    cases,
    tuple(
        Aim(
            cell=(listing, MANY_ITEMS),
            relative_to=[(listing, FEW_ITEMS)],
            measure="p99",
            at_most=1.5,
        )
        for listing in LISTINGS
    ),
)
