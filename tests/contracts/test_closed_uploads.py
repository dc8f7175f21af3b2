"""What is noted of closed uploads: by any process, for an hour, in a file that does not grow."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from acrux.adapters.blobs import closed_uploads
from acrux.adapters.blobs.closed_uploads import KEPT_SECONDS, PAGE_BYTES, PAGES, ClosedUploads
from acrux.domain.content.digest import Digest
from acrux.domain.content.upload import Upload, UploadId
from tests.contracts.blob_stores import SESSION, new_upload

DIGEST, OTHER = Digest.of(b"abc"), Digest.of(b"abc", "sha512")
RECORDS_A_PAGE = 64


class HandSeconds:
    """A clock of seconds that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def seconds() -> HandSeconds:
    """The time."""
    return HandSeconds()


@pytest.fixture
def opened(tmp_path: Path, seconds: HandSeconds) -> Callable[[], ClosedUploads]:
    """The same notes, for one more process."""
    return lambda: ClosedUploads(tmp_path / "closed-uploads", seconds)


def test_what_was_noted_every_process_knows(opened: Callable[[], ClosedUploads]) -> None:
    """The second PUT comes to another worker, or after a restart."""
    upload = new_upload()
    assert not opened().became(upload, DIGEST)
    opened().forget(upload)

    opened().note(upload, DIGEST)

    assert opened().became(upload, DIGEST)
    assert not opened().became(upload, OTHER)
    assert not opened().became(new_upload(), DIGEST)


def test_the_latest_note_of_an_upload_holds(opened: Callable[[], ClosedUploads]) -> None:
    """A PUT was killed, and comes again with a digest of another algorithm."""
    upload = new_upload()
    opened().note(upload, DIGEST)

    opened().note(upload, OTHER)

    assert not opened().became(upload, DIGEST)
    assert opened().became(upload, OTHER)


def test_what_was_forgotten_is_unknown_and_the_others_are_not(
    opened: Callable[[], ClosedUploads], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a page of notes one goes."""
    monkeypatch.setattr(closed_uploads, "PAGES", 1)
    uploads = [new_upload() for _ in range(3)]
    for upload in uploads:
        opened().note(upload, DIGEST)

    opened().forget(uploads[1])
    opened().forget(new_upload())

    assert [opened().became(upload, DIGEST) for upload in uploads] == [True, False, True]


def test_of_two_that_take_one_place_at_once_the_last_is_known(
    opened: Callable[[], ClosedUploads],
    seconds: HandSeconds,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """No lock is taken: whoever is forgotten pushes once more, and nothing is mixed up."""
    monkeypatch.setattr(closed_uploads, "PAGES", 1)
    before, meanwhile, last = (new_upload() for _ in range(3))
    opened().note(before, DIGEST)

    def another_notes() -> float:
        """Between the moment when the page was read and that when it is written."""
        opened().note(meanwhile, OTHER)
        return seconds()

    ClosedUploads(tmp_path / "closed-uploads", another_notes).note(last, DIGEST)

    assert opened().became(before, DIGEST)
    assert opened().became(last, DIGEST)
    assert not opened().became(meanwhile, OTHER)
    assert not opened().became(meanwhile, DIGEST)


@pytest.mark.parametrize("passed", [KEPT_SECONDS, 400 * 86_400, -KEPT_SECONDS])
def test_after_an_hour_it_is_unknown(
    opened: Callable[[], ClosedUploads], seconds: HandSeconds, passed: int
) -> None:
    """What is kept for no end is kept for nobody; nor is a clock believed that jumped back."""
    upload = new_upload()
    opened().note(upload, DIGEST)
    seconds.seconds += passed - 1 if passed > 0 else passed + 1
    assert passed > KEPT_SECONDS or opened().became(upload, DIGEST)

    seconds.seconds += 1 if passed > 0 else -1

    assert not opened().became(upload, DIGEST)


def test_of_more_than_a_page_holds_the_latest_are_known(
    opened: Callable[[], ClosedUploads],
    seconds: HandSeconds,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """However many push, the file stays as long as it is, and who just pushed is known."""
    monkeypatch.setattr(closed_uploads, "PAGES", 1)
    uploads = [new_upload() for _ in range(3 * RECORDS_A_PAGE)]
    for upload in uploads:
        seconds.seconds += 0.001
        opened().note(upload, DIGEST)

    known = [opened().became(upload, DIGEST) for upload in uploads]

    assert known == [False] * (2 * RECORDS_A_PAGE) + [True] * RECORDS_A_PAGE
    assert (tmp_path / "closed-uploads").stat().st_size == PAGE_BYTES


def test_the_file_is_bounded(opened: Callable[[], ClosedUploads], tmp_path: Path) -> None:
    """A note a push would fill the disk with time."""
    for _ in range(500):
        opened().note(Upload(UploadId(str(uuid4())), SESSION), DIGEST)

    assert (tmp_path / "closed-uploads").stat().st_size <= PAGES * PAGE_BYTES == 8 << 20


def test_a_file_that_was_damaged_knows_nothing_and_takes_notes(
    opened: Callable[[], ClosedUploads], tmp_path: Path
) -> None:
    """A power loss leaves half of it, or zeros: whoever was noted pushes once more."""
    (tmp_path / "closed-uploads").write_bytes(b"\xff" * 5000)
    upload = new_upload()
    assert not opened().became(upload, DIGEST)

    opened().note(upload, DIGEST)

    assert opened().became(upload, DIGEST)
