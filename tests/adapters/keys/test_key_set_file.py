"""The file of public keys: whole at every moment, and written only when it changes."""

import json
import stat
from pathlib import Path

import pytest

from acrux.adapters.keys.key_set_file import KeySetFile
from acrux.errors import InvalidSettings

KEYS: dict[str, object] = {"keys": [{"kid": "one"}]}
MORE: dict[str, object] = {"keys": [{"kid": "one"}, {"kid": "two"}]}


def test_it_holds_the_newest_keys_for_everybody(tmp_path: Path) -> None:
    """The other registry runs as another user."""
    path = tmp_path / "jwks.json"
    for keys in (KEYS, MORE):
        KeySetFile(path).write(keys)

    assert json.loads(path.read_bytes()) == MORE
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_it_is_replaced_only_if_it_changes(tmp_path: Path) -> None:
    """Every worker looks twice a second, and a program may watch the file."""
    path = tmp_path / "jwks.json"
    file = KeySetFile(path)
    file.write(KEYS)
    first = path.stat().st_ino
    file.write(KEYS)
    same = path.stat().st_ino == first
    path.write_text("cut off")
    file.write(KEYS)

    assert same
    assert json.loads(path.read_bytes()) == KEYS


def test_a_reader_never_finds_a_part(tmp_path: Path) -> None:
    """Whoever has it open reads what it was when they opened it."""
    path = tmp_path / "jwks.json"
    file = KeySetFile(path)
    file.write(KEYS)
    with path.open() as reader:
        file.write(MORE)
        read = json.load(reader)

    assert read == KEYS


@pytest.mark.parametrize("name", ["missing/jwks.json", "."])
def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path, name: str) -> None:
    """The operator sees the setting, the path and the reason."""
    path = tmp_path / name

    with pytest.raises(InvalidSettings, match=f"key_set_file: {path} cannot be written"):
        KeySetFile(path).write(KEYS)
