"""A secret is masked where it stands, and nowhere else."""

import pytest

from acrux.client.tokens import without

CASES = (
    ("x", "no such example: x", "no such example: ***"),
    ("x", "the fox and the box", "the fox and the box"),
    ("a", "access is denied to a user", "access is denied to *** user"),
    ("", "nothing is masked", "nothing is masked"),
    ("s3cret", "the password 's3cret' is wrong", "the password '***' is wrong"),
    ("s3cret", "s3cret", "***"),
    ("s3cret!", "s3cret!", "***"),
    ("!?", "is it wrong!?yes", "is it wrong***yes"),
    ("a.c", "abc is not a.c", "abc is not ***"),
    ("pass word", "password=pass word;", "password=***;"),
)


@pytest.mark.parametrize(("secret", "said", "shown"), CASES)
def test_a_password_is_masked_in_its_places_only(secret: str, said: str, shown: str) -> None:
    """A password of one letter removed that letter from every message."""
    assert without(secret, said) == shown
