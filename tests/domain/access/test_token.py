"""The claims of an access token: time and audience."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.access.grants import Grant
from acrux.domain.access.token import LEEWAY, AccessToken
from acrux.errors import InvalidToken

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LIFETIME = timedelta(seconds=4500)
INSTANT = timedelta(microseconds=1)
TOKEN = AccessToken("an id", Grant("someone"), "registry.test", NOON, NOON + LIFETIME)


@given(st.timedeltas(-LEEWAY, LIFETIME + LEEWAY - INSTANT))
def test_a_token_is_valid_from_issue_to_expiry_with_leeway(after: timedelta) -> None:
    """Clocks differ by seconds: without leeway a fresh token fails on the next machine."""
    TOKEN.check_time(NOON + after)


@given(st.timedeltas(LIFETIME + LEEWAY, timedelta(days=36500)))
def test_an_expired_token_is_refused(after: timedelta) -> None:
    """A stolen token must stop working."""
    with pytest.raises(InvalidToken, match="expired"):
        TOKEN.check_time(NOON + after)


@given(st.timedeltas(LEEWAY + INSTANT, timedelta(days=36500)))
def test_a_token_before_its_time_is_refused(before: timedelta) -> None:
    """A token from the future is a broken clock or a forgery."""
    with pytest.raises(InvalidToken, match="not valid yet"):
        TOKEN.check_time(NOON - before)


def test_a_token_for_one_of_our_login_servers_is_valid() -> None:
    """A registry with two names accepts the tokens of both."""
    TOKEN.check_audience(frozenset({"other.test", "registry.test"}))


@pytest.mark.parametrize(
    "audiences", [(), ("other.test",), ("REGISTRY.TEST",), ("registry.test:443",), ("registry",)]
)
def test_a_token_made_for_another_registry_is_refused(audiences: tuple[str, ...]) -> None:
    """Another registry could use our issuer's name, and its tokens would work here."""
    with pytest.raises(InvalidToken, match="another registry"):
        TOKEN.check_audience(frozenset(audiences))
