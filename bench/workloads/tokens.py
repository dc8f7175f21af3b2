"""P2: tokens by Basic, in a small registry and in one of many accounts."""

import secrets
from collections.abc import Iterator
from functools import partial

from acrux.bootstrap.application import Registry
from acrux.domain.access.credential import Secret
from bench import baseline
from bench.content import HOT
from bench.fill import LARGE_MAP, SMALL_MAP, fill_accounts, make_accounts, make_pullers
from bench.load import Load
from bench.peers import BASELINE
from bench.plan import Aim, Case, Round, Workload
from bench.scenario import ACRUX, Scenario
from bench.servers import Acrux, AcruxPlan, Server, basic
from bench.workloads.manifests import probe, url

CHOSEN = "acrux, chosen password"
USER = "bench-user"
WARM_UP_REQUESTS = 20
ACCOUNTS_IN_TURN = "32 connections, another account each time"
PULLERS = 20_000  # more than can be served within a second
FEW_ACCOUNTS, MANY_ACCOUNTS = "few accounts", "many accounts"
SMALL_MAP_CASE, LARGE_MAP_CASE = "a scope map of 1 line, 8", "a scope map of 500 lines, 8"


def cases(scenario: Scenario) -> Iterator[Case]:
    """The administrator's tokens; then those of an account among few, and among many."""
    password = _make_user(scenario)
    for connections in (8, 32):
        rounds = _one_scope(scenario, connections, password)
        yield Case(f"{connections} connections", "requests/s", rounds)
    yield Case(ACCOUNTS_IN_TURN, "requests/s", {ACRUX: _accounts_in_turn(scenario)})
    yield from _few_and_many(scenario)


def _make_user(scenario: Scenario) -> str:
    password, path = secrets.token_urlsafe(), scenario.acrux.token_path(HOT, "pull")

    async def create(registry: Registry) -> None:
        await registry.services.users.create(USER, "_repositories_pull", Secret(password))

    AcruxPlan(folder=scenario.acrux.folder).in_process(create)
    for _ in range(WARM_UP_REQUESTS):  # each over a connection of its own, to whichever worker
        probe(scenario.acrux, "GET", path, {"Authorization": basic(USER, password)})
    return password


def _one_scope(scenario: Scenario, connections: int, password: str) -> dict[str, Round]:
    server = scenario.acrux
    path = server.token_path(HOT, "pull")
    return {
        ACRUX: _round(scenario, server, server.basic, path, connections),
        CHOSEN: _round(scenario, server, basic(USER, password), path, connections),
        BASELINE: _round(
            scenario, scenario.baseline, basic(baseline.USER, baseline.PASSWORD), path, connections
        ),
    }


def _accounts_in_turn(scenario: Scenario) -> Round:
    # A request that is repeated within a second gets the same token. None is repeated here.
    server = scenario.acrux
    make = partial(make_pullers, count=min(PULLERS, scenario.scale.accounts))
    passwords = AcruxPlan(folder=server.folder).in_process(make)
    lines = scenario.folder / "in-turn.txt"
    paths = {name: server.token_path(f"bench/of-{name}", "pull") for name in passwords}
    lines.write_text(
        "".join(f"{paths[name]} {basic(name, secret)}\n" for name, secret in passwords.items())
    )
    load = Load(url=url(server, "/"), connections=32, seconds=scenario.scale.seconds, lines=lines)
    return partial(load.run, scenario.processes)


def _few_and_many(scenario: Scenario) -> Iterator[Case]:
    servers: dict[str, Acrux] = {}
    passwords: dict[str, dict[str, str]] = {}
    for name in (FEW_ACCOUNTS, MANY_ACCOUNTS):
        plan = AcruxPlan(folder=scenario.folder / name, name=name)
        servers[name] = plan.start(scenario.processes)
        passwords[name] = plan.in_process(make_accounts)
    fill_accounts(servers[MANY_ACCOUNTS].folder, scenario.scale.accounts, scenario.scale.scope_maps)
    for account, case in ((SMALL_MAP, SMALL_MAP_CASE), (LARGE_MAP, LARGE_MAP_CASE)):
        rounds = {
            name: _round(
                scenario,
                server,
                basic(account, passwords[name][account]),
                server.token_path(HOT, "pull"),
                8,
            )
            for name, server in servers.items()
        }
        yield Case(case, "requests/s", rounds)
    for server in servers.values():
        scenario.processes.end(server.process)


def _round(
    scenario: Scenario, server: Server, authorization: str, path: str, connections: int
) -> Round:
    headers = {"Authorization": authorization}
    probe(server, "GET", path, headers)
    load = Load(
        url=url(server, path), connections=connections, seconds=scenario.scale.seconds,
        headers=headers,
    )  # fmt: skip
    return partial(load.run, scenario.processes)


_ONE_SCOPE = "32 connections"

WORKLOAD = Workload(
    "P2",
    "GET /oauth2/token, Basic, one scope",
    "A client that asks for the same token again within a second gets the same one, which is "
    "signed once; the baseline signs each time. “Another account each time” goes through 20,000 "
    "accounts (quick: 5,000). A chosen password is a person's (argon2id), here already cached by "
    "the worker. “Few accounts” is acrux with 3 accounts; “many accounts” has 100,000 more, and "
    "10,000 scope maps of 500 lines (quick: 5,000 and 500).",
    cases,
    (
        Aim(cell=(_ONE_SCOPE, ACRUX), at_least=10_000),
        Aim(cell=(_ONE_SCOPE, ACRUX), relative_to=[(_ONE_SCOPE, BASELINE)], at_least=0.7),
        Aim(cell=(_ONE_SCOPE, CHOSEN), relative_to=[(_ONE_SCOPE, ACRUX)], at_least=0.8),
        Aim(cell=(_ONE_SCOPE, ACRUX), measure="p99", at_most=10),
        Aim(
            cell=(SMALL_MAP_CASE, MANY_ACCOUNTS),
            relative_to=[(SMALL_MAP_CASE, FEW_ACCOUNTS)],
            at_least=0.9,
        ),
        Aim(
            cell=(LARGE_MAP_CASE, MANY_ACCOUNTS),
            relative_to=[(LARGE_MAP_CASE, FEW_ACCOUNTS)],
            at_least=0.9,
        ),
    ),
)
