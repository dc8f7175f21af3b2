"""The hashers of unfinished uploads, kept between their requests."""

from collections import OrderedDict
from typing import Final

from acrux.adapters.blobs.upload_files import USUAL_ALGORITHM, Stamp
from acrux.domain.content.digest import Hasher, new_hasher
from acrux.domain.content.upload import Upload

MAX_HASHERS: Final = 1024  # about half a kilobyte each


class Hashers:
    """The hashers of the uploads that this process has received; it forgets the oldest.

    A hasher is valid only if the file has not changed since it was kept: another worker may have
    continued the upload. A hasher that was taken has one owner until it is kept again.
    """

    def __init__(self, maximum: int = MAX_HASHERS) -> None:
        self._maximum = maximum
        self._kept: OrderedDict[Upload, tuple[Stamp, Hasher]] = OrderedDict()

    def take(self, upload: Upload, stamp: Stamp) -> Hasher | None:
        """A hasher that has seen all of the upload's bytes, or None: they must be read again."""
        left, hasher = self._kept.pop(upload, (None, None))
        if stamp.size == 0:
            return new_hasher(USUAL_ALGORITHM)
        return hasher if left == stamp else None

    def keep(self, upload: Upload, stamp: Stamp, hasher: Hasher | None) -> None:
        """Keep a hasher that has seen all bytes of the file in this state; None is not kept."""
        if hasher is not None:
            self._kept[upload] = (stamp, hasher)
        if len(self._kept) > self._maximum:
            self._kept.popitem(last=False)

    def forget(self, upload: Upload) -> None:
        """Drop the hasher of this upload."""
        self._kept.pop(upload, None)
