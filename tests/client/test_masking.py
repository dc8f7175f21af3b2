"""A secret is masked where it stands, and nowhere else."""

import re

import pytest

from acrux import errors
from acrux.client.tokens import without
from acrux.http import problems

CASES = (
    ("x", "no such example: x", "no such example: ***"),
    ("x", "the fox and the box", "the fox and the box"),
    ("a", "access is denied to a user", "access is denied to a user"),
    ("wrong", "the user name or the password is wrong", "the user name or the password is wrong"),
    ("Password", "the Password is wrong", "the Password is wrong"),
    ("is wrong", "the password is wrong", "the password is wrong"),
    ("is hunter", "the password is hunter", "the password ***"),
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


@pytest.mark.parametrize(
    "refusal",
    [errors.BadCredentials, errors.AuthenticationRequired, errors.Denied, errors.TooManyRequests],
)
def test_a_password_that_our_own_sentence_holds_anyway_is_not_pointed_at(
    refusal: type[errors.RegistryError],
) -> None:
    """Stars in a sentence that everybody knows would confirm what was typed."""
    sentence = problems.TABLE[refusal].message

    for word in re.findall(r"[a-z]+", sentence):
        assert without(word, sentence) == sentence
