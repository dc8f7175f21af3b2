"""Trusts: which claims they accept, and that no claim widens a grant."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from acrux.domain.access.federated import FederatedIdentity, check_time, holder, texts_of
from acrux.domain.access.scope import ACTIONS
from acrux.domain.access.scope_maps import NOTHING
from acrux.domain.access.trust import (
    MAX_RULES,
    ClaimRule,
    Trust,
    filled,
    placeholders,
    scope_map_of,
)
from acrux.domain.content.names import RepositoryName
from acrux.errors import InvalidInput, InvalidName, InvalidToken

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TRUST = Trust(
    name="ci",
    issuer="https://issuer.test",
    audience="registry.test",
    rules=(ClaimRule("repository", "org/*"),),
    permissions=("repositories/{repository}/content/write",),
)
CLAIMS: dict[str, Any] = {"aud": "registry.test", "sub": "a-subject", "repository": "org/app"}
GITHUB = "https://token.actions.githubusercontent.com"


def test_a_claim_is_found_by_dots_even_if_names_hold_dots() -> None:
    """Kubernetes nests its claims below `kubernetes.io`."""
    claims = {
        "kubernetes.io": {"namespace": "build", "serviceaccount": {"name": "pusher"}},
        "a.b": {"c": "longest"},
        "a": {"b": {"c": "shorter"}, "d": "x"},
        "plain": {"b.c": "y"},
    }

    for path, texts in (
        ("kubernetes.io.namespace", ("build",)),
        ("kubernetes.io.serviceaccount.name", ("pusher",)),
        ("a.b.c", ("longest",)),
        ("a.d", ("x",)),
        ("plain.b.c", ("y",)),
        ("kubernetes.io", ()),
        ("kubernetes.io.nothing", ()),
        ("a.d.e", ()),
        ("nothing", ()),
        ("", ()),
        (".", ()),
    ):
        assert texts_of(claims, path) == texts, path


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("text", ("text",)),
        (True, ("true",)),
        (7, ("7",)),
        (["a", 1, False, None, {}, ["b"]], ("a", "1", "false")),
        (None, ()),
        (1.5, ()),
        ({}, ()),
    ],
)
def test_a_claim_is_read_as_text_whatever_its_type(value: object, texts: tuple[str, ...]) -> None:
    """GitLab sends ref_protected as text, others as a boolean; groups are lists."""
    assert texts_of({"claim": value}, "claim") == texts


TEXT = st.text(st.sampled_from("ab*?[]/.\\^\n"), max_size=6)


def naive(pattern: str, text: str) -> bool:
    """A second, naive reading of the two wildcards."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return naive(pattern[1:], text) or bool(text and naive(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and naive(pattern[1:], text[1:])


@given(TEXT, TEXT)
@example("[ab]", "a")
@example("a[!b]", "ac")
def test_a_rule_matches_as_its_wildcards_say_and_nothing_else(pattern: str, text: str) -> None:
    """A bracket or a dot with a special meaning would let in identities that nobody meant."""
    objection = ClaimRule("claim", pattern).objection({"claim": text})

    assert (not objection) == naive(pattern, text)


def test_one_matching_member_of_a_list_is_enough() -> None:
    """For groups."""
    rule = ClaimRule("groups", "pushers")

    assert rule.objection({"groups": ["readers", "pushers"]}) == ()
    assert rule.objection({"groups": ["readers"]}) != ()
    assert rule.objection({"groups": []}) != ()
    assert rule.objection({}) == ("the claim groups is missing, but must be 'pushers'",)


def test_all_rules_must_match_and_each_that_does_not_is_reported() -> None:
    """The author of a trust must see at once what is wrong."""
    trust = replace(TRUST, rules=(*TRUST.rules, ClaimRule("ref", "refs/heads/main")))

    good = trust.judge({**CLAIMS, "ref": "refs/heads/main"})
    bad = trust.judge({"aud": "other", "repository": "evil/app", "ref": "refs/heads/dev"})

    assert good.lets_in
    assert good.is_addressed
    assert good.identity == FederatedIdentity("ci", "a-subject", (("repository", "org/app"),))
    assert not bad.lets_in
    assert not bad.is_addressed
    assert bad.objections == (
        "the claim aud is 'other', but must be 'registry.test'",
        "the claim repository is 'evil/app', but must be 'org/*'",
        "the claim ref is 'refs/heads/dev', but must be 'refs/heads/main'",
        "the claim sub is not a text of 1 to 255 printable ASCII characters",
    )


