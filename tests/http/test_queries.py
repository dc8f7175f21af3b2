"""A query means what the standard library says, however fast it was read."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acrux.errors import InvalidRequest
from acrux.http import parsing
from acrux.http.messages import Message, Pace, Request

QUERIES = st.text(st.sampled_from("abc=&;:/.%412+_- \t"), max_size=40)


async def nothing() -> Message:
    """An empty body."""
    return {"type": "http.disconnect"}


def fields(query: str) -> dict[str, list[str]]:
    """The query as the edge reads it."""
    scope = {"method": "GET", "path": "/", "query_string": query.encode(), "headers": []}
    request = Request(scope, nothing, "id", Pace(1, 1, 1))
    return {name: list(values) for name, values in parsing.fields(request).items()}


@given(QUERIES)
@example("offset=100&_state=1.ab")
@example("a&b=&=c&&a=1=2")
def test_a_query_is_read_as_the_standard_library_reads_it(query: str) -> None:
    """A query without percent-encoding takes a faster path."""
    expected: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        expected.setdefault(name, []).append(value)

    assert fields(query) == expected


@pytest.mark.parametrize("field", ["a=1", "a=%31"])
def test_a_query_has_at_most_so_many_fields(field: str) -> None:
    """Each costs memory, encoded or not."""
    most = "&".join([field] * parsing.MAX_QUERY_FIELDS)
    assert fields(most) == {"a": ["1"] * parsing.MAX_QUERY_FIELDS}

    with pytest.raises(InvalidRequest, match=str(parsing.MAX_QUERY_FIELDS)):
        fields(f"{most}&{field}")
