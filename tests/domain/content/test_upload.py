"""The rules of an upload: identifier, range of a chunk, order."""

import re
import uuid

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from acrux.domain.content.names import RepositoryName
from acrux.domain.content.upload import ContentRange, Session, Upload, UploadId, check_order
from acrux.errors import InvalidRequest, UnknownUpload, UploadOutOfOrder

SOME_ID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
offsets = st.integers(0, 10**18 - 1)


@given(st.uuids())
def test_an_upload_identifier_survives_reading_and_writing(identifier: uuid.UUID) -> None:
    """The client uses the Location exactly as it got it."""
    assert str(UploadId.parse(str(identifier))) == str(identifier)


@given(st.one_of(st.text("0123456789abcdef-", min_size=35, max_size=37), st.text()))
@example(SOME_ID + "\n")
@example(SOME_ID.upper())
@example(SOME_ID.replace("-", ""))
@example("{" + SOME_ID + "}")
@example("../" + SOME_ID[3:])
def test_an_invalid_upload_identifier_names_no_upload(text: str) -> None:
    """An upload is a file: no other text may come near its path."""
    try:
        UploadId.parse(text)
    except UnknownUpload as refused:
        assert len(refused.detail["upload"]) <= 64
    else:
        assert str(uuid.UUID(text)) == text


repositories = st.sampled_from(["a", "b", "a/b"]).map(RepositoryName.parse)
sessions = st.builds(Session, repositories, st.text())


@given(sessions, sessions)
@example(Session(RepositoryName("a"), "/b"), Session(RepositoryName("a/b"), ""))
@example(Session(RepositoryName("a"), "b/c"), Session(RepositoryName("a/b"), "c"))
@example(Session(RepositoryName("a"), "\ud800"), Session(RepositoryName("a"), "\ud801"))
def test_an_upload_belongs_to_one_session_only(session: Session, another: Session) -> None:
    """Any account that may push could go on with anybody's upload (CVE-2026-32589)."""
    key, other = Upload(UploadId(SOME_ID), session).key, Upload(UploadId(SOME_ID), another).key

    assert (key == other) is (session == another)


@given(sessions)
@example(Session(RepositoryName("a"), "../\ud800"))
def test_an_upload_is_kept_under_a_name_that_any_file_may_have(session: Session) -> None:
    """A principal may have any name, and the key becomes a file name."""
    assert re.fullmatch(f"{SOME_ID}[.][0-9a-f]{{64}}", Upload(UploadId(SOME_ID), session).key)


@given(offsets, offsets, st.sampled_from(["{}-{}", "bytes {}-{}", "bytes {}-{}/*", "{}-{}/99"]))
def test_a_range_of_a_chunk_names_its_first_and_its_last_byte(
    start: int, end: int, form: str
) -> None:
    """Both ends are inclusive: an error of one fails every chunked push with a digest mismatch."""
    assume(start <= end)

    content_range = ContentRange.parse(form.format(start, end))

    assert (content_range.start, content_range.end) == (start, end)
    assert content_range.size == len(range(start, end + 1))


@pytest.mark.parametrize(
    "text",
    ["", "-", "1", "1-", "-1", "2-1", "a-b", "0-1\n", " 0-1", "+0-1", "0--1", "0x0-0x1", "1-2-3",
     "items 0-1/2", "bytes=0-1", "bytes */5", "0-" + "9" * 19, "٠-١", "0-1/", "0-1/x"],
)  # fmt: skip
def test_an_invalid_range_of_a_chunk_is_refused(text: str) -> None:
    """A chunk at a guessed offset would damage the blob."""
    with pytest.raises(InvalidRequest) as refused:
        ContentRange.parse(text)

    assert refused.value.detail["content_range"] == text


@given(offsets, offsets)
def test_a_chunk_is_accepted_only_at_the_end_of_the_upload(offset: int, start: int) -> None:
    """A repeated or lost chunk must not shift the bytes after it."""
    content_range = ContentRange(start, start)
    if start == offset:
        check_order(offset, content_range)
        return

    with pytest.raises(UploadOutOfOrder) as refused:
        check_order(offset, content_range)

    assert refused.value.offset == offset


@given(offsets)
def test_a_chunk_without_a_range_goes_to_the_end(offset: int) -> None:
    """The Azure SDKs and docker stream without Content-Range."""
    check_order(offset, None)