def test_a_disabled_trust_lets_in_nobody() -> None:
    """The switch must hold for every caller."""
    verdict = replace(TRUST, is_enabled=False).judge(CLAIMS)

    assert verdict.objections == ("the trust is disabled",)


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("owner", "a/b"), ("owner", "*"), ("owner", ".."), ("owner", ""), ("owner", "a b"),
        ("owner", "\u212awik"), ("owner", "é"), ("owner", "-a"), ("owner", ["a"] * 2),
        ("owner", None), ("repository", "org/*"), ("repository", "org//a"),
        ("repository", "/org/a"), ("repository", "org/a/"), ("repository", "org/../a"),
    ],
)  # fmt: skip
def test_a_value_that_is_not_a_fragment_of_a_name_is_refused(claim: str, value: object) -> None:
    """Each of these would reach another repository than the trust's author meant."""
    trust = replace(
        TRUST,
        rules=(ClaimRule("sub", "*"),),
        permissions=(f"repositories/{{{claim}}}/*/content/write",),
    )

    verdict = trust.judge({**CLAIMS, claim: value})

    assert len(verdict.objections) == 1
    assert f"the claim {claim} " in verdict.objections[0]


def test_a_value_is_written_in_lower_case() -> None:
    """GitHub's names have capitals, a repository's name has none."""
    verdict = TRUST.judge({**CLAIMS, "repository": "org/MyApp"})

    assert verdict.identity.values == (("repository", "org/myapp"),)


def test_values_that_make_a_name_too_long_are_refused() -> None:
    """A right on a name that cannot exist would surprise somebody later."""
    trust = replace(TRUST, permissions=("repositories/{repository}/{sub}/content/read",))

    verdict = trust.judge({**CLAIMS, "repository": "org/" + "a" * 200, "sub": "b" * 200})

    assert verdict.objections == ("the claims make a repository name too long",)


TEMPLATES = st.sampled_from(
    [
        ("repositories/{a}/*/content/write",),
        ("repositories/team/{a}/content/write",),
        ("repositories/{a}/{b}/content/write", "repositories/{b}/content/read"),
        ("repositories/{project_path}/{a}/content/write",),
        ("repositories/own/{repository}/*/content/write",),
    ]
)
VALUES = st.one_of(
    st.text(st.sampled_from("aB0*/.-_{}%\u212a\u0130 "), max_size=8),
    st.from_regex(r"[a-z]{1,3}(/[a-z]{1,3}){0,2}", fullmatch=True),
)


# Most claims are refused, as they should be.
@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(
    TEMPLATES,
    st.fixed_dictionaries(dict.fromkeys(("a", "b", "project_path", "repository"), VALUES)),
    st.from_regex(r"[a-z]{1,4}(/[a-z]{1,4}){0,3}", fullmatch=True),
)
def test_a_placeholder_never_widens(
    permissions: tuple[str, ...], values: dict[str, str], asked: str
) -> None:
    """No claim opens a repository that the template, with the claim filled in, does not name."""
    trust = replace(TRUST, rules=(ClaimRule("sub", "*"),), permissions=permissions)
    verdict = trust.judge({**CLAIMS, **values})
    held = scope_map_of(trust, (), verdict.identity) if verdict.lets_in else NOTHING

    patterns = held.patterns(*ACTIONS)
    for name in (asked, *(pattern.text.replace("*", "x") for pattern in patterns)):
        if held.allowed_actions(name):
            assert any(literally(text, values).fullmatch(name) for text in permissions)
    assert held.allowed_actions("*") == frozenset()


def literally(permission: str, values: dict[str, str]) -> re.Pattern[str]:
    """The names that a permission covers if each claim stands for exactly its own text."""
    pattern = permission.removeprefix("repositories/").rpartition("/content/")[0]
    written = re.split(r"(\{\w+\}|\*)", pattern)
    return re.compile(
        "".join(
            ".+"
            if part == "*"
            else re.escape(values[part[1:-1]].lower())
            if part.startswith("{")
            else re.escape(part)
            for part in written
        )
    )


@given(VALUES)
def test_a_value_with_a_slash_stands_only_for_claims_that_are_paths(value: str) -> None:
    """`a/b` + `c` and `a` + `b/c` must not lead to the same repository."""
    trust = replace(
        TRUST, rules=(ClaimRule("sub", "*"),), permissions=("repositories/{a}/content/read",)
    )
    lets_in = trust.judge({**CLAIMS, "a": value}).lets_in

    try:
        RepositoryName.parse(value.lower())
        is_component = value.isascii() and "/" not in value
    except InvalidName:
        is_component = False
    assert lets_in == is_component


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "x"},
        {"name": "a/b"},
        {"issuer": "http://issuer.test"},
        {"issuer": "http://127.0.0.1.evil.test"},
        {"issuer": "https://issuer.test?x"},
        {"issuer": "https://issuer.test#x"},
        {"issuer": "https://user@issuer.test"},
        {"issuer": "issuer.test"},
        {"issuer": "https://" + "a" * 300},
        {"audience": ""},
        {"audience": " "},
        {"audience": "a*"},
        {"lifetime": timedelta(minutes=9)},
        {"lifetime": timedelta(days=366)},
        {"rules": ()},
        {"rules": (ClaimRule("a", "b"),) * (MAX_RULES + 1)},
        {"rules": (ClaimRule("", "b"),)},
        {"rules": (ClaimRule("a", ""),)},
        {"rules": (ClaimRule("a", "b\n"),)},
        {"permissions": ()},
        {"scope_map": "both"},
        {"permissions": ("repositories/x/fly",)},
        {"permissions": ("repositories/a{b}/content/read",)},
        {"permissions": ("repositories/{}/content/read",)},
        {"permissions": ("repositories/{a/content/read",)},
        {"permissions": ("repositories/x/content/{a}",)},
        {"permissions": ("repositories/{repository}/{project_path}/content/read",)},
        {"permissions": ("repositories/{repository}/{repository}/content/read",)},
    ],
)
def test_an_unusable_rule_is_refused(changed: dict[str, Any]) -> None:
    """When it is created, with an explanation, and not at three in the morning."""
    with pytest.raises(InvalidInput) as refused:
        replace(TRUST, **changed).check()

    assert refused.value.message


