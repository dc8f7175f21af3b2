"""acrux key export: the public keys for another registry, on the screen or in a file."""

import asyncio
import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509

from acrux.bootstrap.application import build
from acrux.cli.main import cli
from acrux.settings import Settings


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The data directory of an empty registry."""
    folder = tmp_path / "data"
    registry = build(Settings(data_dir=folder))

    async def open_and_close() -> None:
        await registry.lifespan.open()
        await registry.lifespan.close()

    asyncio.run(open_and_close())
    return folder


def export(data_dir: Path, *arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["key", "export", "--data-dir", str(data_dir), *arguments])


def test_the_key_set_is_what_a_program_reads(data_dir: Path) -> None:
    """distribution 3 takes it as auth.token.jwks."""
    (key,) = json.loads(export(data_dir).stdout)["keys"]

    assert (key["alg"], key["use"], "d" in key) == ("ES256", "sig", False)


def test_two_certificates_of_one_registry_replace_each_other(data_dir: Path) -> None:
    """An operator may export it again years later."""
    one, two = (
        x509.load_pem_x509_certificate(export(data_dir, "--format", "pem").stdout.encode())
        for _ in range(2)
    )

    assert (one.subject, one.public_key()) == (two.subject, two.public_key())
    one.verify_directly_issued_by(two)


def test_a_file_is_replaced_and_others_may_read_it(data_dir: Path, tmp_path: Path) -> None:
    """The other registry runs as another user."""
    file = tmp_path / "token-ca.pem"
    file.write_text("old")

    done = export(data_dir, "--format", "pem", "--file", str(file))

    assert (done.exit_code, done.output) == (0, "")
    assert x509.load_pem_x509_certificate(file.read_bytes()).subject
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_a_file_that_cannot_be_written_is_named(data_dir: Path, tmp_path: Path) -> None:
    """The message must not name a file that the user never gave."""
    file = tmp_path / "missing" / "jwks.json"

    done = export(data_dir, "--file", str(file))

    assert done.exit_code == 1
    assert f"'{file}': it cannot be written (No such file or directory)" in done.output
