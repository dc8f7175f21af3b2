"""Who else may use a data directory."""

from pathlib import Path

import pytest

from acrux.adapters.data_dir import open_to_group


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data directory as a registry makes it."""
    folder = tmp_path / "data"
    for path in (folder, folder / "secrets", folder / "secrets" / "signing", folder / "tls"):
        path.mkdir(mode=0o700)
    for name in ("secrets/pepper", "secrets/signing/ES256-0001", "tls/ca-key.pem"):
        (folder / name).touch(0o600)
    return folder


def test_what_a_registry_makes_is_open_to_nobody_else(folder: Path) -> None:
    """No start would be without a warning."""
    assert open_to_group(folder) is None
    folder.chmod(0o750)
    assert open_to_group(folder) is None


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("", 0o770),
        ("secrets", 0o770),
        ("secrets/pepper", 0o640),
        ("secrets/signing", 0o770),
        ("secrets/signing/ES256-0001", 0o660),
        ("tls", 0o770),
        ("tls/ca-key.pem", 0o640),
    ],
)
def test_a_group_that_may_use_or_replace_a_secret_is_noticed(
    folder: Path, name: str, mode: int
) -> None:
    """It may make tokens, or certificates that our clients trust."""
    folder.chmod(0o750)
    (folder / name).chmod(mode)

    assert open_to_group(folder) == folder / name


def test_a_group_that_may_not_enter_uses_nothing(folder: Path) -> None:
    """Modes below it make no difference."""
    (folder / "secrets" / "pepper").chmod(0o660)

    assert open_to_group(folder) is None
