"""P2: tokens by Basic, in a small registry and in one of many accounts."""

import secrets
from collections.abc import Iterator
from functools import partial

from acrux.bootstrap.application import Registry
from acrux.domain.access.credential import Secret
from bench import bare
from bench.content import HOT
from bench.fill import FIVE_HUNDRED, ONE, fill_accounts, make_accounts, make_pullers
from bench.load import Load
from bench.peers import BARE
from bench.plan import Aim, Case, Round, Work
from bench.servers import Acrux, AcruxPlan, Server, basic
from bench.stage import ACRUX, Stage
from bench.works.manifests import probe, url

CHOSEN = "acrux, chosen password"
PERSON = "bench-person"
WARMING = 20
IN_TURN = "32 connections, another account each time"
PULLERS = 20_000  # more than can ask within a second
FEW, MANY = "few accounts", "many accounts"
MAP_OF_ONE, MAP_OF_MANY = "a scope map of 1 line, 8", "a scope map of 500 lines, 8"


def cases(stage: Stage) -> Iterator[Case]:
    """The administrator's tokens; then those of an account among few, and among many."""
    password = _make_person(stage)
    for connections in (8, 32):
        rounds = _one_scope(stage, connections, password)
        yield Case(f"{connections} connections", "requests/s", rounds)
    yield Case(IN_TURN, "requests/s", {ACRUX: _in_turn(stage)})
    yield from _accounts(stage)


def _make_person(stage: Stage) -> str:
    password, path = secrets.token_urlsafe(), stage.acrux.token_path(HOT, "pull")

    async def create(registry: Registry) -> None:
        await registry.services.users.create(PERSON, "_repositories_pull", Secret(password))

    AcruxPlan(folder=stage.acrux.folder).inside(create)
    for _ in range(WARMING):  # each over a connection of its own, to whichever worker
        probe(stage.acrux, "GET", path, {"Authorization": basic(PERSON, password)})
    return password


def _one_scope(stage: Stage, connections: int, password: str) -> dict[str, Round]:
    ours, other = stage.acrux, stage.bare
    path = ours.token_path(HOT, "pull")
    return {
        ACRUX: _round(stage, ours, ours.basic, path, connections),
        CHOSEN: _round(stage, ours, basic(PERSON, password), path, connections),
        BARE: _round(stage, other, basic(bare.USER, bare.PASSWORD), path, connections),
    }


def _in_turn(stage: Stage) -> Round:
    # Whoever asks for the same within a second is given the same token: here nobody does.
    server = stage.acrux
    work = partial(make_pullers, count=min(PULLERS, stage.scale.accounts))
    passwords = AcruxPlan(folder=server.folder).inside(work)
    lines = stage.folder / "in-turn.txt"
    paths = {name: server.token_path(f"bench/of-{name}", "pull") for name in passwords}
    lines.write_text(
        "".join(f"{paths[name]} {basic(name, secret)}\n" for name, secret in passwords.items())
    )
    load = Load(url=url(server, "/"), connections=32, seconds=stage.scale.seconds, lines=lines)
    return partial(load.run, stage.household)


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


_ONE_SCOPE = "32 connections"

WORK = Work(
    "P2",
    "GET /oauth2/token, Basic, one scope",
    "Whoever asks for the same again within a second is given the same token, which is signed "
    "once; the bare application signs each time. “Another account each time” goes "
    "through 20,000 (where quick: 5,000). "
    "A chosen password is a person's (argon2id), known to the worker. “Few” is acrux with 3 "
    "accounts; “many” with 100,000 more, and 10,000 scope maps of 500 lines (where quick: 5,000 "
    "and 500).",
    cases,
    (
        Aim(of=(_ONE_SCOPE, ACRUX), at_least=10_000),
        Aim(of=(_ONE_SCOPE, ACRUX), to=[(_ONE_SCOPE, BARE)], at_least=0.7),
        Aim(of=(_ONE_SCOPE, CHOSEN), to=[(_ONE_SCOPE, ACRUX)], at_least=0.8),
        Aim(of=(_ONE_SCOPE, ACRUX), measure="p99", at_most=10),
        Aim(of=(MAP_OF_ONE, MANY), to=[(MAP_OF_ONE, FEW)], at_least=0.9),
        Aim(of=(MAP_OF_MANY, MANY), to=[(MAP_OF_MANY, FEW)], at_least=0.9),
    ),
)
