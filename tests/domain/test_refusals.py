"""Error messages: what was wrong and what was expected, briefly."""

from collections.abc import Callable

import pytest

from acrux.domain.access.scope import Scope
from acrux.domain.access.scope_maps import ScopeMap
from acrux.domain.content.patterns import RepositoryPattern
from acrux.errors import InvalidScope

LONG = "X" * 500

REFUSED = {
    "a pattern": (
        lambda: RepositoryPattern.parse(LONG),
        "a rule names one repository, all below one (team/*), or all (*)",
        {"repository": "X" * 160},
    ),
    "a permission": (
        lambda: ScopeMap.parse("a-map", [LONG]),
        (
            "a permission is repositories/NAME/ followed by content/read, content/write, "
            "content/delete, metadata/read, metadata/write, deleted/read or deleted/restore; or "
            "management/read, management/write or metrics/read"
        ),
        {"permission": "X" * 160},
    ),
    "a scope": (
        lambda: Scope.parse(LONG),
        "a scope is type:name:action,action such as repository:hello-world:pull",
        {"scope": "X" * 160},
    ),
}


@pytest.mark.parametrize(("parse", "message", "detail"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_says_what_is_expected_and_quotes_no_more_than_a_line(
    parse: Callable[[], object], message: str, detail: dict[str, str]
) -> None:
    """A person who mistyped a rule at night must see how to write it."""
    with pytest.raises(InvalidScope) as refused:
        parse()

    assert refused.value.message == message
    assert refused.value.detail == detail
