"""The file of the master key: what is accepted, and what its errors say."""

from base64 import b64encode
from pathlib import Path

import pytest

from acrux.adapters.sql.secrets.master_key import MasterKey, read_master_key
from acrux.errors import InvalidSettings

KEY = bytes(range(32))


def kept(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    """A file of this content."""
    path = folder / "master-key"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    "content",
    [
        b64encode(KEY),
        b64encode(KEY) + b"\n",
        KEY.hex().encode() + b"\n",
        KEY.hex().upper().encode(),
    ],
    ids=["base64", "a line of base64", "a line of hex", "HEX"],
)
def test_what_openssl_prints_is_a_master_key(tmp_path: Path, content: bytes) -> None:
    """An operator makes it with the tools at hand."""
    read = read_master_key(kept(tmp_path, content))

    assert read.fingerprint == MasterKey(KEY, "").fingerprint


@pytest.mark.parametrize(
    "content",
    [b"", KEY, b64encode(KEY[:16]), b64encode(KEY + KEY), KEY.hex().encode()[:-1], b"x" * 9999],
    ids=["nothing", "raw bytes", "16 bytes", "64 bytes", "a digit less", "much"],
)
def test_anything_else_is_refused_with_how_to_make_one(tmp_path: Path, content: bytes) -> None:
    """A short or truncated key could be guessed."""
    path = kept(tmp_path, content)

    with pytest.raises(InvalidSettings, match=r"master_key_file.*openssl rand -base64 32") as told:
        read_master_key(path)

    assert str(path) in str(told.value)
    assert not content or content[:8].decode("latin-1") not in str(told.value)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """It opens all secrets."""
    with pytest.raises(InvalidSettings, match="chmod 600"):
        read_master_key(kept(tmp_path, b64encode(KEY), 0o644))


def test_a_group_may_read_the_file(tmp_path: Path) -> None:
    """Kubernetes gives it to the group of a volume."""
    assert read_master_key(kept(tmp_path, b64encode(KEY), 0o640)).fingerprint


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """A typo in its path is the most common mistake."""
    with pytest.raises(InvalidSettings, match="nowhere cannot be read"):
        read_master_key(tmp_path / "nowhere")


def test_what_is_sealed_opens_with_its_key_and_its_name_alone() -> None:
    """Who may write to the database must not pass one secret off as another."""
    key, other = MasterKey(KEY, ""), MasterKey(bytes(32), "")
    sealed = key.seal("pepper", b"a secret")

    assert key.open("pepper", sealed) == b"a secret"
    assert key.open("uploads", sealed) is None
    assert other.open("pepper", sealed) is None
    assert key.open("pepper", sealed[:-1] + bytes([sealed[-1] ^ 1])) is None
    assert key.open("pepper", b"") is None
    assert b"a secret" not in sealed


def test_a_fingerprint_names_a_key_and_is_no_part_of_it() -> None:
    """It is printed in errors."""
    one, same, other = MasterKey(KEY, ""), MasterKey(KEY, ""), MasterKey(bytes(32), "")

    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 16
    assert one.fingerprint not in KEY.hex()
