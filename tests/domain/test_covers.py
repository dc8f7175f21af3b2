"""Whether one scope map covers another: rights that grew or shrank."""

from datetime import timedelta
from itertools import product

import pytest
from msgspec.structs import replace

from acrux.domain.access import built_in_scope_maps
from acrux.domain.access.trust import ClaimRule, Trust
from acrux.domain.content.patterns import RepositoryPattern

NAMES = ("a", "a/b", "a/b/c", "ab", "b")
PATTERNS = ("*", "a/*", "a/b/*", "a", "a/b", "b")


@pytest.mark.parametrize(("one", "other"), tuple(product(PATTERNS, PATTERNS)))
def test_a_pattern_covers_another_if_it_matches_all_that_the_other_does(
    one: str, other: str
) -> None:
    """A lost right would pass for one still held, and a token would go on with it."""
    spoken_of = {
        name for name in (*NAMES, "z", "a/z", "a/b/z") if RepositoryPattern(other).covers(name)
    }
    held = {name for name in spoken_of if RepositoryPattern(one).covers(name)}

    covers = RepositoryPattern(one).covers_every(RepositoryPattern(other))

    assert covers == (held == spoken_of)


READ, WRITE = "repositories/a/*/content/read", "repositories/a/*/content/write"
CASES = (
    ((READ,), (READ,), True),
    ((READ, WRITE), (READ,), True),
    ((READ,), (READ, WRITE), False),
    (("repositories/*/content/read",), (READ,), True),
    ((READ,), ("repositories/a/b/content/read",), True),
    ((READ,), ("repositories/a/b/content/write",), False),
    ((READ,), (), True),
    ((), (READ,), False),
    (("management/write",), ("management/read",), False),
    ((READ, "management/read"), (READ,), True),
    ((READ,), (READ, "management/read"), False),
)


@pytest.mark.parametrize(("after", "before", "covers"), CASES)
def test_a_scope_map_covers_another_if_it_grants_no_less(
    after: tuple[str, ...],
    before: tuple[str, ...],
    covers: bool,
) -> None:
    """Rights that shrink end tokens at once, rights that grow end none."""
    one, other = (
        built_in_scope_maps.read("its-own", frozenset(texts)) for texts in (after, before)
    )

    assert one.covers(other) is covers


TRUST = Trust(
    name="ci",
    issuer="https://issuer.test",
    audience="registry.test",
    rules=(ClaimRule("repository", "org/app"), ClaimRule("ref", "main")),
    permissions=(READ,),
)
CHANGED = {
    "a rule less": (replace(TRUST, rules=TRUST.rules[:1]), True),
    "one more permission": (replace(TRUST, permissions=(READ, WRITE)), True),
    "a longer life": (replace(TRUST, lifetime=timedelta(days=1)), True),
    "nothing": (TRUST, True),
    "another rule": (replace(TRUST, rules=(ClaimRule("repository", "org/*"),)), False),
    "another audience": (replace(TRUST, audience="other.test"), False),
    "another permission": (replace(TRUST, permissions=(WRITE,)), False),
    "a shorter life": (replace(TRUST, lifetime=timedelta(minutes=10)), False),
    "switched off": (replace(TRUST, is_enabled=False), False),
    "a scope map instead": (
        replace(TRUST, permissions=(), scope_map="_repositories_push"), False
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGED)
def test_a_trust_that_only_gives_more_ends_nothing(change: str) -> None:
    """A workflow that pushes would be cut off because another one may now pull."""
    changed, only_gives_more = CHANGED[change]

    assert changed.only_gives_more_than(TRUST, (), ()) is only_gives_more


def test_a_trust_of_a_scope_map_is_compared_by_what_the_maps_give() -> None:
    """The name of a map says nothing about what it holds."""
    pull = replace(TRUST, permissions=(), scope_map="first")
    push = replace(pull, scope_map="second")

    assert push.only_gives_more_than(pull, (READ, WRITE), (READ,))
    assert not pull.only_gives_more_than(push, (READ,), (READ, WRITE))
