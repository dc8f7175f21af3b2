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
from acrux.services import recent_records
from acrux.settings import Settings
from tests.http.caller import HOST
from tests.http.conftest import Lines

READ, WRITE = "repositories/team/*/content/read", "repositories/team/*/content/write"
REMOVING = ("scope-map", "simulate", "-n", "team-map", "--remove-repository", "team/*")
PUSHES = 300
OUR_CI = Trust(
    name="our-ci", issuer="https://issuer.example", audience="acrux",
    rules=(ClaimRule("sub", "job"),), permissions=(READ,),
)  # fmt: skip


async def _seed(data_dir: Path) -> None:
    registry = build(Settings(data_dir=data_dir, login_servers=(HOST,)), None, Lines())
    await registry.lifespan.open()
    services = registry.services
    await services.accounts.create_administrator("acrux")
    await services.scope_maps.create("team-map", (READ, WRITE))
    await services.accounts.create("robot", "team-map")
    await services.trusts.create(OUR_CI)
    pulled = parse_all(["repository:team/app:pull"])
    services.audit_log.record(
        Decision("GET /v2/x", Outcome.GRANTED, account="trusts/our-ci/job", asked=pulled)
    )
    for scopes, times in (("repository:team/app:push", PUSHES), ("repository:team/b:push", 1)):
        for _ in range(times):
            services.audit_log.record(
                Decision(
                    request="PUT /v2/team/app/manifests/v1",
                    outcome=Outcome.GRANTED,
                    account="robot",
                    asked=parse_all([scopes]),
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
    monkeypatch.setattr(recent_records, "RECORDS", 200)
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


@pytest.mark.parametrize(("action", "code"), [("content/write", 1), ("content/read", 0)])
def test_a_script_learns_whether_anything_would_be_refused(
    data_dir: Path, action: str, code: int
) -> None:
    """A pipeline that changes scope maps must be able to stop there."""
    words = [*REMOVING, action, "--exit-code", "--data-dir", str(data_dir)]

    assert CliRunner().invoke(cli, words).exit_code == code


@pytest.mark.parametrize(
    "words",
    [("scope-map", "simulate", "-n", "team-map"), ("trust", "simulate", "-n", "our-ci"),
     ("trust", "simulate", "-n", "our-ci", "--scope-map", "x", "--allow", "x", "content/read")],
)  # fmt: skip
def test_a_simulation_needs_a_change(data_dir: Path, words: tuple[str, ...]) -> None:
    """An answer to nothing would be read as that all is well."""
    done = CliRunner().invoke(cli, [*words, "--data-dir", str(data_dir)])

    assert done.exit_code == 2


def test_what_is_withdrawn_though_nobody_holds_it_is_named(data_dir: Path) -> None:
    """A typing error would be read as a change that nobody notices."""
    words = ("scope-map", "simulate", "-n", "team-map", "--remove-repository", "team/app")

    assert "does not hold repositories/team/app/content/write" in run(
        data_dir, *words, "content/write"
    )


def test_a_change_of_a_trust_is_tried(data_dir: Path) -> None:
    """A trust gives rights to very many pipelines at once."""
    words = ("trust", "simulate", "-n", "our-ci", "--allow", "team/*", "content/write")
    printed = run(data_dir, *words)

    assert "trusts/our-ci/job" in printed
    assert "repository:team/app:pull" in printed
    assert "1 of accounts of this trust" in printed


def test_an_account_that_did_nothing_is_said_to(data_dir: Path) -> None:
    """An empty table looks like a failure."""
    assert "nothing that nobody did" in run(data_dir, "user", "least-privilege", "-n", "nobody")


def test_what_would_be_refused_is_a_row(data_dir: Path) -> None:
    """The account and the scope are what somebody has to act on."""
    printed = run(data_dir, *REMOVING, "content/write")

    assert "robot" in printed
    assert "repository:team/b:push" in printed


def test_what_an_account_used_is_listed(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's answer, for a terminal; and it says if it did not look at all."""
    words = ("token", "least-privilege", "-n", "robot")
    found = json.loads(run(data_dir, *words, "--output", "json"))
    monkeypatch.setattr(recent_records, "RECORDS", 200)
    printed = run(data_dir, *words)

    assert found["actions"] == [
        "repositories/team/app/content/write",
        "repositories/team/b/content/write",
    ]
    assert "requests" in printed
    create = "acrux scope-map create -n NAME --repository team/app content/write "
    assert f"{create}--repository team/b content/write" in printed
    assert "only the 200 newest records were examined" in printed