@pytest.mark.parametrize(
    "issuer",
    ["https://issuer.test", "https://issuer.test:8443/path/", "http://127.0.0.1:8080",
     "http://localhost", "http://[::1]:1/x", "https://[2001:db8::1]"],
)  # fmt: skip
def test_an_issuer_is_https_or_on_this_machine(issuer: str) -> None:
    """Anybody on the way can answer what travels in the clear."""
    replace(TRUST, issuer=issuer).check()


@pytest.mark.parametrize(
    ("rule", "is_enough"),
    [
        ("repository=org/app", True),
        ("repository=org/*", True),
        ("repository_owner=org", True),
        ("repository_owner_id=123", True),
        ("sub=repo:org/app:*", True),
        ("repository=org*", False),
        ("repository=*/app", False),
        ("repository=*", False),
        ("repository_owner=or?", False),
        ("sub=repo:*", False),
        ("sub=*", False),
        ("ref=refs/heads/main", False),
        ("actor=somebody", False),
    ],
)
@pytest.mark.parametrize("issuer", [GITHUB, f"{GITHUB}/"])
def test_a_trust_in_a_shared_issuer_must_say_whose_tokens_count(
    issuer: str, rule: str, is_enough: bool
) -> None:
    """Anybody on github.com could otherwise push."""
    claim, _, pattern = rule.partition("=")
    trust = replace(TRUST, issuer=issuer, rules=(ClaimRule(claim, pattern),))

    if is_enough:
        trust.check()
    else:
        with pytest.raises(InvalidInput, match="anybody"):
            trust.check()


def test_a_trust_that_names_a_scope_map_gives_what_it_holds() -> None:
    """The map may be built in, or one of these permissions."""
    identity = FederatedIdentity("ci", "a-subject")
    own = replace(TRUST, permissions=(), scope_map="my-map")
    system = replace(TRUST, permissions=(), scope_map="_repositories_pull")

    held = scope_map_of(own, ("repositories/app/content/read",), identity)
    assert held.allowed_actions("app") == {"pull"}
    assert scope_map_of(own, (), identity).permissions == frozenset()
    assert scope_map_of(system, (), identity).allowed_actions("any") == {"pull"}


def test_a_placeholder_without_a_value_grants_nothing() -> None:
    """A permission added later may name claims that an older token does not carry."""
    held = filled(("repositories/{a}/content/read", "repositories/x/content/read"), ())

    assert held.ordered_permissions == ("repositories/x/content/read",)
    assert placeholders(("repositories/{a}/{b}/*/content/read", "x/{a}/")) == ("a", "b")


def test_the_name_of_a_federated_identity_cannot_be_an_accounts() -> None:
    """An account's name holds no slash."""
    identity = FederatedIdentity("ci", "repo:org/app", (("a", "b"),))

    assert identity.name == "trusts/ci/repo:org/app"
    assert identity.holder == holder("ci") == "trusts/ci"
    assert identity.size > len(identity.name)


GOOD_TIME: dict[str, object] = {"iat": NOW.timestamp(), "exp": NOW.timestamp() + 300}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"exp": NOW.timestamp() - 59},
        {"iat": NOW.timestamp() + 60},
        {"nbf": NOW.timestamp() + 60},
        {"iat": 0},
    ],
)
def test_clocks_may_differ_by_a_minute(changed: dict[str, object]) -> None:
    """No two clocks agree."""
    check_time({**GOOD_TIME, **changed}, NOW)


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": NOW.timestamp() - 60},
        {"iat": NOW.timestamp() + 61},
        {"nbf": NOW.timestamp() + 61},
        {"exp": True},
        {"exp": "1"},
        {"exp": -1},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": 10**30},
        {"nbf": None},
        {"iat": []},
    ],
)
def test_a_token_outside_its_time_is_refused(changed: dict[str, object]) -> None:
    """And so is one that does not state its time."""
    with pytest.raises(InvalidToken):
        check_time({**GOOD_TIME, **changed}, NOW)


@pytest.mark.parametrize("missing", [("exp",), ("iat",)])
def test_a_token_must_say_when_it_begins_and_ends(missing: tuple[str, ...]) -> None:
    """A token without an expiry would be valid for ever."""
    with pytest.raises(InvalidToken):
        check_time({name: GOOD_TIME[name] for name in GOOD_TIME if name not in missing}, NOW)
