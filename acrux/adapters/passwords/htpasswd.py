"""An htpasswd file: users and bcrypt hashes, read again when it changes."""

import os
import re
import stat
from pathlib import Path
from typing import Final

from acrux.adapters.keys.slow_hashes import BCRYPT, MAX_COST
from acrux.domain.access.users import is_user_name
from acrux.ports.accounts import FileContent, FileUser

# bcrypt's own form: $2y$, a cost of two digits, 22 characters of salt and 31 of hash.
_BCRYPT: Final = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")

MAX_FILE_BYTES: Final = 16 * 1024 * 1024


class HtpasswdFile:
    """The file `path`, as `htpasswd -B` writes it. Implements acrux.ports.accounts.UserFile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: object = None  # the file's state when it was read, or why it was not
        self._settling: object = None

    def read_if_changed(self) -> FileContent | None:
        """See ports.UserFile."""
        try:
            return self._look()
        except (OSError, UnicodeDecodeError) as failure:
            was_reported, self._seen = self._seen == str(failure), str(failure)
            if was_reported:
                return None
            return FileContent(None, (f"{self._path} cannot be read, its users stay: {failure}",))

    def _look(self) -> FileContent | None:
        found = self._path.stat()
        looks = _looks(found)
        if looks == self._seen or not self._has_settled(looks):
            return None
        content = self._read(found.st_size, others_may_read=bool(found.st_mode & stat.S_IROTH))
        if _looks(self._path.stat()) != looks:
            return None  # it changed meanwhile: the next look reads it
        self._seen = looks
        return content

    def _has_settled(self, looks: object) -> bool:
        # htpasswd writes the file in place, and half of it must not be taken for all of it. So a
        # change counts only if the file looks the same at the next look.
        settled = self._seen is None or looks == self._settling
        self._settling = looks
        return settled

    def _read(self, size: int, *, others_may_read: bool) -> FileContent:
        if size > MAX_FILE_BYTES:
            return FileContent(None, (f"{self._path} is longer than {MAX_FILE_BYTES} bytes",))
        users: dict[str, FileUser] = {}
        problems = []
        if others_may_read:
            problems.append(f"{self._path} can be read by others: chmod o-r {self._path}")
        for number, line in enumerate(self._path.read_text("utf-8").splitlines(), 1):
            name, _, hashed = line.strip().partition(":")
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if problem := _problem(name, hashed, users):
                problems.append(f"{self._path}, line {number}: {problem}")
            else:
                users[name] = FileUser(name, f"{BCRYPT}:{hashed}")
        return FileContent(tuple(users.values()), tuple(problems))


class NoFile:
    """No file is set, so it has no users. Implements acrux.ports.accounts.UserFile."""

    def __init__(self) -> None:
        self._content: FileContent | None = FileContent(())

    def read_if_changed(self) -> FileContent | None:
        """See ports.UserFile."""
        content, self._content = self._content, None
        return content


def _looks(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_mtime_ns, found.st_size, found.st_ino


def _problem(name: str, hashed: str, users: dict[str, FileUser]) -> str:
    if not is_user_name(name):
        return "a user name must have 3 to 64 letters, digits, . _ @ and -"
    if name in users:
        return f"{name!r} occurs twice: the first line counts"
    bcrypt = _BCRYPT.fullmatch(hashed)
    if bcrypt is None:
        return f"the password of {name!r} is not a bcrypt hash: write it with htpasswd -B"
    if int(bcrypt[1]) > MAX_COST:
        return f"the bcrypt cost of {name!r} is above {MAX_COST}: write it with htpasswd -B -C 10"
    return ""
