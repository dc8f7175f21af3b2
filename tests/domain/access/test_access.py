"""Who holds what: patterns, scope maps, narrowing, permission checks."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.access.federated import FederatedIdentity
from acrux.domain.access.grants import ANONYMOUS, MAX_SCOPE_CHARACTERS, Grant, Principal, narrow
from acrux.domain.access.scope import (
    Scope,
    on_catalog,
    on_management,
    on_metrics,
    on_repository,
    parse_all,
)
from acrux.domain.access.scope_maps import ADMINISTRATOR, NOTHING, ScopeMap
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import RepositoryPattern
from acrux.errors import InvalidScope
from tests.domain.grammar import (
    ACTION_OF_PERMISSION,
    PERMISSIONS,
    REPOSITORY_ACTIONS,
    covers,
    is_name,
    near_names,
)

few_names = st.sampled_from(["team", "team/app", "team/app/x", "teams", "teams/app", "other"])
patterns = st.one_of(few_names, few_names.map("{}/*".format), st.just("*"))
rules = st.lists(st.tuples(patterns, st.sampled_from(PERMISSIONS)), max_size=5)
wanted_actions = st.frozensets(
    st.sampled_from([*REPOSITORY_ACTIONS, "*", "pull ", "PULL", "configure"]), max_size=4
)
asked_scopes = st.builds(
    Scope,
    st.sampled_from(["repository", "repository", "registry", "artifact-repository", "Repository"]),
    st.one_of(few_names, st.sampled_from(["*", "catalog", "team/*", "team/", "", "../team"])),
    wanted_actions,
)


def scope_map(rules: list[tuple[str, str]], *, catalog: bool = False) -> ScopeMap:
    """A scope map of pattern and permission pairs."""
    permissions = [f"repositories/{pattern}/{permission}" for pattern, permission in rules]
    return ScopeMap.parse("some-map", permissions, catalog=catalog)


def held(rules: list[tuple[str, str]], name: str) -> set[str]:
    """What the rules hold on a repository, naively."""
    return {
        ACTION_OF_PERMISSION[permission] for pattern, permission in rules if covers(pattern, name)
    }


def granted(
    rules: list[tuple[str, str]], asked: list[Scope], *, catalog: bool
) -> dict[tuple[str, str], set[str]]:
    """What a request should be granted, naively: scope by scope, action by action."""
    grants: dict[tuple[str, str], set[str]] = {}
    for scope in asked:
        for action in scope.actions:
            if (scope.type, scope.name) == ("registry", "catalog"):
                given = {"*"} if catalog and action == "*" else set()
            elif scope.type == "repository" and (scope.name == "*" or is_name(scope.name)):
                allowed = held(rules, scope.name)
                given = allowed if action == "*" else allowed & {action}
                for pattern, permission in rules if scope.name == "*" else ():
                    one = ACTION_OF_PERMISSION[permission]
                    if pattern != "*" and one not in allowed and action in ("*", one):
                        grants.setdefault((scope.type, pattern), set()).add(one)
            else:
                given = set()
            if given:
                grants.setdefault((scope.type, scope.name), set()).update(given)
    return grants


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("*", {"team", "team/app", "team/app/x", "teams", "*"}),
        ("team/*", {"team/app", "team/app/x"}),
        ("team/app/*", {"team/app/x"}),
        ("team", {"team"}),
        ("team/app", {"team/app"}),
        ("teams/*", set()),
    ],
)
def test_a_pattern_applies_to_everything_below_it(pattern: str, covered: set[str]) -> None:
    """`team/*` must include team/app/x, and neither team itself nor teams."""
    names = {"team", "team/app", "team/app/x", "teams", "*"}

    assert {name for name in names if RepositoryPattern.parse(pattern).covers(name)} == covered


@given(patterns, st.one_of(few_names, st.just("*")))
def test_a_pattern_covers_as_the_naive_reading_does(pattern: str, name: str) -> None:
    """A rule that applies to one repository too many is a hole."""
    assert RepositoryPattern.parse(pattern).covers(name) is covers(pattern, name)


@given(st.one_of(near_names, st.sampled_from(
    ["a/*/b", "a/b*", "a/*/b/*", "*a", "**", "*/", "*/*", "/*", "/", "", "a/", "a//*", "A/*", "*\n"]
)))  # fmt: skip
def test_a_wildcard_is_a_whole_last_component(text: str) -> None:
    """What ACR refuses must not be read here as something wider (acr-protocol.md §4.3)."""
    is_pattern = text == "*" or is_name(text.removesuffix("/*"))
    try:
        RepositoryPattern.parse(text)
    except InvalidScope:
        assert not is_pattern
    else:
        assert is_pattern


@pytest.mark.parametrize(("permission", "action"), ACTION_OF_PERMISSION.items())
def test_a_permission_becomes_its_action(permission: str, action: str) -> None:
    """Here ACR's two vocabularies meet: a wrong row gives push to an account that may pull."""
    held = ScopeMap.parse("map", [f"repositories/team/app/{permission}"])

    assert held.allowed_actions("team/app") == {action}
    assert held.allowed_actions("team/other") == frozenset()


