"""Capabilities: good for exactly what they were sealed for, and until they end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.adapters.keys.capabilities import KeyedCapabilities

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
END = NOW + timedelta(hours=1)
UPLOAD = "123e4567-e89b-12d3-a456-426614174000"
FOR = {"upload": UPLOAD, "repository": "library/hello", "principal": "acrux"}
KEY = bytes(range(32))


def is_good(
    text: str, changed: dict[str, str] | None = None, *, key: bytes = KEY, now: datetime = NOW
) -> bool:
    """Whether it lets this upload go on, or one that differs."""
    return KeyedCapabilities(key).is_good(text, **{**FOR, **(changed or {})}, now=now)


def sealed(changed: dict[str, str] | None = None) -> str:
    """A capability of this upload, or of one that differs."""
    return KeyedCapabilities(KEY).seal(**{**FOR, **(changed or {})}, expires_at=END)


def test_a_capability_is_good_for_what_it_was_sealed_for() -> None:
    """A push that outlives its token would be lost."""
    assert is_good(sealed())


@pytest.mark.parametrize("part", FOR)
@given(other=st.text())
def test_a_capability_is_worth_nothing_for_anything_else(part: str, other: str) -> None:
    """Whoever may push to one repository could go on with everybody's uploads."""
    if other != FOR[part]:
        assert not is_good(sealed(), {part: other})
        assert not is_good(sealed({part: other}))


@pytest.mark.parametrize(
    "shifted",
    [
        {"upload": f"{UPLOAD}\nlibrary/hello", "repository": "acrux", "principal": ""},
        {"upload": "", "repository": UPLOAD, "principal": "library/hello\nacrux"},
        {"repository": "library/hello\nacrux", "principal": ""},
        {"upload": f"{UPLOAD}library/", "repository": "hello"},
        {"repository": "library/helloacr", "principal": "ux"},
    ],
)
def test_the_parts_of_a_capability_cannot_be_shifted(shifted: dict[str, str]) -> None:
    """What was sealed for one upload could be read as sealed for another."""
    assert not is_good(sealed(), shifted)


@pytest.mark.parametrize(("seconds", "expected"), [(-1, True), (0, False), (1, False)])
def test_a_capability_ends_at_its_instant(seconds: int, *, expected: bool) -> None:
    """It would be a key for ever to whoever finds it in a log."""
    assert is_good(sealed(), now=END + timedelta(seconds=seconds)) is expected


def test_the_end_of_a_capability_cannot_be_put_off() -> None:
    """Whoever holds one could hold it for ever."""
    _, _, seal = sealed().partition(".")
    later = int((END + timedelta(days=365)).timestamp())

    assert not is_good(f"{later}.{seal}", now=END)


@given(st.text())
def test_no_other_text_is_a_capability(text: str) -> None:
    """Whatever comes in a query must be an answer of no, and never a failure."""
    end, _, seal = sealed().partition(".")

    for attempt in (text, f"{text}.{seal}", f"{end}.{text}", f"{end}{text}{seal}"):
        assert is_good(attempt) is (attempt == sealed())


def test_a_capability_of_another_registry_is_worth_nothing() -> None:
    """Whoever runs a registry could write into all others."""
    assert not is_good(sealed(), key=bytes(32))


def test_a_capability_fits_a_location_as_it_is() -> None:
    """Clients send it back as they got it, encoded once more or not at all."""
    assert set(sealed()) <= set("0123456789abcdef.")
    assert len(sealed()) < 100
