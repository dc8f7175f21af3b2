"""What a recorded request needed."""

from datetime import UTC, datetime, timedelta

import pytest

from acrux.domain.access.scope import parse_all
from acrux.domain.access.scope_maps import ScopeMap
from acrux.domain.audit.decision import Decision, Outcome, Record, record_id
from acrux.domain.audit.needs import lacking, needed, permissions
from acrux.domain.audit.simulation import MAX_EFFECTS, Simulation
from acrux.domain.audit.used import MAX_USES, Uses
from acrux.domain.instants import to_microseconds

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
TOKEN = "GET /oauth2/token"
READ = ScopeMap("m", frozenset({"repositories/team/*/content/read"}))
BOTH = ScopeMap(
    "m", frozenset({"repositories/team/*/content/read", "repositories/team/*/content/write"})
)


def record(
    request: str, asked: str, granted: str = "", minute: int = 0, reason: str = ""
) -> Record:
    """A record of a request; refused if a reason is given."""
    at = to_microseconds(NOON + timedelta(minutes=minute))
    decision = Decision(
        request=request,
        outcome=Outcome.REFUSED if reason else Outcome.GRANTED,
        account="robot",
        asked=parse_all([asked]),
        granted=parse_all([granted]),
        reason=reason,
        case="k000000001" if reason else "",
    )
    return Record(record_id(at, "aaaaaa"), decision)


def test_a_token_needed_what_it_got_and_not_what_was_asked() -> None:
    """Clients ask for more than they get, and that is no error."""
    issued = record(TOKEN, "repository:team/app:pull,push", "repository:team/app:pull")

    assert [*map(str, needed(issued.decision))] == ["repository:team/app:pull"]


def test_another_request_needed_what_it_asked_and_not_what_its_token_held() -> None:
    """A token for everything says nothing about what was done with it."""
    push = record("PUT /v2/team/app/manifests/v1", "repository:team/app:pull,push", "x:y:z")

    assert [*map(str, needed(push.decision))] == [
        "repository:team/app:pull",
        "repository:team/app:push",
    ]


@pytest.mark.parametrize(
    ("scope", "is_lacking"),
    [
        ("repository:team/app:pull", False),
        ("repository:team/*:pull", False),
        ("repository:team/deep/*:pull", False),
        ("repository:*:pull", True),
        ("repository:other/*:pull", True),
        ("repository:team/*:push", True),
        ("registry:catalog:*", True),
        ("registry:management:read", True),
    ],
)
def test_a_scope_is_lacking_unless_the_scope_map_grants_it(scope: str, is_lacking: bool) -> None:
    """A token for all below a prefix is granted by a permission for all below it."""
    assert bool(lacking(READ, parse_all([scope]))) is is_lacking


def test_each_scope_has_the_permission_that_grants_it() -> None:
    """What is suggested must be what a scope map understands."""
    scopes = [
        "repository:a/b:pull", "repository:a/*:metadata_read", "repository:a:fly",
        "registry:management:write", "registry:catalog:*", "registry:nothing:read", "x:y:pull",
    ]  # fmt: skip

    assert [*permissions(parse_all(scopes))] == [
        "repositories/a/b/content/read", "repositories/a/*/metadata/read", "management/write",
    ]  # fmt: skip


def test_what_succeeded_and_lacks_a_right_then_would_be_refused() -> None:
    """This is what somebody wants to know before they take a right away."""
    simulation = Simulation()
    pushes = [
        record("PUT /v2/team/app/manifests/2", "repository:team/app:pull,push", minute=2),
        record("PUT /v2/team/app/manifests/1", "repository:team/app:pull,push", minute=1),
        record("PUT /v2/team/app/manifests/3", "repository:team/app:pull,push", minute=3),
    ]
    for push in pushes:
        simulation.judge(push, BOTH, READ)
    simulation.judge(
        record(TOKEN, "repository:team/app:pull", "repository:team/app:pull"), BOTH, READ
    )
    simulation.judge(record("GET /v2/", ""), BOTH, READ)

    [effect] = simulation.refused
    assert (effect.account, effect.requests, effect.request) == (
        "robot", 3, "PUT /v2/team/app/manifests/3",
    )  # fmt: skip
    assert [*map(str, effect.scopes)] == ["repository:team/app:push"]
    assert effect.last_at == NOON + timedelta(minutes=3)
    assert (simulation.judged, simulation.unknown, simulation.allowed) == (4, 1, ())


def test_what_was_refused_for_that_right_then_would_succeed() -> None:
    """This is what somebody wants to know before they give a right."""
    simulation = Simulation()
    push = ("PUT /v2/team/app/manifests/1", "repository:team/app:pull,push", "")
    simulation.judge(record(*push, reason="missing-scope"), READ, BOTH)
    simulation.judge(record(*push, reason="wrong-password"), READ, BOTH)
    simulation.judge(record(*push, reason="missing-scope"), READ, READ)
    simulation.judge(record(*push, reason="missing-scope"), BOTH, BOTH)
    simulation.pass_over()

    [effect] = simulation.allowed
    assert (effect.requests, effect.case) == (1, "k000000001")
    assert (simulation.judged, simulation.unknown, simulation.refused) == (3, 1, ())


def test_a_simulation_is_bounded() -> None:
    """An account may have asked for a million repositories."""
    simulation = Simulation()
    for number in range(MAX_EFFECTS + 1):
        simulation.judge(record("PUT /v2/x", f"repository:team/a{number}:push"), BOTH, READ)

    assert (len(simulation.refused), simulation.omitted) == (MAX_EFFECTS, 1)


def test_the_uses_say_what_only_tokens_hold() -> None:
    """Whether a right was used, or only asked for, decides whether it can go."""
    uses = Uses()
    uses.add(record(TOKEN, "", "repository:a:pull,delete", minute=5))
    uses.add(record("DELETE /v2/a/manifests/1", "repository:a:delete", minute=1))

    deleted, pulled = uses.all
    assert (deleted.permission, deleted.requests, deleted.only_tokens) == (
        "repositories/a/content/delete", 2, False,
    )  # fmt: skip
    assert deleted.last_at == NOON + timedelta(minutes=5)
    assert (pulled.permission, pulled.only_tokens) == ("repositories/a/content/read", True)


def test_a_record_that_does_not_say_what_was_needed_is_counted() -> None:
    """A report that leaves it out without a word would look complete."""
    uses = Uses()
    uses.add(record("PUT /v2/x", ""))
    uses.add(record(TOKEN, ""))

    assert (uses.all, uses.unknown) == ((), 1)


def test_the_uses_are_bounded() -> None:
    """More permissions do not fit into a scope map."""
    uses = Uses()
    for number in range(MAX_USES + 2):
        uses.add(record("PUT /v2/x", f"repository:a{number}:push"))

    assert (len(uses.all), uses.omitted) == (MAX_USES, 2)
