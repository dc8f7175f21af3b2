"""What a registry acknowledged, and whether a place still holds it."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acrux.domain.content.digest import Digest
from tests.tools import copy_file
from tests.wire.connection import Connection

NOTHING = frozenset({None})

_KEY = "(SELECT key FROM repositories WHERE name=?)"

# The content at a path of the API; None if nothing is there.
Look = Callable[[str], bytes | None]


@dataclass
class OpenUpload:
    """An open upload: the acknowledged bytes, and the bytes that were sent."""

    location: str
    acknowledged: bytes = b""
    sent: bytes = b""


@dataclass
class Ledger:
    """The content that each path may have after each answer to one client.

    Between a request and its answer, either of two contents is possible; after the answer, one.
    `ids` maps the id of each answer to its number, and `told` is called after each answer.
    """

    ids: dict[str, int] = field(default_factory=dict)
    told: Callable[[], None] = lambda: None
    is_closed: bool = False
    passwords: dict[str, str | None] = field(default_factory=dict)
    uploads: list[OpenUpload] = field(default_factory=list)
    closing: tuple[str, bytes, bytes] | None = None  # path, body, and the content of the blob
    cancelled: list[str] = field(default_factory=list)
    _entries: list[tuple[float, str, frozenset[bytes | None]]] = field(default_factory=list)

    @property
    def answers(self) -> int:
        """The number of answers."""
        return len(self.ids)

    def answered(self, request_id: str) -> None:
        """Record one more answer, and notify whoever waits for it."""
        self.ids[request_id] = self.answers + 1
        self.told()

    def attempt(self, path: str, content: bytes | None) -> None:
        """Record a request under way that puts this content there, or removes what is there."""
        allowed = self.at().get(path, NOTHING) | {content}
        self._entries.append((self.answers + 0.5, path, allowed))

    def keep(self, path: str, content: bytes | None) -> None:
        """Record the answer to that request, unless it came after the end: this content stays."""
        if self.is_closed:
            return
        self._entries.append((self.answers, path, frozenset({content})))

    def keep_password(self, name: str, password: str | None) -> None:
        """Record the account's current password; None while it is unknown."""
        if password is None or not self.is_closed:
            self.passwords[name] = password

    def keep_cancelled(self, location: str) -> None:
        """Record that the upload is gone for good, unless the answer came after the end."""
        if not self.is_closed:
            self.cancelled.append(location)

    def close(self) -> None:
        """Treat no further answer as a promise."""
        self.is_closed = True

    def at(self, answers: float = float("inf")) -> dict[str, frozenset[bytes | None]]:
        """The possible contents of each path when the answer with this number was sent."""
        return {path: allowed for moment, path, allowed in self._entries if moment <= answers}

    def uncertain(self) -> Iterator[tuple[str, bytes]]:
        """The contents whose requests were not answered any more."""
        for path, allowed in self.at().items():
            for content in allowed if len(allowed) > 1 else ():
                if content is not None:
                    yield path, content


def losses(look: Look, promised: dict[str, frozenset[bytes | None]]) -> list[str]:
    """The paths whose content differs from what was promised, with the content found."""
    found = {path: look(path) for path in promised}
    return [
        f"{path}: {_name(found[path])} instead of {' or '.join(map(_name, allowed))}"
        for path, allowed in promised.items()
        if found[path] not in allowed
    ]


def _name(content: bytes | None) -> str:
    return "nothing" if content is None else f"sha256:{Digest.of(content).encoded[:9]}"


def over_http(connection: Connection) -> Look:
    """The content that the registry at the other end of a connection serves."""

    def look(path: str) -> bytes | None:
        reply = connection.call("GET", path)
        assert reply.status in (200, 404), (path, reply)
        return reply.body if reply.status == 200 else None

    return look


def faults_of_a_copy(data_dir: Path, copy: Path) -> list[str]:
    """Like DataDir.faults, before a registry repairs anything: a copy of the database is opened."""
    shutil.copytree(data_dir, copy, symlinks=True)
    return DataDir(copy).faults()


class DataDir:
    """A data directory that no registry has open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def look(self, path: str) -> bytes | None:
        """The content that a registry would serve: see Look."""
        repository, kind, name = path.removeprefix("/v2/").rsplit("/", 2)
        if kind == "blobs":
            linked = self._rows(f"SELECT 1 FROM blob_links WHERE repository={_KEY} AND digest=?",  # noqa: S608
                                repository, name)  # fmt: skip
            return self._blob(name) if linked else None
        column = "m.digest" if ":" in name else "t.name"
        found = self._rows(
            "SELECT m.content FROM manifests m LEFT JOIN tags t USING (repository, digest)"  # noqa: S608
            f" WHERE m.repository={_KEY} AND {column}=?", repository, name,
        )  # fmt: skip
        return bytes(found[0][0]) if found else None

    def faults(self) -> list[str]:
        """Faults of the database, and blobs that it names whose bytes are missing or wrong."""
        found = [str(row[0]) for row in self._rows("PRAGMA integrity_check") if row[0] != "ok"]
        for (digest,) in self._rows("SELECT DISTINCT digest FROM blob_links"):
            content = self._blob(digest)
            if content is None or str(Digest.of(content)) != digest:
                found.append(f"linked, and not whole: {digest}")
        return found

    def _blob(self, digest: str) -> bytes | None:
        in_use = self._rows("SELECT copy FROM blobs WHERE digest = ?", digest)
        file = copy_file(self._folder, Digest.parse(digest), in_use[0][0] if in_use else "")
        return file.read_bytes() if file.exists() else None

    def _rows(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        file = self._folder / "registry.sqlite"
        if not file.exists():  # lost completely: so is every promise
            return []
        with closing(sqlite3.connect(file)) as database:
            try:
                return database.execute(sql, values).fetchall()
            except sqlite3.DatabaseError:  # no table yet, or damaged: nothing is found in it
                return [("damaged",)] if sql.startswith("PRAGMA") else []
