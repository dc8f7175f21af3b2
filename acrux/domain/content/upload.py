"""The rules of an upload: identifier, session, offset, chunk order."""

import re
from functools import lru_cache
from typing import Final, Self

from msgspec import Struct

from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.errors import InvalidRequest, UnknownUpload, UploadOutOfOrder

_UPLOAD_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

# Content-Range of a chunk: <start>-<end>, both inclusive and without a unit
# (OCI distribution specification, "Pushing a blob in chunks").
_CONTENT_RANGE = re.compile(r"(?:bytes )?([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]{1,18}|\*))?")


class UploadId(Struct, frozen=True):
    """Names one upload: a random UUID in its usual text form."""

    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an identifier; raise UnknownUpload if it does not have this form."""
        if _UPLOAD_ID.fullmatch(text) is None:
            raise UnknownUpload(upload=text[:64])
        return cls(text)

    def __str__(self) -> str:
        return self.value


class Session(Struct, frozen=True):
    """The repository that uploads are started in, and the principal who starts them."""

    repository: RepositoryName
    principal: str


class Upload(Struct, frozen=True):
    """An upload of a session: nobody else can continue it (CVE-2026-32589).

    The same identifier in another session names another upload, one that does not exist.
    """

    id: UploadId
    session: Session

    @property
    def key(self) -> str:
        """The key under which it is stored: its identifier and a digest of its session."""
        return f"{self.id}.{_digest(self.session)}"

    def __str__(self) -> str:
        return self.id.value


# The requests of a push ask for it many times. Both parts of a session are short.
@lru_cache(maxsize=256)
def _digest(session: Session) -> str:
    # No repository name contains a newline, so that the digested text is unambiguous.
    text = f"{session.repository}\n{session.principal}"
    return Digest.of(text.encode("utf-8", "surrogatepass")).encoded


class ContentRange(Struct, frozen=True):
    """The position of a chunk in its blob: first and last byte, both inclusive."""

    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `<start>-<end>`, or the HTTP form `bytes <start>-<end>/<size>`.

        Raise InvalidRequest for anything else.
        """
        match = _CONTENT_RANGE.fullmatch(text)
        if match is None or int(match[2]) < int(match[1]):
            raise InvalidRequest(
                "the Content-Range of a chunk is <first byte>-<last byte>, both inclusive",
                content_range=text[:80],
            )
        return cls(int(match[1]), int(match[2]))

    @property
    def size(self) -> int:
        """The length of the chunk, in bytes."""
        return self.end - self.start + 1


class Place(Struct, frozen=True):
    """Where a chunk begins, according to its request.

    `range` is its Content-Range; `offset`, in bytes, is that of the location it was sent to.
    """

    range: ContentRange | None = None
    offset: int | None = None

    def stored(self, size: int) -> int:
        """How many of the chunk's first bytes an upload of `size` bytes already holds.

        There are some if the answer to this chunk was lost, and the client sends it again to the
        location that it has. A chunk that says nothing is appended. Raises UploadOutOfOrder as
        `check_order` does, and if the upload is shorter than its location says.
        """
        check_order(size, self.range)
        if self.range is not None or self.offset is None:
            return 0
        if self.offset > size:
            raise out_of_order(self.offset, size)
        return size - self.offset


APPENDED: Final = Place()  # at the end of the upload


def out_of_order(start: int, offset: int) -> UploadOutOfOrder:
    """The refusal of a chunk that does not start at the offset. Both are in bytes."""
    return UploadOutOfOrder(
        f"the chunk starts at byte {start}, but the upload holds {offset} bytes:"
        f" send the chunk that starts at byte {offset}",
        offset=offset,
    )


def check_order(offset: int, content_range: ContentRange | None) -> None:
    """Raise UploadOutOfOrder unless the chunk starts at the upload's offset.

    A chunk without Content-Range is appended (a streamed upload, as the Azure SDKs send it).
    """
    if content_range is not None and content_range.start != offset:
        raise out_of_order(content_range.start, offset)
