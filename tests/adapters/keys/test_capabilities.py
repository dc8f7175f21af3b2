"""Capabilities: valid for what they were sealed for, until they expire."""

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
    """Whether it allows this upload, or one with these changes, to continue."""
    return KeyedCapabilities(lambda: key).is_good(text, **{**FOR, **(changed or {})}, now=now)


def sealed(changed: dict[str, str] | None = None) -> str:
    """A capability of this upload, or of one with these changes."""
    return KeyedCapabilities(lambda: KEY).seal(**{**FOR, **(changed or {})}, expires_at=END)


def test_a_capability_is_good_for_what_it_was_sealed_for() -> None:
    """Otherwise a push that outlives its token would fail."""
    assert is_good(sealed())


@pytest.mark.parametrize("part", FOR)
@given(other=st.text())
def test_a_capability_is_invalid_for_anything_else(part: str, other: str) -> None:
    """Otherwise anyone who may push to one repository could continue everyone's uploads."""
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
    """Otherwise a capability for one upload could be read as one for another."""
    assert not is_good(sealed(), shifted)


@pytest.mark.parametrize(("seconds", "expected"), [(-1, True), (0, False), (1, False)])
def test_a_capability_expires_on_time(seconds: int, *, expected: bool) -> None:
    """Otherwise anyone who finds one in a log could use it forever."""
    assert is_good(sealed(), now=END + timedelta(seconds=seconds)) is expected


def test_the_expiry_of_a_capability_cannot_be_changed() -> None:
    """Otherwise anyone who holds one could extend it forever."""
    _, _, seal = sealed().partition(".")
    later = int((END + timedelta(days=365)).timestamp())

    assert not is_good(f"{later}.{seal}", now=END)


@given(st.text())
def test_no_other_text_is_a_capability(text: str) -> None:
    """Any text in the query must be answered with a refusal, never with an error."""
    end, _, seal = sealed().partition(".")

    for attempt in (text, f"{text}.{seal}", f"{end}.{text}", f"{end}{text}{seal}"):
        assert is_good(attempt) is (attempt == sealed())


def test_a_capability_of_another_registry_is_invalid() -> None:
    """Otherwise anyone who runs a registry could write to all others."""
    assert not is_good(sealed(), key=bytes(32))


def test_a_capability_fits_a_location_as_it_is() -> None:
    """Clients send it back unchanged, or percent-encoded once more."""
    assert set(sealed()) <= set("0123456789abcdef.")
    assert len(sealed()) < 100
