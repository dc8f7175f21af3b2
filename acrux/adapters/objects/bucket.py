"""The objects of one bucket: put, get, copy, list, delete, sign."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import obstore
from msgspec import Struct
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from acrux.adapters.objects.failures import SILENT, Missing, explain, is_beyond, refusal
from acrux.adapters.objects.location import Location
from acrux.errors import InvalidSettings, RegistryError, StorageUnavailable

if TYPE_CHECKING:
    from obstore import BytesStream  # of the stub: the module does not have it

Result = TypeVar("Result")
Store: TypeAlias = S3Store | AzureStore | GCSStore

# `timeout` counts until the last byte of a body: its default of 30 s would cut long transfers.
TIMEOUTS: Final = {"timeout": "1h", "connect_timeout": "5s", "read_timeout": "60s"}
RETRIES: Final = {"max_retries": 3, "retry_timeout": timedelta(seconds=15)}

PART_BYTES: Final = 5 << 20  # the least that S3 takes, except for the last part
PARTS: Final = 8000  # of one object; S3 takes 10,000
AT_ONCE: Final = 2  # parts of one object under way
CHUNK_BYTES: Final = 1 << 18
LISTED: Final = 1000
CALLS_AT_ONCE: Final = 16
DRAIN_SECONDS: Final = 10.0
WATCH_SECONDS: Final = 10.0  # a call may take longer: a store takes its time to copy a large object
ALLOW_HTTP: Final = {"s3": "AWS_ALLOW_HTTP", "az": "AZURE_ALLOW_HTTP", "gs": "GOOGLE_ALLOW_HTTP"}
YES: Final = frozenset({"1", "true", "yes", "on"})


class Object(Struct, frozen=True):
    """An object as it is listed: its key below the prefix, its size in bytes, its age."""

    key: str
    size: int
    modified_at: datetime


class Opened:
    """The bytes of an object from the place where it was opened; `size` is that of all of it."""

    def __init__(self, bucket: "Bucket", size: int, stream: "BytesStream | None") -> None:
        self.size = size
        self._bucket = bucket
        self._stream = stream

    async def next(self) -> memoryview:
        """The next bytes, not copied; none at the end. Raises StorageUnavailable."""
        if self._stream is not None:
            with suppress(StopAsyncIteration):
                return memoryview(await self._bucket.call(anext(self._stream)))
        return memoryview(b"")


class Bucket:
    """The objects below the prefix of `location`; the variables `environ` say how to reach it.

    All methods raise StorageUnavailable if the store fails, is not reachable or refuses, and
    StorageExhausted if it is full. `Missing` says that there is no such object, and never that the
    bucket is gone: that is looked up. `trouble` is what the last call failed for, or empty.

    The client library has threads of its own, which a fork does not copy: it is used only in the
    process that made its first call.
    """

    def __init__(self, location: Location, environ: Mapping[str, str]) -> None:
        self.location = location
        self.trouble = ""
        self._environ = environ
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @cached_property
    def _store(self) -> Store:
        try:
            return self._connected()
        except (BaseError, ValueError) as failed:
            raise InvalidSettings(
                f"storage: {self.location} cannot be used with the variables that are set: "
                "check their spelling and values"
            ) from failed

    def _connected(self) -> Store:
        place, options = self.location, self._options()
        if place.scheme == "az":
            return AzureStore(place.bucket, prefix=place.prefix or None, **options)
        if place.scheme == "gs":
            return GCSStore(place.bucket, prefix=place.prefix or None, **options)
        # The bucket is a part of the path, unless AWS_VIRTUAL_HOSTED_STYLE_REQUEST says otherwise:
        # no server but AWS's own need have a name for each bucket.
        return S3Store(place.bucket, prefix=place.prefix or None, **options)

    def _options(self) -> dict[str, Any]:
        # Options that are given replace those that the library would take from the variables.
        http = self._environ.get(ALLOW_HTTP[self.location.scheme], "").strip().lower() in YES
        return {"client_options": {**TIMEOUTS, "allow_http": http}, "retry_config": RETRIES}

    async def call(self, awaitable: Awaitable[Result]) -> Result:
        """Await a call of the client library. Raises FileNotFoundError as it does."""
        self._running += 1
        self._idle.clear()
        try:
            result = await awaitable
        except BaseError as failed:
            if is_beyond(failed):
                raise EOFError from None
            refused = refusal(failed)
            self.trouble = refused.message
            raise refused from None  # its text may hold a signature
        else:
            self.trouble = ""
            return result
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def drain(self) -> None:
        """Wait until no call is under way, but not long: the library aborts a process with one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._idle.wait()

    async def check(self) -> None:
        """Look whether the store answers."""
        with _no_bucket():
            await self.call(obstore.list_with_delimiter_async(self._store, None))

    async def watch(self) -> None:
        """Look whether the store answers soon. Raises StorageUnavailable."""
        try:
            async with asyncio.timeout(WATCH_SECONDS):
                await self.check()
        except TimeoutError:
            self.trouble = SILENT
            raise StorageUnavailable(SILENT) from None

    async def _present(self, awaitable: Awaitable[Result]) -> Result:
        # A missing bucket is answered with 404 too, and must not look like missing content.
        try:
            return await self.call(awaitable)
        except FileNotFoundError:
            await self.check()
            raise Missing from None

    async def put(self, key: str, content: bytes | bytearray) -> None:
        """Store an object whole."""
        with _no_bucket():
            await self.call(obstore.put_async(self._store, key, content, use_multipart=False))

    async def put_parts(
        self, key: str, chunks: AsyncIterator[bytes | bytearray], size: int = 0
    ) -> None:
        """Store an object in parts as they come; `size` is about how many bytes, if known.

        Never cancel this, and let the iterator raise nothing: parts that were sent might be left in
        the bucket.
        """
        with _no_bucket():
            await self.call(
                obstore.put_async(
                    self._store,
                    key,
                    chunks,
                    use_multipart=True,
                    chunk_size=max(PART_BYTES, size // PARTS),
                    max_concurrency=AT_ONCE,
                )
            )

    async def get(self, key: str, start: int, stop: int | None = None) -> Opened:
        """Open an object from byte `start` on. Raises Missing, and EOFError beyond its end."""
        # Absolute: Azure has no ranges that count from the end.
        wanted = {"offset": start} if stop is None else (start, stop)
        options: Any = {"range": wanted}
        try:
            found = await self._present(obstore.get_async(self._store, key, options=options))
        except EOFError:
            if start or await self.size(key):
                raise
            return Opened(self, 0, None)  # an empty object has no range
        return Opened(self, found.meta["size"], found.stream(min_chunk_size=CHUNK_BYTES))

    async def size(self, key: str) -> int:
        """The length of an object in bytes. Raises Missing."""
        return (await self._present(obstore.head_async(self._store, key)))["size"]

    async def copy(self, source: str, key: str) -> None:
        """Copy an object within the store. Raises Missing."""
        await self._present(obstore.copy_async(self._store, source, key))

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; those that are missing do not matter."""
        for start in range(0, len(keys), LISTED):
            some = list(keys[start : start + LISTED])
            try:
                await self.call(obstore.delete_async(self._store, some))
            except FileNotFoundError:  # Azure: the first that is missing ends the call
                for key in some:
                    with suppress(Missing):
                        await self._present(obstore.delete_async(self._store, key))

    async def folders(self, prefix: str) -> list[str]:
        """What stands before the next slash in the keys below `prefix`, in order."""
        with _no_bucket():
            found = await self.call(obstore.list_with_delimiter_async(self._store, prefix))
        return sorted(found["common_prefixes"])

    async def list(self, prefix: str, after: str = "") -> AsyncIterator[Object]:
        """The objects below `prefix` in the order of their keys, those behind `after` only."""
        offset = after if after.startswith(prefix) else None
        pages = obstore.list(self._store, prefix, offset=offset, chunk_size=LISTED)
        while True:
            try:
                with _no_bucket():
                    page = await self.call(anext(pages))
            except StopAsyncIteration:
                return
            for found in page:
                if found["path"] > after:  # not every server begins where it is told to
                    yield Object(found["path"], found["size"], found["last_modified"])

    async def sign(self, key: str, lasts: timedelta) -> str:
        """An address from which everybody can read the object for so long."""
        return await self.call(obstore.sign_async(self._store, "GET", key, lasts))


@contextmanager
def _no_bucket() -> Iterator[None]:
    # A 404 of a call that needs no object says that the bucket is missing.
    try:
        yield
    except FileNotFoundError as failed:
        raise StorageUnavailable(explain(failed)) from None


async def at_once(calls: Sequence[Callable[[], Awaitable[Result]]]) -> Sequence[Result]:
    """The results of many small calls, some of them at the same time."""
    turns = asyncio.Semaphore(CALLS_AT_ONCE)

    async def in_turn(call: Callable[[], Awaitable[Result]]) -> Result:
        async with turns:
            return await call()

    return await asyncio.gather(*map(in_turn, calls))


async def probe(bucket: Bucket, key: str, seconds: float) -> None:
    """Put, get, list and delete a small object. Raises InvalidSettings in one sentence."""
    content = key.encode()
    try:
        async with asyncio.timeout(seconds):
            await bucket.put(key, content)
            found = await (await bucket.get(key, 0)).next()
            await bucket.check()
            await bucket.delete([key])
    except InvalidSettings:
        raise
    except (Missing, RegistryError, TimeoutError) as failed:
        said = getattr(failed, "message", "") or f"it did not answer within {seconds:g} seconds"
        raise InvalidSettings(f"storage: {bucket.location}: {said}") from None
    if found != content:
        raise InvalidSettings(f"storage: {bucket.location}: what was stored reads differently")