@pytest.mark.parametrize("pattern", ["*", "a/*", "a/b/*", "a/b/c/*", "a/b/c/d"])
def test_a_wildcard_applies_at_any_depth(pattern: str) -> None:
    """A team would lose the repositories that it sorts into folders."""
    held = ScopeMap.parse("map", [f"repositories/{pattern}/content/read"])

    assert held.allowed_actions("a/b/c/d", frozenset({"pull", "push"})) == {"pull"}
    assert held.allowed_actions("a/b/c/d", frozenset({"push"})) == frozenset()


@pytest.mark.parametrize(
    "text",
    ["", "repositories", "repositories/", "repositories/content/read", "repositories//content/read",
     "team/content/read", "repositories/team/content", "repositories/team/content/execute",
     "repositories/team/content/read/", "repositories/team/pull", "repositories/*//content/read",
     "gateway/team/config/read", "Repositories/team/content/read", "repositories/metadata/write"],
)  # fmt: skip
def test_a_permission_that_is_not_understood_is_refused(text: str) -> None:
    """A typo must be reported to its author, and never grant something else."""
    with pytest.raises(InvalidScope):
        ScopeMap.parse("map", [text])


@given(rules, st.lists(asked_scopes, max_size=5), st.booleans())
def test_what_is_granted_is_what_was_asked_and_is_allowed(
    rules: list[tuple[str, str]], asked: list[Scope], catalog: bool
) -> None:
    """The heart of the registry: one action more is a hole, one less is a failed push."""
    grant = narrow(Principal("someone", scope_map(rules, catalog=catalog)), asked)

    assert grant.principal == "someone"
    grants = {(scope.type, scope.name): set(scope.actions) for scope in grant.scopes}
    assert grants == granted(rules, asked, catalog=catalog)


@given(rules, st.lists(asked_scopes, max_size=5), few_names, st.sampled_from(REPOSITORY_ACTIONS))
def test_a_grant_never_permits_more_than_the_map_holds(
    rules: list[tuple[str, str]], asked: list[Scope], name: str, action: str
) -> None:
    """The map is the limit, whatever is requested and however."""
    grant = narrow(Principal("someone", scope_map(rules)), asked)

    required = on_repository(RepositoryName.parse(name), action)
    if grant.permits(required):
        assert action in held(rules, name)
        assert any(
            scope.without_class.type == "repository"
            and scope.name in (name, "*")
            and {action, "*"} & scope.actions
            for scope in asked
        )


@given(st.lists(asked_scopes, max_size=5), st.lists(asked_scopes, max_size=3))
def test_an_empty_map_grants_nothing(asked: list[Scope], required: list[Scope]) -> None:
    """Anonymous is a principal with an empty map, never a skipped check."""
    for grant in (narrow(ANONYMOUS, asked), narrow(Principal("new", NOTHING), asked)):
        assert grant.scopes == ()
        assert not any(map(grant.permits, required))


def test_the_administrator_holds_every_action_and_the_catalog() -> None:
    """The first login of a new registry must be able to do everything."""
    asked = [Scope.parse("repository:any/thing:*"), on_catalog()]

    grant = narrow(Principal("acrux", ADMINISTRATOR), asked)

    assert grant.scopes[0].actions == set(REPOSITORY_ACTIONS)
    assert grant.permits(on_catalog())


def test_all_repositories_can_be_asked_for_at_once() -> None:
    """acr-cli requests only repository:*:*, and then works on every repository."""
    grant = narrow(Principal("acrux", ADMINISTRATOR), [Scope.parse("repository:*:*")])

    assert grant.permits(Scope.parse("repository:team/app:pull,push,delete"))
    assert not grant.permits(on_catalog())


