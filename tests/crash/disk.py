"""A model of a disk that loses whatever was not synced.

POSIX promises no more: a file's bytes are durable once the file was synced, and its name once
its folder was. A `Loss` chooses what a power loss leaves of everything else.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.crash.tracing import Change


class Loss:
    """Everything that was not synced is lost."""

    def of_name(self) -> bool:
        """Whether one change of a name is lost."""
        return True

    def of_bytes(self) -> bool:
        """Whether one write is lost."""
        return True


class NamesStay(Loss):
    """All names survive, but no unsynced bytes: as after a delayed allocation."""

    def of_name(self) -> bool:
        """See Loss."""
        return False


class AnyLoss(Loss):
    """Each change and each write is kept or lost at random."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def of_name(self) -> bool:
        """See Loss."""
        return self._chance.random() < 0.5

    of_bytes = of_name


@dataclass
class File:
    """A file's writes and truncations since its last sync, and its content at that sync."""

    synced: bytearray = field(default_factory=bytearray)
    size: int = 0
    since: list[Change] = field(default_factory=list)

    def change(self, change: Change) -> None:
        """Write or truncate."""
        offset = self.size if change.offset is None else change.offset
        self.since.append(change._replace(offset=offset))
        is_cut = change.what == "truncate"
        self.size = offset if is_cut else max(self.size, offset + len(change.data))

    def sync(self, began: int) -> None:
        """Make durable what had been written when the sync began."""
        for change in self.since:
            if change.ended < began:
                _apply(self.synced, change)
        self.since = [change for change in self.since if change.ended >= began]

    def write(self, path: Path, loss: Loss) -> None:
        """Write what the loss leaves of it."""
        content = bytearray(self.synced)
        for change in self.since:
            if not loss.of_bytes():
                _apply(content, change)
        path.write_bytes(content)
        path.chmod(0o600)


@dataclass
class Link:
    """A symbolic link, whose target is durable together with its name."""

    text: str

    def write(self, path: Path, loss: Loss) -> None:
        """Create it."""
        path.symlink_to(self.text)


@dataclass
class Folder:
    """A folder's names, the changes since its last sync, and the names at that sync."""

    names: dict[str, "Node"] = field(default_factory=dict)
    synced: dict[str, "Node"] = field(default_factory=dict)
    since: list[tuple[int, str, "Node | None"]] = field(default_factory=list)

    def set(self, name: str, node: "Node | None", ended: int) -> None:
        """Set the name to this node, or remove it."""
        _set(self.names, name, node)
        self.since.append((ended, name, node))

    def sync(self, began: int) -> None:
        """Make durable the names as they were when the sync began."""
        for ended, name, node in self.since:
            if ended < began:
                _set(self.synced, name, node)
        self.since = [change for change in self.since if change[0] >= began]

    def write(self, path: Path, loss: Loss) -> None:
        """Write what the loss leaves of it and of everything below it."""
        names = dict(self.synced)
        for _, name, node in self.since:
            if not loss.of_name():
                _set(names, name, node)
        path.mkdir(mode=0o700)
        for name, node in names.items():
            node.write(path / name, loss)


Node = File | Folder | Link


class Disk:
    """A durable folder of the disk, and the changes below it."""

    def __init__(self) -> None:
        self._root = Folder()

    def change(self, change: Change) -> None:
        """Apply a change of the registry."""
        if change.what == "sync":
            node = self._find(change.path)
            if isinstance(node, File | Folder):
                node.sync(change.began)
        elif change.what in {"write", "truncate"}:
            node = self._find(change.path)
            if isinstance(node, File):  # otherwise its name is gone already: nobody finds its bytes
                node.change(change)
        elif change.what != "answer":
            self._change_names(change)

    def after_power_loss(self, path: Path, loss: Loss) -> None:
        """Create the folder `path` as it may look after a power loss."""
        self._root.write(path, loss)

    def _change_names(self, change: Change) -> None:
        node: Node | None = None
        if change.what == "create" and self._find(change.path) is not None:
            return
        if change.what in {"create", "mkdir"}:
            node = File() if change.what == "create" else Folder()
        elif change.what in {"rename", "link"}:
            node = self._find(change.path)
            assert isinstance(node, File), f"only files are moved, not {change.path}"
        elif change.what == "symlink":
            node = Link(change.path)
        self._set(change.target or change.path, node, change.ended)
        if change.what == "rename":
            self._set(change.path, None, change.ended)

    def _set(self, path: str, node: Node | None, ended: int) -> None:
        parent = self._find(str(PurePosixPath(path).parent))
        assert isinstance(parent, Folder), path
        parent.set(PurePosixPath(path).name, node, ended)

    def _find(self, path: str) -> Node | None:
        node: Node | None = self._root
        for name in PurePosixPath(path).parts:
            node = node.names.get(name) if isinstance(node, Folder) else None
        return node


def _apply(content: bytearray, change: Change) -> None:
    offset = change.offset or 0
    if change.what == "truncate":
        del content[offset:]
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(change.data)] = change.data


def _set(names: dict[str, Node], name: str, node: Node | None) -> None:
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node
