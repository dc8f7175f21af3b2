"""Accept negotiation."""

import pytest

from acrux.domain.content.media_types import (
    ANYTHING,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    MANIFESTS,
    OCI_INDEX,
    OCI_MANIFEST,
    Accept,
)

WHOLE = "*/*"
FAMILY = "application/*"


def wanting(*wanted: str, excluding: tuple[str, ...] = ()) -> Accept:
    """The meaning of an Accept header."""
    return Accept(frozenset(wanted), frozenset(excluding))


@pytest.mark.parametrize("media_type", sorted(MANIFESTS))
@pytest.mark.parametrize("accept", [ANYTHING, wanting(WHOLE), wanting(FAMILY)])
def test_a_client_that_accepts_everything_gets_every_manifest(
    accept: Accept, media_type: str
) -> None:
    """curl without an Accept header, as in the document's walk, would get 404."""
    assert accept.allows(media_type)


@pytest.mark.parametrize("media_type", sorted(MANIFESTS))
def test_a_client_gets_the_types_that_it_names_and_no_other(media_type: str) -> None:
    """An old docker that gets an index fails in a way that nobody understands."""
    accept = wanting(media_type)

    assert [other for other in MANIFESTS if accept.allows(other)] == [media_type]


@pytest.mark.parametrize(
    ("accept", "allowed"),
    [
        (wanting(WHOLE, excluding=(OCI_INDEX,)), False),
        (wanting(OCI_INDEX, excluding=(WHOLE,)), True),
        (wanting(OCI_INDEX, excluding=(FAMILY,)), True),
        (wanting(FAMILY, excluding=(WHOLE,)), True),
        (wanting(WHOLE, excluding=(FAMILY,)), False),
        (wanting(excluding=(OCI_INDEX,)), False),
        (wanting(excluding=(OCI_MANIFEST,)), True),
        (wanting("text/*"), False),
    ],
)
def test_the_most_specific_range_decides(accept: Accept, *, allowed: bool) -> None:
    """RFC 9110 §12.5.1: q=0 on one type excludes it even beside */*."""
    assert accept.allows(OCI_INDEX) is allowed


def test_the_types_of_docker_and_oci_are_not_taken_for_each_other() -> None:
    """Nothing is ever converted: the digest would no longer match the content."""
    assert not wanting(DOCKER_MANIFEST).allows(OCI_MANIFEST)
    assert not wanting(DOCKER_LIST).allows(OCI_INDEX)
