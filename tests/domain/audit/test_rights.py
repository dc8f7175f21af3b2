"""Which rule of a scope map grants an action, or that none does."""

from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.access.scope import REPOSITORY, Scope, parse_all
from acrux.domain.access.scope_maps import NOTHING, ScopeMap
from acrux.domain.audit.rights import Right, repository_options, rights
from tests.domain import grammar

TEAM = ScopeMap.parse(
    "team",
    ["repositories/team/*/content/read", "repositories/team/app/content/write",
     "repositories/*/metadata/read"],
    catalog=True,
)  # fmt: skip

permissions = st.builds(
    "repositories/{}{}/{}".format,
    grammar.names,
    st.sampled_from(["", "/*"]),
    st.sampled_from(grammar.PERMISSIONS),
)
maps = st.lists(permissions, max_size=6).map(lambda held: ScopeMap.parse("map", held))
scopes = st.builds(
    lambda name, actions: Scope(REPOSITORY, name, frozenset(actions)),
    grammar.names,
    st.lists(st.sampled_from(grammar.REPOSITORY_ACTIONS), min_size=1),
)


def test_each_action_is_shown_with_the_permission_that_grants_it() -> None:
    """Nobody can find it by reading a scope map of 500 permissions."""
    asked = parse_all(["repository:team/app:pull,push,delete,metadata_read"])

    assert rights(TEAM, asked) == (
        Right("team/app", "pull", is_held=True, permission="repositories/team/*/content/read"),
        Right("team/app", "push", is_held=True, permission="repositories/team/app/content/write"),
        Right("team/app", "delete", is_held=False),
        Right("team/app", "metadata_read", is_held=True, permission="repositories/*/metadata/read"),
    )


def test_the_catalog_is_held_without_a_permission_of_its_own() -> None:
    """It would be shown as missing although it is held."""
    asked = parse_all(["registry:catalog:*"])

    assert rights(TEAM, asked) == (Right("registry:catalog", "*", is_held=True),)
    assert rights(NOTHING, asked) == (Right("registry:catalog", "*", is_held=False),)


@given(scope_map=maps, scope=scopes)
def test_what_is_shown_as_held_is_what_the_map_allows(scope_map: ScopeMap, scope: Scope) -> None:
    """The explanation would contradict the decision."""
    allowed = scope_map.allowed_actions(scope.name)

    for right in rights(scope_map, [scope]):
        assert right.is_held == (right.action in allowed)
        assert bool(right.permission) == right.is_held
        if right.permission:
            single = ScopeMap.parse("", [right.permission])
            assert single.allowed_actions(scope.name) == {right.action}
            assert right.permission in scope_map.permissions


def test_options_hold_the_old_permissions_and_the_missing_one() -> None:
    """A fix would remove rights that worked."""
    lacking = (Right("team/app", "delete", is_held=False), Right("a b", "pull", is_held=False),
               Right("registry:catalog", "*", is_held=False))  # fmt: skip

    assert repository_options("--repository", TEAM, lacking) == (
        "--repository '*' metadata/read --repository 'team/*' content/read"
        " --repository team/app content/write content/delete --repository 'a b' content/read"
    )
    assert repository_options("--repository", NOTHING, ()) == ""


def test_management_is_shown_with_its_permission_and_its_option() -> None:
    """After a refusal at /management/v1 people would look for a repository."""
    reader = ScopeMap.parse("reader", ["management/read"])
    asked = parse_all(["registry:management:read,write"])

    held, lacking = rights(reader, asked)
    assert (held.action, held.permission) == ("read", "management/read")
    assert not lacking.is_held
    options = repository_options("--add-repository", NOTHING, (lacking,))
    assert options == "--add-management write"


def test_the_right_to_read_metrics_is_not_taken_for_that_to_read_accounts() -> None:
    """Both are `read`: a scraper that is refused must not end up with a list of all accounts."""
    scraper = ScopeMap.parse("scraper", ["metrics/read"])
    asked = parse_all(["registry:metrics:read", "registry:management:read"])

    held, lacking = rights(scraper, asked)
    assert (held.resource, held.permission) == ("registry:metrics", "metrics/read")
    assert not lacking.is_held
    options = repository_options("--repository", scraper, (lacking,))
    assert options == "--management read --metrics read"
    (missing,) = rights(NOTHING, parse_all(["registry:metrics:read"]))
    assert repository_options("--add-repository", NOTHING, (missing,)) == "--add-metrics read"
