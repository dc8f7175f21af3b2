"""Digests: which are read, how they are computed, which are refused."""

import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acrux.domain.content.digest import Digest, new_hasher
from acrux.errors import InvalidDigest
from tests.domain.grammar import digests, is_digest

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(digests)
def test_a_digest_survives_reading_and_writing(text: str) -> None:
    """Clients compare digests as text: one changed letter fails every pull."""
    assert str(Digest.parse(text)) == text


@given(st.one_of(digests, st.text("sha256:0123456789abcdefgF.\n", max_size=140), st.text()))
@example(EMPTY + "\n")
@example(EMPTY.upper())
@example(EMPTY[:-1])
@example(EMPTY + "0")
@example("sha512:" + "a" * 64)
@example("sha256:" + "a" * 128)
@example("sha256:../../../../../../../../../../../../../../../../../../../../etc/shadow")
@example("md5:d41d8cd98f00b204e9800998ecf8427e")
@example("sha256:" + "١" * 64)
def test_only_a_digest_of_the_grammar_is_read(text: str) -> None:
    """Paths and queries are built from digests: anything else would reach them (CVE-2024-3727)."""
    try:
        digest = Digest.parse(text)
    except InvalidDigest:
        assert not is_digest(text)
    else:
        assert is_digest(text)
        assert str(digest) == text


@given(st.binary(), st.sampled_from(["sha256", "sha512"]))
def test_a_digest_is_computed_as_its_algorithm_says(content: bytes, algorithm: str) -> None:
    """Content stored under a wrong digest can never be pulled."""
    expected = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"

    assert str(Digest.of(content, algorithm)) == expected
    assert Digest.parse(expected) == Digest.of(content, algorithm)


def test_sha256_is_the_algorithm_unless_another_is_named() -> None:
    """Every client computes sha256 if nothing else is requested."""
    assert str(Digest.of(b"")) == EMPTY


@given(st.lists(st.binary()))
def test_a_digest_under_way_does_not_depend_on_how_the_content_was_cut(parts: list[bytes]) -> None:
    """A chunked upload and a single one must become the same blob."""
    hasher = new_hasher("sha256")
    for part in parts:
        hasher.update(part)

    assert hasher.hexdigest() == Digest.of(b"".join(parts)).encoded


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "SHA256", "", "blake3", "x" * 1000])
def test_an_algorithm_that_is_not_registered_is_refused(algorithm: str) -> None:
    """With a weak algorithm, two contents could share one name."""
    with pytest.raises(InvalidDigest) as refused:
        new_hasher(algorithm)

    assert len(refused.value.detail["algorithm"]) <= 40
