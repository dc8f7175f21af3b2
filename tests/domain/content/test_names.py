"""Repository names, tags and references: exactly the grammar."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag, parse_reference
from acrux.errors import InvalidName, InvalidReference
from tests.domain.grammar import digests, is_digest, is_name, is_tag, names, near_names

tags = st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", fullmatch=True)
near_tags = st.text("aZ0_.-:/ \n", max_size=8)


@given(names)
def test_a_name_survives_reading_and_writing(text: str) -> None:
    """A changed name would be another repository."""
    assert str(RepositoryName.parse(text)) == text


@given(st.one_of(names, near_names, st.text(max_size=300)))
@example("")
@example("a" * 255)
@example("a" * 256)
@example("library/hello\n")
@example("a//b")
@example("a/../b")
@example("a___b")
@example("a..b")
@example("a-----b")
@example("Library/hello")
@example("é")
@example("a\x00b")
@example("a/manifests/b")
def test_only_a_name_of_the_grammar_is_read(text: str) -> None:
    """Names become paths, scopes and rows: anything outside the grammar must be stopped here."""
    try:
        name = RepositoryName.parse(text)
    except InvalidName as refused:
        assert not is_name(text)
        assert len(refused.detail["name"]) <= 255
    else:
        assert is_name(text)
        assert str(name) == text


@given(st.one_of(tags, near_tags, st.text(max_size=140)))
@example("a" * 128)
@example("a" * 129)
@example("latest\n")
@example(".hidden")
@example("-flag")
@example("")
def test_only_a_tag_of_the_grammar_is_read(text: str) -> None:
    """No client could pull a tag outside the grammar."""
    try:
        tag = Tag.parse(text)
    except InvalidReference:
        assert not is_tag(text)
    else:
        assert is_tag(text)
        assert str(tag) == text


@given(st.one_of(tags, digests, near_tags))
@example("sha256:" + "a" * 63)
@example("latest:")
@example(":")
def test_a_reference_is_a_tag_or_a_digest_and_never_both(text: str) -> None:
    """A request for a digest must never be answered with a tag's content."""
    try:
        reference = parse_reference(text)
    except InvalidReference:
        assert not is_tag(text)
        assert not is_digest(text)
    else:
        assert str(reference) == text
        assert isinstance(reference, Tag) is is_tag(text)
        assert isinstance(reference, Digest) is is_digest(text)


@pytest.mark.parametrize("tail", ["!", "/", ".", "_", "-"])
def test_a_hostile_name_is_refused_at_once(tail: str) -> None:
    """With a backtracking grammar, one short request could keep a core busy."""
    with pytest.raises(InvalidName):
        RepositoryName.parse("a-" * 126 + "a" + tail)
