"""A database without its own pepper is refused at the start."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from acrux.bootstrap.application import Registry, build
from acrux.errors import InvalidSettings
from acrux.settings import Settings


async def started(folder: Path, *, renew_pepper: bool = False) -> Registry:
    """A registry that was opened, has its administrator, and was closed."""
    registry = build(Settings(data_dir=folder, renew_pepper=renew_pepper))
    await registry.lifespan.open()
    try:
        await registry.services.accounts.create_administrator("acrux")
    finally:
        await registry.lifespan.close()
    return registry


async def test_a_database_restored_without_the_secrets_is_refused(tmp_path: Path) -> None:
    """Otherwise it would start, and refuse every password without explanation."""
    await started(tmp_path)
    pepper = tmp_path / "secrets" / "pepper"
    pepper.unlink()

    with pytest.raises(InvalidSettings, match=r"secrets/pepper is missing.*restore"):
        await started(tmp_path)

    assert not pepper.exists()


async def test_a_database_beside_another_pepper_is_refused(tmp_path: Path) -> None:
    """The secrets of two registries are easily mixed up."""
    await started(tmp_path)
    (tmp_path / "secrets" / "pepper").write_bytes(bytes(32))

    with pytest.raises(InvalidSettings, match=r"secrets/pepper is not the one"):
        await started(tmp_path)


@pytest.mark.parametrize("is_missing", [True, False])
async def test_a_pepper_lost_for_good_can_be_renewed_once(
    tmp_path: Path, *, is_missing: bool
) -> None:
    """The content must not be lost with a file of 32 bytes."""
    await started(tmp_path)
    pepper = tmp_path / "secrets" / "pepper"
    pepper.unlink() if is_missing else pepper.write_bytes(bytes(32))

    await started(tmp_path, renew_pepper=True)

    await started(tmp_path)


async def test_a_database_without_a_fingerprint_takes_that_of_its_pepper(
    tmp_path: Path,
) -> None:
    """An update of acrux must not lock anyone out; the fingerprint protects from then on."""
    await started(tmp_path)
    with closing(sqlite3.connect(tmp_path / "registry.sqlite", isolation_level=None)) as database:
        database.execute("DELETE FROM facts")

    await started(tmp_path)

    (tmp_path / "secrets" / "pepper").write_bytes(bytes(32))
    with pytest.raises(InvalidSettings):
        await started(tmp_path)


@pytest.mark.parametrize("lost", ["uploads", "failed-logins", "signing/ES256-0001.pem"])
async def test_secrets_that_only_end_sessions_are_recreated(tmp_path: Path, lost: str) -> None:
    """Tokens expire and uploads restart anyway: no reason to refuse the start."""
    await started(tmp_path)
    secret = tmp_path / "secrets" / lost
    secret.unlink()

    await started(tmp_path)

    assert secret.exists()


async def test_the_key_of_failed_logins_is_found_under_its_former_name(tmp_path: Path) -> None:
    """Otherwise an upgrade would forget the lockouts."""
    await started(tmp_path)
    key, former = (tmp_path / "secrets" / name for name in ("failed-logins", "guesses"))
    content = key.read_bytes()
    key.rename(former)

    await started(tmp_path)

    assert key.read_bytes() == content
    assert not former.exists()


async def test_a_key_with_the_former_name_replaces_no_key(tmp_path: Path) -> None:
    """An older acrux, started by mistake, makes one before it refuses the newer database."""
    await started(tmp_path)
    key, former = (tmp_path / "secrets" / name for name in ("failed-logins", "guesses"))
    content = key.read_bytes()
    former.write_bytes(bytes(32))
    former.chmod(0o600)

    await started(tmp_path)

    assert key.read_bytes() == content
