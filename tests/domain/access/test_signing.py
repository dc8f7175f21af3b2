"""Which key signs, and when a key is retired."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.access.signing import MARGIN, KeyRecord, newest, retired, signing

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LIFE = timedelta(hours=3)


def key(number: int, signs_from: datetime | None = None, algorithm: str = "ES256") -> KeyRecord:
    """The key with this number."""
    name = f"{algorithm}-{number:04}"
    if signs_from is None:
        return KeyRecord(name, number, algorithm, f"id of {name}")
    return KeyRecord(name, number, algorithm, f"id of {name}", signs_from)


instants = st.integers(-72, 72).map(lambda hours: NOON + timedelta(hours=hours))
some_keys = st.lists(
    st.builds(key, st.integers(1, 6), st.none() | instants, st.sampled_from(["ES256", "RS256"])),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one.name,
)


def test_a_key_signs_from_its_time_on() -> None:
    """Verifiers that have not fetched it yet would refuse its tokens."""
    first, second = key(1), key(2, NOON)

    assert signing([second, first], NOON - timedelta(seconds=1)) == first
    assert signing([second, first], NOON) == second


def test_a_key_of_a_higher_number_signs_before_one_of_a_lower() -> None:
    """A key that was activated early would be followed by the one that it overtook."""
    assert signing([key(3, NOON - LIFE), key(2, NOON)], NOON) == key(3, NOON - LIFE)


def test_one_key_signs_on_a_clock_that_was_set_back() -> None:
    """A registry without a key could issue no tokens."""
    assert signing([key(2, NOON), key(1, NOON)], NOON - LIFE) == key(1, NOON)


def test_a_key_is_retired_when_its_last_token_has_expired() -> None:
    """Earlier, valid tokens would fail; later, a thief could use the key for longer."""
    keys = [key(1), key(2, NOON), key(3, NOON + LIFE)]
    end = NOON + LIFE + MARGIN

    assert retired(keys, end - timedelta(seconds=1), LIFE) == ()
    assert retired(keys, end, LIFE) == (key(1),)


def test_a_key_is_kept_if_its_successor_has_no_start_time() -> None:
    """A key that was copied there by hand has no times."""
    assert retired([key(1), key(2)], NOON, LIFE) == ()


@given(some_keys, instants)
def test_a_key_that_signs_or_will_sign_is_never_retired(
    keys: list[KeyRecord], now: datetime
) -> None:
    """The registry would be left without a key."""
    gone = retired(keys, now, LIFE)

    assert signing(keys, now) not in gone
    assert newest(keys) not in gone


@given(some_keys, instants, instants)
def test_retiring_a_key_does_not_change_which_key_signs(
    keys: list[KeyRecord], now: datetime, later: datetime
) -> None:
    """A worker that has not noticed the retirement would sign with another key."""
    now, later = sorted((now, later))
    gone = retired(keys, now, LIFE)

    assert signing([one for one in keys if one not in gone], later) == signing(keys, later)
