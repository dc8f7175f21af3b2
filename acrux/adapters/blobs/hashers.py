"""The digests under way of uploads, between two of their requests."""

from collections import OrderedDict
from typing import Final

from acrux.adapters.blobs.upload_files import USUAL_ALGORITHM, Stamp
from acrux.domain.content.digest import Hasher, new_hasher
from acrux.domain.content.upload import Upload

MAX_HASHERS: Final = 1024  # about half a kilobyte each


class Hashers:
    """The digests under way of uploads that this process goes on with; it forgets the oldest.

    Good only for a file that looks as it did when it was left: another worker may have gone on.
    One that is taken has a single owner until it is kept again.
    """

    def __init__(self, maximum: int = MAX_HASHERS) -> None:
        self._maximum = maximum
        self._kept: OrderedDict[Upload, tuple[Stamp, Hasher]] = OrderedDict()

    def take(self, upload: Upload, stamp: Stamp) -> Hasher | None:
        """A hasher that has seen all of the upload's bytes, or None: then read them again."""
        left, hasher = self._kept.pop(upload, (None, None))
        if stamp.size == 0:
            return new_hasher(USUAL_ALGORITHM)
        return hasher if left == stamp else None

    def keep(self, upload: Upload, stamp: Stamp, hasher: Hasher | None) -> None:
        """Keep a hasher that has seen all bytes of a file that looks so; None is not kept."""
        if hasher is not None:
            self._kept[upload] = (stamp, hasher)
        if len(self._kept) > self._maximum:
            self._kept.popitem(last=False)

    def forget(self, upload: Upload) -> None:
        """Keep nothing of this upload."""
        self._kept.pop(upload, None)