def test_all_repositories_at_once_are_granted_as_far_as_they_are_held() -> None:
    """acr-cli requests `repository:*:*`: an account that holds team/* gets these and no others."""
    asked = [Scope.parse("repository:*:*")]

    grant = narrow(Principal("someone", scope_map([("team/*", "content/read")])), asked)

    assert grant.scopes == (Scope.parse("repository:team/*:pull"),)
    assert grant.permits(Scope.parse("repository:team/app:pull"))
    for other in ("team", "teams/app", "*"):
        assert not grant.permits(Scope.parse(f"repository:{other}:pull"))


def test_a_long_scope_map_leaves_room_for_what_is_asked_for_by_its_name() -> None:
    """The patterns of `repository:*:*` fill a token of their own."""
    rules = [(f"team-{number:03}/application/*", "content/read") for number in range(200)]
    held = scope_map([*rules, ("zz/app", "content/read")], catalog=True)
    asked = parse_all(["repository:*:pull repository:zz/app:pull registry:catalog:*"])

    granted = narrow(Principal("someone", held), asked).scopes

    assert [str(scope) for scope in granted[:2]] == [
        "repository:zz/app:pull",
        "registry:catalog:*",
    ]
    assert len(granted) > 50


@pytest.mark.parametrize("characters", [3, 30, 255])
def test_more_scopes_than_a_header_carries_are_left_out(characters: int) -> None:
    """A token too long for a proxy would fail everywhere, without a reason."""
    names = [f"{number:03}".ljust(characters, "a") for number in range(400)]
    asked = [Scope("repository", name, frozenset({"pull"})) for name in names]

    granted = narrow(Principal("acrux", ADMINISTRATOR), asked).scopes

    entries = [
        {"type": scope.type, "name": scope.name, "actions": list(scope.actions)}
        for scope in granted
    ]
    assert 5000 - characters < len(json.dumps(entries, separators=(",", ":"))) <= 5500
    assert [scope.name for scope in granted] == names[: len(granted)]


@given(st.lists(asked_scopes), asked_scopes)
def test_a_requirement_without_actions_is_permitted_by_nothing(
    scopes: list[Scope], required: Scope
) -> None:
    """Without a rule a request is refused: a route with an empty requirement stays shut."""
    grant = Grant("someone", (*scopes, Scope(required.type, required.name, frozenset({"*"}))))

    assert not grant.permits(Scope(required.type, required.name, frozenset()))


@pytest.mark.parametrize(
    ("scopes", "required", "permitted"),
    [
        ("repository:a:pull", "repository:a:pull", True),
        ("repository:a:pull,push", "repository:a:pull", True),
        ("repository:a:pull", "repository:a:pull,push", False),
        ("repository:a:pull repository:a:push", "repository:a:pull,push", True),
        ("repository:*:pull repository:a:push", "repository:a:pull,push", True),
        ("repository:a:*", "repository:a:delete", True),
        ("repository:a:pull", "repository:a/b:pull", False),
        ("repository:a/*:pull", "repository:a/b:pull", True),
        ("repository:a/*:pull", "repository:a:pull", False),
        ("repository:a/*:pull", "repository:ab/b:pull", False),
        ("repository:a/*:pull", "repository:*:pull", False),
        ("registry:catalog:*", "repository:catalog:pull", False),
        ("registry:*:*", "registry:catalog:*", False),
        ("repository:*:*", "registry:catalog:*", False),
        ("", "repository:a:pull", False),
    ],
)
def test_a_grant_permits_what_its_entries_add_up_to(
    scopes: str, required: str, *, permitted: bool
) -> None:
    """This comparison alone decides about every request."""
    grant = Grant("someone", tuple(map(Scope.parse, scopes.split())))

    assert grant.permits(Scope.parse(required)) is permitted


def test_the_repositories_on_which_an_action_is_held_are_listed() -> None:
    """The catalog and mounts use them: one too many shows somebody's images."""
    held = scope_map(
        [("team/*", "content/read"), ("own", "content/write"), ("*", "content/delete")]
    )
    scopes = "repository:a:pull repository:b:push repository:*:pull,push registry:pull:pull"
    grant = Grant("someone", tuple(map(Scope.parse, scopes.split())))

    assert [pattern.text for pattern in held.patterns("pull")] == ["team/*"]
    assert [pattern.text for pattern in held.patterns("pull", "push")] == ["own", "team/*"]
    assert held.patterns() == held.patterns("metadata_read") == ()
    assert [pattern.text for pattern in grant.patterns("pull")] == ["a", "*"]
    assert grant.patterns("delete") == ()


