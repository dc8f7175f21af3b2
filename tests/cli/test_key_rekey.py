"""acrux key rekey: another master key, while the registry runs or does not."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from acrux.bootstrap.application import build
from acrux.cli.main import cli
from acrux.errors import InvalidSettings
from acrux.settings import Settings


def key_in(path: Path, digits: str) -> Path:
    """A file with a master key of 32 such bytes."""
    path.write_text(digits * 32)
    path.chmod(0o600)
    return path


def started(data_dir: Path, master_key: Path | None) -> object:
    """Start the registry once; return its public keys."""

    async def start() -> object:
        registry = build(Settings(data_dir=data_dir, master_key_file=master_key))
        await registry.lifespan.open()
        found = registry.services.tokens.public_keys()
        await registry.lifespan.close()
        return found

    return asyncio.run(start())


def rekey(data_dir: Path, new: Path, *arguments: str) -> Result:
    """Run the command."""
    options = ["--data-dir", str(data_dir), "--new-master-key-file", str(new), *arguments]
    return CliRunner().invoke(cli, ["key", "rekey", *options])


def test_afterwards_only_the_new_master_key_starts_the_registry(tmp_path: Path) -> None:
    """A master key that somebody saw must open nothing any more; and no token is lost."""
    data_dir = tmp_path / "data"
    old, new = key_in(tmp_path / "old", "00"), key_in(tmp_path / "new", "01")
    before = started(data_dir, old)

    done = rekey(data_dir, new, "--master-key-file", str(old))

    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("5 secrets are sealed under the master key ")
    assert str(new) in done.stdout
    assert started(data_dir, new) == before
    with pytest.raises(InvalidSettings, match="acrux key rekey may have replaced"):
        started(data_dir, old)


def test_a_registry_whose_keys_are_files_has_no_master_key_to_change(tmp_path: Path) -> None:
    """The command must not look as if it had protected them."""
    started(tmp_path / "data", None)

    done = rekey(tmp_path / "data", key_in(tmp_path / "new", "01"))

    assert done.exit_code == 2
    assert "are files" in done.output


def test_a_new_master_key_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    """The old one must open everything still."""
    data_dir, old = tmp_path / "data", key_in(tmp_path / "old", "00")
    started(data_dir, old)

    done = rekey(data_dir, tmp_path / "nowhere", "--master-key-file", str(old))

    assert isinstance(done.exception, InvalidSettings)
    started(data_dir, old)
