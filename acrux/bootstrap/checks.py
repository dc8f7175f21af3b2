"""Build the check of the whole registry, part by part."""

from datetime import timedelta
from secrets import token_hex
from typing import Final

from acrux.bootstrap.adapters import Adapters
from acrux.ports.clock import Rest
from acrux.ports.content.integrity.rows import Scan
from acrux.services.content.integrity.blobs import BlobPart, Healing
from acrux.services.content.integrity.integrity import Integrity
from acrux.services.content.integrity.parts import (
    CopyPart,
    DatabasePart,
    RowPart,
    StrangerPart,
    UploadPart,
)
from acrux.services.content.integrity.run import Part
from acrux.services.content.orphans import LEAST_AGE
from acrux.settings import Settings

HOLDER_BYTES: Final = 8


def build_integrity(settings: Settings, adapters: Adapters, rest: Rest) -> Integrity:
    """Build the check on these adapters."""
    pushed_for = timedelta(seconds=settings.upload_seconds + settings.upload_grace_seconds)
    linked_for = max(pushed_for, LEAST_AGE)
    rows, store, aged = adapters.rows, adapters.store, adapters.aged
    files = adapters.storage.files
    healing = Healing(rows, files, store, adapters.clock)
    parts: tuple[Part, ...] = (
        DatabasePart(rows),
        BlobPart(rows, files, healing),
        *(RowPart(scan, rows, healing) for scan in Scan),
        CopyPart(rows, files, store, adapters.garbage, aged, linked_for),
        StrangerPart(files),
        UploadPart(store, aged, pushed_for),
    )
    return Integrity(
        parts,
        rows,
        adapters.facts,
        adapters.leases,
        adapters.clock,
        token_hex(HOLDER_BYTES),
        adapters.pause,
        rest,
    )
