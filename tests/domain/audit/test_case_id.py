"""Case ids: short, readable aloud, unguessable; some explain themselves."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.access.scope import parse_all
from acrux.domain.audit import case_id
from acrux.domain.audit.case_id import CaseId
from acrux.errors import InvalidInput

AT = datetime(2026, 11, 21, 12, 0, 7, tzinfo=UTC)

randomness = st.binary(min_size=case_id.RANDOM_BYTES, max_size=case_id.RANDOM_BYTES)


@given(random=randomness)
def test_the_id_of_a_recorded_case_survives_reading(random: bytes) -> None:
    """The id on the screen would be useless."""
    text = case_id.recorded(random)

    assert len(text) == 10
    assert CaseId.parse(text).text == text
    assert not CaseId.parse(text).is_unrecorded


def test_ids_are_unique_and_their_digits_equally_likely() -> None:
    """An id could be guessed from other ids."""
    ids = {case_id.recorded(bytes([byte] * case_id.RANDOM_BYTES)) for byte in range(256)}

    assert len(ids) == 32


@pytest.mark.parametrize(
    ("scopes", "needed"),
    [
        ("", ""),
        ("repository:a:pull", "pull"),
        ("repository:a:pull,push", "push"),
        ("repository:a:delete", "delete"),
        ("repository:a:metadata_read", "metadata_read"),
        ("repository:a:metadata_write", "metadata_write"),
        ("registry:catalog:*", "catalog"),
        ("repository:a:pull,push repository:b:pull", "push"),
    ],
)
def test_an_unrecorded_case_says_when_it_was_and_what_was_needed(scopes: str, needed: str) -> None:
    """Nothing about it is stored: all that is known is in the id."""
    read = CaseId.parse(case_id.unrecorded(parse_all([scopes]), AT))

    assert read.is_unrecorded
    assert (read.at, read.needed) == (AT, needed)


@pytest.mark.parametrize("typed", ["K1V0ZN9Q2M", " k1v0zn9q2m\n", "klvozn9q2m", "KIVOZN9Q2M"])
def test_an_id_is_read_from_a_photograph_too(typed: str) -> None:
    """People read it aloud, and others type it."""
    assert CaseId.parse(typed).text == "k1v0zn9q2m"


@pytest.mark.parametrize("typed", ["", "k", "k1v0zn9q2", "k1v0zn9q2mm", "x1v0zn9q2m", "k1v0 n9q2m"])
def test_an_invalid_id_is_refused(typed: str) -> None:
    """A typo would look like a case that has been deleted."""
    with pytest.raises(InvalidInput, match="ten letters and digits"):
        CaseId.parse(typed)


@given(text=st.text(alphabet="0123456789abcdefghjkmnpqrstvwxyz", min_size=9, max_size=9))
def test_a_bare_case_that_somebody_made_up_does_no_harm(text: str) -> None:
    """The command would fail with a traceback."""
    made_up = CaseId.parse(f"n{text}")

    assert made_up.at.year >= 1970
    assert isinstance(made_up.needed, str)
