"""Questions about rights, as typed, on a data directory."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from acrux.bootstrap.application import build
from acrux.cli.main import cli
from acrux.domain.access.scope import parse_all
from acrux.domain.access.trust import ClaimRule, Trust
from acrux.domain.audit.decision import Decision, Outcome
from acrux.services.audit import least_privilege, simulations
from acrux.settings import Settings
from tests.http.caller import HOST
from tests.http.conftest import Lines

READ, WRITE = "repositories/team/*/content/read", "repositories/team/*/content/write"
REMOVING = ("scope-map", "simulate", "-n", "team-map", "--remove-repository", "team/*")
PUSHES = 300
DEPLOYER = "trusts/ci/deployer"


async def _seed(data_dir: Path) -> None:
    registry = build(Settings(data_dir=data_dir, login_servers=(HOST,)), None, Lines())
    await registry.lifespan.open()
    services = registry.services
    await services.accounts.create_administrator("acrux")
    await services.scope_maps.create("team-map", (READ, WRITE))
    await services.accounts.create("robot", "team-map")
    await services.trusts.create(
        Trust(
            name="ci", issuer="https://issuer.example", audience="acrux",
            rules=(ClaimRule("sub", "deployer"),), permissions=(READ, WRITE),
        )
    )  # fmt: skip
    pushed = [("robot", "team/app")] * PUSHES + [("robot", "team/b"), (DEPLOYER, "team/b")]
    for account, repository in pushed:
        services.audit_log.record(
            Decision(
                request="PUT /v2/team/app/manifests/v1",
                outcome=Outcome.GRANTED,
                account=account,
                asked=parse_all([f"repository:{repository}:push"]),
            )
        )
    await registry.lifespan.close()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry whose account robot has pushed."""
    data_dir = tmp_path_factory.mktemp("questions") / "data"
    asyncio.run(_seed(data_dir))
    return data_dir


def run(data_dir: Path, *words: str) -> str:
    """What a command prints on both its outputs."""
    done = CliRunner().invoke(cli, [*words, "--data-dir", str(data_dir)])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_who_may_do_what_is_listed(data_dir: Path) -> None:
    """The matrix of the pages, for a terminal."""
    words = ("scope-map", "holders", "--repository", "team/app")
    found = {one["name"]: one for one in json.loads(run(data_dir, *words, "--output", "json"))}

    assert [one["action"] for one in found["robot"]["actions"] if one["held"]] == ["pull", "push"]
    [line] = [line for line in run(data_dir, *words).splitlines() if line.startswith("robot")]
    assert line.split() == ["robot", "enabled", "team-map", "pull", "push"]


def test_a_change_is_tried_part_by_part_to_the_end(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call examines a part only, and a command that stopped there would mislead."""
    monkeypatch.setattr(simulations, "RECORDS", 200)
    found = json.loads(run(data_dir, *REMOVING, "content/write", "--output", "json"))

    counts = {one["scopes"][0]: one["requests"] for one in found["wouldBeRefused"]}
    assert counts == {"repository:team/app:push": PUSHES, "repository:team/b:push": 1}
    assert found["judged"] == PUSHES + 1
    assert found["last"] == ""


def test_a_change_that_takes_nothing_shows_an_empty_table(data_dir: Path) -> None:
    """Nothing to fear is an answer, too."""
    printed = run(
        data_dir, *REMOVING, "content/read", "--add-repository", "team/*", "content/delete"
    )

    assert "refused" not in printed
    assert f"{PUSHES + 1} of accounts with this scope map" in printed


def test_what_would_be_refused_is_a_row(data_dir: Path) -> None:
    """The account and the scope are what somebody has to act on."""
    printed = run(data_dir, *REMOVING, "content/write")

    assert "robot" in printed
    assert "repository:team/b:push" in printed


def test_a_trust_is_tried_as_a_scope_map_is(data_dir: Path) -> None:
    """Pipelines log in through trusts, and a rule that is too narrow stops all of them."""
    words = ("trust", "simulate", "-n", "ci")
    narrow = json.loads(run(data_dir, *words, "--allow", "team/*", "content/read", "-o", "json"))
    printed = run(data_dir, *words, "--scope-map", "team-map")

    [lost] = narrow["wouldBeRefused"]
    assert (lost["account"], lost["requests"]) == (DEPLOYER, 1)
    assert "1 of this trust." in printed
    assert DEPLOYER not in printed


@pytest.mark.parametrize(
    ("grants", "problem"),
    [
        ((), "say what the trust would grant"),
        (("--scope-map", "nowhere"), "nowhere"),
        (("--scope-map", "team-map", "--allow", "team/*", "content/read"), "scope map"),
    ],
)
def test_a_trust_must_grant_one_thing_that_there_is(
    data_dir: Path, grants: tuple[str, ...], problem: str
) -> None:
    """Otherwise the answer would be about something else than was meant."""
    words = ["trust", "simulate", "-n", "ci", *grants, "--data-dir", str(data_dir)]

    done = CliRunner().invoke(cli, words)

    assert done.exit_code != 0
    assert problem in f"{done.output}{done.exception}"


def test_what_an_account_used_is_listed(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's answer, for a terminal; and it says if it did not look at all."""
    words = ("token", "least-privilege", "-n", "robot")
    found = json.loads(run(data_dir, *words, "--output", "json"))
    monkeypatch.setattr(least_privilege, "RECORDS", 200)
    printed = run(data_dir, *words)

    assert found["actions"] == [
        "repositories/team/app/content/write",
        "repositories/team/b/content/write",
    ]
    assert "requests" in printed
    assert "only the 200 newest records were examined" in printed