def test_a_scope_map_keeps_its_name_and_lists_nothing_unless_it_is_told_to() -> None:
    """The catalog is a right of its own."""
    held = ScopeMap.parse("a-map", ["repositories/a/content/read"])

    assert (held.name, held.catalog) == ("a-map", False)
    assert ScopeMap.parse("a-map", [], catalog=True).catalog is True
    assert held.ordered_permissions == ("repositories/a/content/read",)


def test_the_scopes_that_just_fit_a_header_are_granted() -> None:
    """With one character more, the last one is left out."""
    around = len('{"type":"repository","name":"","actions":["pull",]},')
    exact = MAX_SCOPE_CHARACTERS - 21 * (around + 200) - around
    names = [f"{number:03}".ljust(200, "a") for number in range(21)]

    for characters, granted in ((exact, 22), (exact + 1, 21)):
        asked = [Scope("repository", name, frozenset({"pull"})) for name in names]
        last = Scope("repository", "z" * characters, frozenset({"pull"}))
        grant = narrow(Principal("acrux", ADMINISTRATOR), [*asked, last])
        assert len(grant.scopes) == granted


def test_what_a_federated_identity_carries_takes_its_room_from_the_scopes() -> None:
    """Its token would be longer than the headers that a proxy accepts."""
    around = len('{"type":"repository","name":"","actions":["pull",]},')
    names = [f"{number:03}".ljust(200, "a") for number in range(21)]
    last = "z" * (MAX_SCOPE_CHARACTERS - 21 * (around + 200) - around)
    asked = [Scope("repository", name, frozenset({"pull"})) for name in (*names, last)]
    federated = FederatedIdentity("ci", "a-subject")

    granted = [
        len(narrow(Principal("somebody", ADMINISTRATOR, federated=of), asked).scopes)
        for of in (None, federated)
    ]
    assert federated.size > 0
    assert granted == [22, 21]


@pytest.mark.parametrize(
    ("permissions", "asked", "is_granted"),
    [
        ({"metrics/read"}, {"read"}, True),
        ({"metrics/read"}, {"*"}, True),
        ({"metrics/read"}, {"write"}, False),
        ({"management/read", "management/write"}, {"*"}, False),
        ({"repositories/*/content/read"}, {"read"}, False),
    ],
)
def test_reading_metrics_is_a_right_of_its_own(
    permissions: set[str], asked: set[str], *, is_granted: bool
) -> None:
    """A scraper's password lies on another machine, and must open nothing but the metrics."""
    principal = Principal("scraper", ScopeMap.parse("map", permissions))
    everything = [Scope("registry", name, frozenset(asked)) for name in ("metrics", "management")]

    grant = narrow(principal, everything)

    assert grant.permits(on_metrics()) is is_granted
    if "metrics/read" in permissions:
        assert not any(grant.permits(on_management(action)) for action in ("read", "write"))


@pytest.mark.parametrize("asked", ["*", "pull", "*,pull", "read"])
@pytest.mark.parametrize("catalog", [True, False])
def test_the_catalog_is_granted_as_a_whole_and_only_if_held(asked: str, *, catalog: bool) -> None:
    """`registry:catalog:*` is the only way to request it, and all that is ever granted."""
    held = scope_map([("*", "content/read")], catalog=catalog)

    granted = narrow(Principal("someone", held), [Scope.parse(f"registry:catalog:{asked}")]).scopes

    assert granted == ((on_catalog(),) if catalog and "*" in asked else ())


@pytest.mark.parametrize(
    ("permissions", "asked", "expected"),
    [
        ({"management/read", "management/write"}, {"*"}, {"read", "write"}),
        ({"management/read"}, {"*"}, {"read"}),
        ({"management/read"}, {"read", "write"}, {"read"}),
        ({"management/write"}, {"read"}, set()),
        ({"repositories/*/content/read"}, {"*"}, set()),
    ],
)
def test_management_is_granted_as_far_as_it_is_held(
    permissions: set[str], asked: set[str], expected: set[str]
) -> None:
    """`*` requests all that is held, as on a repository, and nothing more."""
    principal = Principal("acrux", ScopeMap.parse("map", permissions))

    grant = narrow(principal, [Scope("registry", "management", frozenset(asked))])

    assert {action for scope in grant.scopes for action in scope.actions} == expected
