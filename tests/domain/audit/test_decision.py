"""Records: their ids sort by time and contain it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux import errors
from acrux.domain.access.reason import PROVEN, Reason
from acrux.domain.access.scope import parse_all
from acrux.domain.audit.decision import (
    SEVERAL,
    Decision,
    Outcome,
    Record,
    first_id,
    record_id,
    repository_of,
)
from acrux.domain.instants import BEGINNING, to_microseconds
from acrux.errors import AccessRefused

DECISION = Decision("GET /v2/", Outcome.GRANTED, "acrux")
AT = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)

instants = st.datetimes(
    min_value=datetime(1970, 1, 1), max_value=datetime(4000, 1, 1), timezones=st.just(UTC)  # noqa: DTZ001 -- Hypothesis wants naive bounds
)  # fmt: skip


@given(first=instants, second=instants)
def test_ids_sort_as_their_instants_do(first: datetime, second: datetime) -> None:
    """A page of a time range would omit records."""
    ids = [record_id(to_microseconds(at), "abcdef") for at in (first, second)]

    assert (ids[0] < ids[1]) == (first < second)


@given(at=instants)
def test_an_id_says_when_its_record_was_made(at: datetime) -> None:
    """The time shown would differ from the time searched for."""
    assert Record(record_id(to_microseconds(at), "abcdef"), DECISION).at == at


def test_a_search_since_an_instant_includes_it() -> None:
    """A search since a record's own time would not find it."""
    made = record_id(to_microseconds(AT), "000000")

    assert first_id(AT) <= made < first_id(AT + timedelta(microseconds=1))


def test_an_instant_before_1970_is_before_all_records() -> None:
    """A search since long ago would fail."""
    assert first_id(BEGINNING - timedelta(days=1)) == first_id(BEGINNING)


@pytest.mark.parametrize(
    ("scopes", "repository"),
    [
        ("", ""),
        ("registry:catalog:*", ""),
        ("repository:app:pull", "app"),
        ("repository:app:pull registry:catalog:*", "app"),
        ("repository:app:pull repository:b:pull", SEVERAL),
    ],
)
def test_scopes_are_about_one_repository_or_several(scopes: str, repository: str) -> None:
    """A token for one repository would not be found under its name."""
    assert repository_of(parse_all([scopes])) == repository


def test_every_refusal_has_a_reason_that_is_known() -> None:
    """Nobody could search for an undeclared reason."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]

    usual = {kind.usual_reason for kind in kinds if issubclass(kind, AccessRefused)}
    assert usual | {errors.TooManyRequests.reason} <= set(Reason)
    assert set(Reason) >= PROVEN
