"""Multipart uploads to S3 of killed processes: aborted once old."""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Final

from acrux.adapters.objects.location import Location
from acrux.adapters.objects.object_store import STRAY_AFTER
from acrux.errors import StorageUnavailable
from acrux.ports.clock import Clock

PROGRAM: Final = "acrux.adapters.objects.multipart_sweep"
SECONDS: Final = 600.0

# obstore does not read these files either, and both must use the same credentials.
_NO_FILES: Final = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


class MultipartUploads:
    """Those below the prefix of `location`; the variables `environ` say how to reach the store.

    obstore can neither list nor abort them. botocore can, and takes 40 MB of memory, so it runs in
    a process of its own for a second.
    """

    def __init__(self, location: Location, environ: Mapping[str, str], clock: Clock) -> None:
        self._location = location
        self._environ = environ
        self._clock = clock

    async def abort_strays(self) -> int:
        """Abort those that no process can be sending any more, and return how many these were.

        Raises StorageUnavailable.
        """
        before = self._clock() - STRAY_AFTER
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", PROGRAM, str(self._location), before.isoformat(),
            env={**self._environ, **_NO_FILES},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(SECONDS):
                printed, problem = await process.communicate()
        except TimeoutError:
            raise StorageUnavailable(_problem("the object store does not answer in time")) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise StorageUnavailable(_problem(problem.decode().strip().rpartition("\n")[2]))
        return int(printed)


def _problem(said: str) -> str:
    return f"multipart uploads of killed processes stay in the bucket: {said}"
