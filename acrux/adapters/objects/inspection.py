"""The object store as a check looks at it: copies, bytes, strange keys."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from acrux.adapters.objects import keys
from acrux.adapters.objects.bucket import Bucket, at_once
from acrux.adapters.objects.committing import Commits
from acrux.adapters.objects.failures import Missing
from acrux.domain.content.digest import Digest, new_hasher
from acrux.domain.content.storage.copy import Copy
from acrux.errors import DamagedBlob, UnknownBlob
from acrux.ports.content.integrity.files import Spend, State, Strangers

MAX_STRANGERS: Final = 100  # of these that are named
KEYS: Final = 5000  # looked at in one step


class ObjectInspection:
    """The port Files on a bucket; each method is described there."""

    def __init__(self, bucket: Bucket, commits: Commits) -> None:
        self._bucket = bucket
        self._commits = commits

    async def states(self, copies: Sequence[Copy]) -> Mapping[Copy, State]:
        """See ports.integrity.files.Files."""
        states = await at_once([partial(self._state, copy) for copy in copies])
        return {copy: state for copy, state in zip(copies, states, strict=True) if state}

    async def _state(self, copy: Copy) -> State | None:
        for root in (keys.BLOBS, keys.QUARANTINE):
            with suppress(Missing):
                size = await self._bucket.size(keys.of_copy(copy, root))
                return State(size, is_damaged=root == keys.QUARANTINE)
        return None

    async def verify(self, copy: Copy, spend: Spend) -> None:
        """See ports.integrity.files.Files."""
        hasher, size = new_hasher(copy.digest.algorithm), 0
        try:
            opened = await self._bucket.get(keys.of_copy(copy), 0)
        except Missing:
            raise DamagedBlob("is missing", digest=str(copy.digest)) from None
        while piece := await opened.next():
            hasher.update(piece)
            size += len(piece)
            await spend(len(piece))
        if (size, hasher.hexdigest()) != (copy.size, copy.digest.encoded):
            raise DamagedBlob("does not match its digest", digest=str(copy.digest))

    async def quarantine(self, copy: Copy) -> bool:
        """See ports.integrity.files.Files."""
        return await self._commits.quarantine(copy)

    async def copies_of(self, digest: Digest) -> Sequence[Copy]:
        """See ports.integrity.files.Files."""
        folder = keys.of_blob(digest).rpartition("/")[0]
        listed = [
            keys.read_copy(found.key, found.size)
            async for found in self._bucket.list(f"{folder}/", keys.of_blob(digest)[:-1])
        ]
        return [copy for copy in listed if copy and copy.digest == digest]

    async def copy_again(self, copy: Copy) -> Copy:
        """See ports.integrity.files.Files."""
        try:
            return await self._commits.copy_again(copy)
        except Missing:
            raise UnknownBlob(digest=str(copy.digest)) from None

    async def strangers(self, after: str) -> Strangers:
        """See ports.integrity.files.Files. `after` is a key, and keys are what is counted."""
        strange: list[str] = []
        looked, last = 0, after
        async for found in self._bucket.list("", after):
            if looked == KEYS:
                return Strangers(tuple(strange[:MAX_STRANGERS]), len(strange), looked, last)
            looked, last = looked + 1, found.key
            if not _belongs(found.key):
                strange.append(found.key)
        return Strangers(tuple(strange[:MAX_STRANGERS]), len(strange), looked, "")


def _belongs(key: str) -> bool:
    root, _, rest = key.partition("/")
    if root in (keys.UPLOADS, keys.PROBES):
        return keys.is_name(rest)
    return keys.read_copy(key.replace(keys.QUARANTINE, keys.BLOBS, 1), 0) is not None
