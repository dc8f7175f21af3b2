"""Notes of closed uploads: shared by processes, for an hour, bounded."""

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
    """The clock of the test."""
    return HandSeconds()


@pytest.fixture
def opened(tmp_path: Path, seconds: HandSeconds) -> Callable[[], ClosedUploads]:
    """Opens the same notes, for one more process."""
    return lambda: ClosedUploads(tmp_path / "closed-uploads", seconds)


def test_every_process_knows_what_was_noted(opened: Callable[[], ClosedUploads]) -> None:
    """The second PUT reaches another worker, or comes after a restart."""
    upload = new_upload()
    assert not opened().became(upload, DIGEST)
    opened().forget(upload)

    opened().note(upload, DIGEST)

    assert opened().became(upload, DIGEST)
    assert not opened().became(upload, OTHER)
    assert not opened().became(new_upload(), DIGEST)


def test_the_latest_note_of_an_upload_holds(opened: Callable[[], ClosedUploads]) -> None:
    """A PUT was killed, and is repeated with a digest of another algorithm."""
    upload = new_upload()
    opened().note(upload, DIGEST)

    opened().note(upload, OTHER)

    assert not opened().became(upload, DIGEST)
    assert opened().became(upload, OTHER)


def test_a_removed_note_is_unknown_and_the_others_are_known(
    opened: Callable[[], ClosedUploads], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One note of a page is removed."""
    monkeypatch.setattr(closed_uploads, "PAGES", 1)
    uploads = [new_upload() for _ in range(3)]
    for upload in uploads:
        opened().note(upload, DIGEST)

    opened().forget(uploads[1])
    opened().forget(new_upload())

    assert [opened().became(upload, DIGEST) for upload in uploads] == [True, False, True]


def test_notes_of_a_clock_that_was_ahead_make_room_first(
    opened: Callable[[], ClosedUploads], seconds: HandSeconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a page that was filled then would forget each later note at once."""
    monkeypatch.setattr(closed_uploads, "PAGES", 1)
    seconds.seconds += 400 * 86_400
    for _ in range(RECORDS_A_PAGE):
        opened().note(new_upload(), DIGEST)
    seconds.seconds -= 400 * 86_400
    uploads = [new_upload() for _ in range(3)]

    for upload in uploads:
        opened().note(upload, DIGEST)

    assert all(opened().became(upload, DIGEST) for upload in uploads)


def test_the_last_of_two_notes_in_one_place_is_known(
    opened: Callable[[], ClosedUploads],
    seconds: HandSeconds,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """No lock is taken: a client whose note is lost pushes again, and nothing is mixed up."""
    monkeypatch.setattr(closed_uploads, "PAGES", 1)
    before, meanwhile, last = (new_upload() for _ in range(3))
    opened().note(before, DIGEST)

    def another_notes() -> float:
        """Write another note after the page was read and before it is written."""
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
    """Nothing is kept any longer; nor is a clock trusted that jumped back."""
    upload = new_upload()
    opened().note(upload, DIGEST)
    seconds.seconds += passed - 1 if passed > 0 else passed + 1
    assert passed > KEPT_SECONDS or opened().became(upload, DIGEST)

    seconds.seconds += 1 if passed > 0 else -1

    assert not opened().became(upload, DIGEST)


def test_the_latest_notes_are_known_if_a_page_cannot_hold_all(
    opened: Callable[[], ClosedUploads],
    seconds: HandSeconds,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """However many clients push, the file stays the same size, and the latest are known."""
    monkeypatch.setattr(closed_uploads, "PAGES", 1)
    uploads = [new_upload() for _ in range(3 * RECORDS_A_PAGE)]
    for upload in uploads:
        seconds.seconds += 0.001
        opened().note(upload, DIGEST)

    known = [opened().became(upload, DIGEST) for upload in uploads]

    assert known == [False] * (2 * RECORDS_A_PAGE) + [True] * RECORDS_A_PAGE
    assert (tmp_path / "closed-uploads").stat().st_size == PAGE_BYTES


def test_the_file_is_bounded(opened: Callable[[], ClosedUploads], tmp_path: Path) -> None:
    """One note for each push would fill the disk over time."""
    for _ in range(500):
        opened().note(Upload(UploadId(str(uuid4())), SESSION), DIGEST)

    assert (tmp_path / "closed-uploads").stat().st_size <= PAGES * PAGE_BYTES == 8 << 20


def test_a_file_that_was_damaged_knows_nothing_and_takes_notes(
    opened: Callable[[], ClosedUploads], tmp_path: Path
) -> None:
    """A power loss leaves half of it, or zeros: clients whose notes are lost push again."""
    (tmp_path / "closed-uploads").write_bytes(b"\xff" * 5000)
    upload = new_upload()
    assert not opened().became(upload, DIGEST)

    opened().note(upload, DIGEST)

    assert opened().became(upload, DIGEST)
