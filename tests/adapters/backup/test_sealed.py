"""Secrets leave the machine encrypted, or not at all."""

from pathlib import Path

import msgspec
import pytest

from acrux.adapters.backup import sealed
from acrux.domain.access.credential import Secret
from acrux.errors import InvalidBackup, InvalidInput
from tests.adapters.backup.registries import Original

PASSPHRASE = Secret("correct horse battery staple")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data directory that holds secrets, a CA, and what is neither."""
    for name in ("secrets/pepper", "secrets/signing/one", "secrets/.aside", "tls/ca.pem", "other"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"the content of {name}".encode())
    return tmp_path / "data"


def test_the_secrets_of_a_registry_come_back(original: Original, tmp_path: Path) -> None:
    """Without the pepper no password is right."""
    files = sealed.unseal(sealed.seal(original.data_dir, PASSPHRASE), PASSPHRASE)
    sealed.put(files, tmp_path / "new")

    assert {"secrets/pepper", "secrets/uploads"} <= files.keys()
    for name, content in files.items():
        found = tmp_path / "new" / name
        assert found.read_bytes() == content == (original.data_dir / name).read_bytes()
        assert not found.stat().st_mode & 0o077


def test_they_are_the_keys_and_the_ca_and_cannot_be_read(folder: Path) -> None:
    """Whoever has the backup could sign tokens."""
    box = sealed.seal(folder, PASSPHRASE)

    assert sealed.unseal(box, PASSPHRASE).keys() == {
        "secrets/pepper", "secrets/signing/one", "tls/ca.pem",
    }  # fmt: skip
    assert b"pepper" not in box
    assert b"content" not in box
    assert sealed.seal(folder, PASSPHRASE) != box


def test_another_passphrase_does_not_open_them(folder: Path) -> None:
    """A wrong key must not restore rubbish."""
    box = sealed.seal(folder, PASSPHRASE)

    with pytest.raises(InvalidInput, match="passphrase is not the one"):
        sealed.unseal(box, Secret("correct horse battery stable"))


def test_what_is_sealed_in_another_way_is_refused(folder: Path) -> None:
    """A stranger's backup could demand any amount of memory, or write anywhere."""
    box = msgspec.json.decode(sealed.seal(folder, PASSPHRASE))
    for change in ({"cost": 1 << 30}, {"cost": 3}, {"salt": 5}, {"nonce": ""}, {"blocks": 1 << 20}):
        with pytest.raises(InvalidBackup):
            sealed.unseal(msgspec.json.encode(box | change), PASSPHRASE)


def test_names_that_lead_elsewhere_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The passphrase may be known to whoever made the backup."""
    (folder / "outside").write_bytes(b"x")
    with monkeypatch.context() as patch:
        patch.setattr(sealed, "_names", lambda _: ["secrets/../outside"])
        box = sealed.seal(folder, PASSPHRASE)

    with pytest.raises(InvalidBackup, match="lead elsewhere"):
        sealed.unseal(box, PASSPHRASE)


@pytest.mark.parametrize("content", [b"", b"short\n", b"\n" * 20, b"\xff" * 20])
def test_a_passphrase_that_can_be_guessed_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whoever has the backup can try as many as they like."""
    (tmp_path / "passphrase").write_bytes(content)

    with pytest.raises(InvalidInput, match="passphrase"):
        sealed.read_passphrase(tmp_path / "passphrase")


def test_a_passphrase_is_the_first_line(tmp_path: Path) -> None:
    """Editors add a line feed at the end."""
    (tmp_path / "passphrase").write_text("correct horse battery staple\r\nanother line\n")

    assert sealed.read_passphrase(tmp_path / "passphrase").reveal() == PASSPHRASE.reveal()
