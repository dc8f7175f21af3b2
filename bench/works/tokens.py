"""P2: tokens by Basic, in a small registry and in one of many accounts."""

from collections.abc import Iterator
from functools import partial

from bench import bare
from bench.content import HOT
from bench.fill import FIVE_HUNDRED, ONE, fill_accounts, make_accounts
from bench.load import Load
from bench.peers import BARE
from bench.plan import Aim, Case, Round, Work
from bench.servers import Acrux, AcruxPlan, Server, basic
from bench.stage import ACRUX, Stage
from bench.works.manifests import probe, url

FEW, MANY = "few accounts", "many accounts"
MAP_OF_ONE, MAP_OF_MANY = "a scope map of 1 line, 8", "a scope map of 500 lines, 8"


def cases(stage: Stage) -> Iterator[Case]:
    """The administrator's tokens; then those of an account among few, and among many."""
    for connections in (8, 32):
        rounds = _administrator(stage, connections)
        yield Case(f"generated password, {connections}", "requests/s", rounds)
    yield from _accounts(stage)


def _administrator(stage: Stage, connections: int) -> dict[str, Round]:
    ours, other = stage.acrux, stage.bare
    path = ours.token_path(HOT, "pull")
    return {
        ACRUX: _round(stage, ours, ours.basic, path, connections),
        BARE: _round(stage, other, basic(bare.USER, bare.PASSWORD), path, connections),
    }


def _accounts(stage: Stage) -> Iterator[Case]:
    servers: dict[str, Acrux] = {}
    passwords: dict[str, dict[str, str]] = {}
    for name in (FEW, MANY):
        plan = AcruxPlan(folder=stage.folder / name, name=name)
        servers[name] = plan.start(stage.household)
        passwords[name] = plan.inside(make_accounts)
    fill_accounts(servers[MANY].folder, stage.scale.accounts, stage.scale.scope_maps)
    for account, case in ((ONE, MAP_OF_ONE), (FIVE_HUNDRED, MAP_OF_MANY)):
        rounds = {
            name: _round(
                stage,
                server,
                basic(account, passwords[name][account]),
                server.token_path(HOT, "pull"),
                8,
            )
            for name, server in servers.items()
        }
        yield Case(case, "requests/s", rounds)
    for server in servers.values():
        stage.household.end(server.program)


def _round(stage: Stage, server: Server, authorization: str, path: str, connections: int) -> Round:
    headers = {"Authorization": authorization}
    probe(server, "GET", path, headers)
    load = Load(
        url=url(server, path), connections=connections, seconds=stage.scale.seconds,
        headers=headers,
    )  # fmt: skip
    return partial(load.run, stage.household)


_GENERATED = "generated password, 32"

WORK = Work(
    "P2",
    "GET /oauth2/token, Basic, one scope",
    "“Few” and “many” are acrux with 3 accounts, and with many more, each with a scope map of "
    "500 lines among many.",
    cases,
    (
        Aim(of=(_GENERATED, ACRUX), at_least=10_000),
        Aim(of=(_GENERATED, ACRUX), to=[(_GENERATED, BARE)], at_least=0.7),
        Aim(of=(_GENERATED, ACRUX), measure="p99", at_most=10),
        Aim(of=(MAP_OF_ONE, MANY), to=[(MAP_OF_ONE, FEW)], at_least=0.9),
        Aim(of=(MAP_OF_MANY, MANY), to=[(MAP_OF_MANY, FEW)], at_least=0.9),
    ),
)
