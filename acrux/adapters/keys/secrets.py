"""Secret files, created once and kept private: write aside, sync, link."""

import asyncio
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from acrux.adapters.failures import OF_STORAGE, is_read_only, unstored
from acrux.errors import InvalidSettings, RegistryError
from acrux.ports.secrets import Listing

# A shorter secret could be guessed; a shorter file was truncated.
MIN_BYTES: Final = 32

# Names that earlier releases gave to some secrets.
_FORMER: Final = {"failed-logins": "guesses"}


class FileSecrets:
    """The port Secrets on the files of a folder and of its folders; each method is described there.

    A secret is linked, whole, under an unused name. So if two create it at the same time, one of
    them does, and a kill leaves the secret whole or not there at all.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, name: str) -> bytes | None:
        """See ports.Secrets."""
        path = self._found(name)
        try:
            return read(path)
        except InvalidSettings:
            if path.exists():
                raise
            return None

    async def create(self, name: str, content: bytes) -> bool:
        """See ports.Secrets."""
        return await asyncio.to_thread(create, self._path(name), content)

    async def replace(self, name: str, content: bytes) -> None:
        """See ports.Secrets."""
        path = self._path(name)

        def rewrite_existing() -> None:
            if path.exists():
                rewrite(path, content)

        await asyncio.to_thread(rewrite_existing)

    async def remove(self, name: str) -> None:
        """See ports.Secrets."""
        await asyncio.to_thread(remove, self._path(name))

    async def list(self, folder: str = "") -> Listing:
        """See ports.Secrets."""
        return frozenset(self._states(folder))

    def place(self, name: str) -> str:
        """See ports.Secrets."""
        return str(self._path(name))

    def _path(self, name: str) -> Path:
        return self._folder / name

    def _found(self, name: str) -> Path:
        # An existing secret is never replaced by its former one: an older acrux, started by
        # mistake, makes one of its own.
        path, former = self._path(name), self._path(_FORMER.get(name, name))
        if path.exists() or not former.exists():
            return path
        if is_read_only(self._folder):
            return former
        with suppress(FileExistsError, FileNotFoundError):  # another process is faster
            path.hardlink_to(former)
            former.unlink()
        return path

    def _states(self, folder: str) -> Iterator[tuple[str, object]]:
        for path in (self._folder / folder).glob("**/[!.]*"):
            try:
                state = path.stat()
            except OSError:  # removed meanwhile, or not readable anyway
                continue
            if stat.S_ISREG(state.st_mode):
                name = path.relative_to(self._folder).as_posix()
                yield name, (state.st_ino, state.st_mtime_ns, state.st_ctime_ns)


def read_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """The secret in the file `path`; if there is no file, what `make` returns, durably stored.

    Processes that start at the same time return the same secret. Raises InvalidSettings if all
    users of the machine can use the file or change its folder, or if the file is shorter than
    MIN_BYTES. A group may have access: Kubernetes gives it to the group of a volume (fsGroup).
    """
    try:
        if not path.exists():
            _make_folder(path.parent)
            _create(path, make())
        return _read(path)
    except OSError as failed:
        raise _unkept(path, failed) from failed


def read(path: Path) -> bytes:
    """The secret in the file `path`; raises InvalidSettings as `read_or_create` does."""
    try:
        return _read(path)
    except OSError as failed:
        raise InvalidSettings(
            f"the secret {path} cannot be read ({failed.strerror}): make it readable by the user "
            "who runs acrux, and by nobody else"
        ) from failed


def create(path: Path, content: bytes) -> bool:
    """Create the file `path` with the secret, durably; return False if it exists already.

    Raises InvalidSettings if acrux may not write there, and StorageExhausted, StorageReadOnly or
    StorageUnavailable if the storage cannot be used now.
    """
    try:
        _make_folder(path.parent)
        return _create(path, content)
    except OSError as failed:
        raise _unstored(path, failed) from failed


def rewrite(path: Path, content: bytes) -> None:
    """As `replace`, for a secret. Raises as `create` does."""
    try:
        replace(path, content, 0o600)
    except OSError as failed:
        raise _unstored(path, failed) from failed


def remove(path: Path) -> None:
    """Remove the secret, durably, if there is one. Raises as `create` does if it stays."""
    try:
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as failed:
        raise _unstored(path, failed) from failed


def replace(path: Path, content: bytes, mode: int) -> None:
    """Replace what the file `path` holds by `content`: a reader finds the old or the new, whole.

    Raises OSError if the file cannot be written.
    """
    aside = _write_aside(path, content, mode)
    try:
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _unkept(path: Path, failed: OSError) -> InvalidSettings:
    return InvalidSettings(
        f"the secret {path} cannot be stored or read ({failed.strerror}): make its folder "
        "writable by the user who runs acrux"
    )


def _unstored(path: Path, failed: OSError) -> RegistryError:
    # A running registry creates keys too: a failure of the storage is no mistake in its settings.
    is_of_storage = failed.errno in OF_STORAGE or is_read_only(path.parent)
    return unstored(failed) if is_of_storage else _unkept(path, failed)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)


def _create(path: Path, content: bytes) -> bool:
    aside = _write_aside(path, content, 0o600)
    try:
        os.link(aside, path)  # unlike a rename, a link never overwrites
        created = True
    except FileExistsError:
        created = False  # another process was first, and its secret counts
    finally:
        aside.unlink()
    _sync_folder(path.parent)
    return created


def _write_aside(path: Path, content: bytes, mode: int) -> Path:
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        aside.unlink()
        raise
    return aside


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        _check_privacy(path, stat.S_IMODE(os.fstat(file.fileno()).st_mode))
        content = file.read()
    if len(content) < MIN_BYTES:
        raise InvalidSettings(
            f"the secret {path} holds {len(content)} bytes, and at least {MIN_BYTES} are expected: "
            "restore it from a backup; if it is lost, remove it, so that acrux makes a new one, "
            "and renew what was made with it: passwords, tokens"
        )
    return content


def _check_privacy(path: Path, mode: int) -> None:
    if mode & stat.S_IRWXO:
        raise InvalidSettings(
            f"the secret {path} has mode {mode:04o}, so others may use it: chmod 600 {path}"
        )
    folder_mode = stat.S_IMODE(path.parent.stat().st_mode)
    if folder_mode & stat.S_IWOTH:
        raise InvalidSettings(
            f"the folder {path.parent} of a secret has mode {folder_mode:04o}, so others may "
            f"replace it: chmod 700 {path.parent}"
        )
