"""The changes that strace saw a registry make to files, and its answers."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

# Calls that change files, and those that answer. Other calls must not be used on our files:
# `changes` refuses a trace with a call whose meaning it does not know.
TRACED: Final = (
    "openat,open,creat,write,pwrite64,writev,pwritev,ftruncate,fallocate,fsync,fdatasync,"
    "?rename,?renameat,?renameat2,?link,?linkat,?symlink,?symlinkat,?unlink,?unlinkat,"
    "?mkdir,?mkdirat,?rmdir,sendto,sendmsg"
)

_CALL: Final = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)")
_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_OPEN: Final = re.compile(r"(?:^|\W)\d+<([^>]*)>")
_REQUEST_ID: Final = re.compile(rb"x-ms-correlation-request-id: ([\w-]+)", re.IGNORECASE)
_SYNCS: Final = frozenset({"fsync", "fdatasync"})
_WRITES: Final = frozenset({"write", "pwrite64", "writev", "pwritev"})
_PATHS: Final = {
    "rename": "rename", "renameat": "rename", "renameat2": "rename", "link": "link",
    "linkat": "link", "symlink": "symlink", "symlinkat": "symlink", "unlink": "unlink",
    "unlinkat": "unlink", "rmdir": "unlink", "mkdir": "mkdir", "mkdirat": "mkdir",
}  # fmt: skip


class Change(NamedTuple):
    """One change of a file or a folder, or the id of an answer that was sent.

    It took effect between two lines of the trace: where it began and where it ended.
    """

    what: str  # create, write, truncate, sync, rename, link, symlink, unlink, mkdir or answer
    path: str = ""
    target: str = ""
    data: bytes = b""
    offset: int | None = None  # None: at the end
    began: int = 0
    ended: int = 0


class _Call(NamedTuple):
    name: str
    arguments: str
    result: int
    began: int
    ended: int

    @property
    def texts(self) -> list[bytes]:
        return [_bytes(found) for found in _TEXT.findall(self.arguments)]

    @property
    def opened(self) -> str:
        found = _OPEN.search(self.arguments)
        return _bytes(found[1]).decode() if found else ""

    @property
    def last_number(self) -> int:
        return int(self.arguments.rpartition(", ")[2])


def strace(log: Path) -> tuple[str, ...]:
    """A command that runs another one and records what `changes` reads."""
    options = ("-f", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", "10000000")
    return ("strace", *options, "-e", f"trace={TRACED}", "-o", str(log))


def changes(log: Path, root: Path) -> list[Change]:
    """The changes below the folder `root`, and every answer, in the order of their ends."""
    found = []
    for call in _calls(log.read_text().splitlines()):
        change = _change(call, f"{root}/")
        if change is not None:
            found.append(change._replace(began=call.began, ended=call.ended))
    return found


def _calls(lines: list[str]) -> Iterator[_Call]:
    unfinished: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(lines):
        thread, _, text = line.partition(" ")
        text, began = text.strip(), number
        if text.endswith(" <unfinished ...>"):
            unfinished[thread] = (text.removesuffix(" <unfinished ...>"), number)
            continue
        if text.startswith("<... "):
            start, began = unfinished.pop(thread, ("", number))
            text = start + text.partition(" resumed>")[2]
        if (call := _CALL.match(text)) and int(call[3]) >= 0:
            yield _Call(call[1], call[2], int(call[3]), began, number)


def _change(call: _Call, root: str) -> Change | None:
    if call.name in _PATHS:
        return _of_names(call, root)
    if call.name in {"open", "openat", "creat"}:
        path = _inside(call.texts[0].decode(), root)
        assert not (path and "O_TRUNC" in call.arguments), f"{path} is opened to be emptied"
        return Change("create", path) if path and "O_CREAT" in call.arguments else None
    if any(text.startswith(b"HTTP/1.1 ") for text in call.texts[:1]):
        found = _REQUEST_ID.search(call.texts[0])
        return Change("answer", found[1].decode() if found else "")
    path = _inside(call.opened, root)
    return _of_content(call, path) if path else None


def _of_names(call: _Call, root: str) -> Change | None:
    names = [text.decode() for text in call.texts]
    path = _inside(names[-1], root)
    if not path:
        return None
    source = names[0] if call.name.startswith("symlink") else _inside(names[0], root)
    kind = _PATHS[call.name]
    return Change(kind, path) if len(names) == 1 else Change(kind, source, path)


def _of_content(call: _Call, path: str) -> Change:
    if call.name in _SYNCS:
        return Change("sync", path)
    if call.name == "ftruncate":
        return Change("truncate", path, offset=call.last_number)
    if call.name == "fallocate":  # of mode 0, from the start: at least so long afterwards
        assert ", 0, 0, " in call.arguments, call.arguments
        return Change("write", path, offset=call.last_number)
    assert call.name in _WRITES - {"pwritev"}, f"no meaning is known of {call.name} on {path}"
    offset = call.last_number if call.name == "pwrite64" else None
    return Change("write", path, data=b"".join(call.texts)[: call.result], offset=offset)


def _inside(path: str, root: str) -> str:
    # The folder itself is "."; anything elsewhere is "", and so is a file without a name.
    if f"{path}/" == root:
        return "."
    return path.removeprefix(root) if path.startswith(root) else ""


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", "")) if escaped[:2] == "\\x" else escaped.encode()
