"""The scope grammar: reading, writing, merging."""

from collections import defaultdict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acrux.domain.access.scope import Scope, merge, on_catalog, on_repository, parse_all, render
from acrux.domain.content.names import RepositoryName
from acrux.errors import InvalidScope
from tests.domain.grammar import REPOSITORY_ACTIONS

actions = st.frozensets(st.sampled_from([*REPOSITORY_ACTIONS, "*", "configure"]))
scopes = st.builds(
    Scope,
    st.sampled_from(["repository", "registry", "repository(plugin)"]),
    st.sampled_from(["hello-world", "team/app", "*", "catalog", "localhost:5000/app"]),
    actions,
)


@given(scopes)
def test_a_scope_survives_writing_and_reading(scope: Scope) -> None:
    """The scope in a challenge must come back unchanged in the token request."""
    assert Scope.parse(str(scope)) == scope


@given(st.lists(scopes))
def test_scopes_of_a_challenge_are_read_back_from_a_request(wanted: list[Scope]) -> None:
    """docker sends the challenge's scope parameter back as one text."""
    assert parse_all([render(wanted)]) == merge(wanted)


@given(st.one_of(st.text("arp:,* \n", max_size=10), st.text()))
@example("repository")
@example("repository:")
@example("repository:hello-world")
@example(":hello-world:pull")
@example("repository::pull")
@example("repository:hello\nworld:pull")
@example("repository:hello\x7f:pull")
@example("repository:" + "a" * 1024 + ":pull")
@example("repository:" + "a" * 1008 + ":pull")
@example("repository:" + "a" * 1009 + ":pull")
def test_only_type_name_and_actions_make_a_scope(text: str) -> None:
    """Half a scope must not be taken for a whole one."""
    kind, *middle = text.split(":")
    is_scope = bool(kind and ":".join(middle[:-1]))
    try:
        scope = Scope.parse(text)
    except InvalidScope as refused:
        assert not is_scope or not text.isprintable() or len(text) > 1024
        assert len(refused.detail["scope"]) <= 160
    else:
        assert is_scope
        assert text.startswith(f"{scope.type}:{scope.name}:")
        assert "" not in scope.actions


def test_a_name_may_hold_a_port() -> None:
    """The first colon ends the type and the last one begins the actions, as in distribution."""
    scope = Scope.parse("repository:localhost:5000/app:pull,push")

    assert (scope.type, scope.name) == ("repository", "localhost:5000/app")
    assert scope.actions == {"pull", "push"}


def test_actions_are_written_in_a_fixed_order() -> None:
    """Clients compare the text of challenges: it must not change between answers."""
    text = "repository:a:pull,push,delete,metadata_read,metadata_write,*,configure"

    assert str(Scope.parse("repository:a:configure,*,metadata_write,delete,push,pull,metadata_read")
               ) == text  # fmt: skip


@pytest.mark.parametrize(
    "sent",
    [
        ["repository:a:pull", "repository:b:push"],
        ["repository:a:pull repository:b:push"],
        ["  repository:a:pull \t repository:b:push  "],
        ["repository:a:pull", "", "nonsense", "repository::", "repository:b:push"],
        ["repository:a:pull", "repository:b:push repository:a:pull"],
    ],
)
def test_scopes_are_read_however_they_are_sent(sent: list[str]) -> None:
    """Repeated (docker), joined (containerd), mixed, with nonsense in between: all must work."""
    assert list(map(str, parse_all(sent))) == ["repository:a:pull", "repository:b:push"]


@given(st.lists(scopes))
def test_merged_scopes_hold_the_same_and_each_resource_once(wanted: list[Scope]) -> None:
    """Clients request one repository in several scopes, and expect one right."""
    expected: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for scope in wanted:
        expected[scope.type, scope.name] |= scope.actions

    merged = merge(wanted)

    assert {(scope.type, scope.name): set(scope.actions) for scope in merged} == expected
    assert len(merged) == len(expected)
    assert merge(merged) == merged


def test_scopes_of_the_end_points_are_written_as_acr_does() -> None:
    """Clients and caches look for exactly these texts."""
    name = RepositoryName.parse("hello-world")

    assert str(on_repository(name, "push", "pull")) == "repository:hello-world:pull,push"
    assert str(on_catalog()) == "registry:catalog:*"


def test_nonsense_between_scopes_hides_none_of_them() -> None:
    """One malformed scope must not invalidate all that follow in the same text."""
    sent = ["nonsense repository:a:pull", "repository:b:pull x: repository:c:pull"]

    assert [scope.name for scope in parse_all(sent)] == ["a", "b", "c"]
