"""The keys of objects: where copies and segments are in the bucket."""

import re
from secrets import token_hex
from typing import Final

from acrux.adapters.blobs.copy_files import NAME_DIGITS, read_name
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy

BLOBS: Final = "blobs"
QUARANTINE: Final = "quarantine"
UPLOADS: Final = "uploads"
PROBES: Final = "probes"
SEGMENT_BYTES: Final = 16  # of randomness in a segment's name

_NAME: Final = re.compile(r"[0-9a-f]{32}")


def of_copy(copy: Copy, root: str = BLOBS) -> str:
    """The key of a copy: the path that a file of it has below the data directory."""
    ending = f".{copy.name}" if copy.name else ""
    return f"{of_blob(copy.digest, root)}{ending}"


def of_blob(digest: Digest, root: str = BLOBS) -> str:
    """What the keys of all copies of the blob begin with."""
    return f"{root}/{digest.algorithm}/{digest.encoded[:2]}/{digest.encoded}"


def read_copy(key: str, size: int) -> Copy | None:
    """The copy of so many bytes that has this key; None if the key is none of ours."""
    root, algorithm, folder, *names = f"{key}///".split("/")
    named = read_name(algorithm, names[0], size) if root == BLOBS else None
    return named if named and of_copy(named) == key and folder else None


def of_segment(name: str) -> str:
    """The key of a segment of an upload."""
    return f"{UPLOADS}/{name}"


def new_copy(digest: Digest, size: int) -> Copy:
    """A copy under a name that no copy has had."""
    return Copy(digest, token_hex(NAME_DIGITS // 2), size)


def new_segment() -> str:
    """The name of a segment; none has had it."""
    return token_hex(SEGMENT_BYTES)


def new_probe() -> str:
    """The key of an object that is deleted at once."""
    return f"{PROBES}/{token_hex(SEGMENT_BYTES)}"


def is_name(text: str) -> bool:
    """Whether a segment or a probe may have this name."""
    return _NAME.fullmatch(text) is not None
