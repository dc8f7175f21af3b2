"""The connection to the server is encrypted and checked as its URL says."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from acrux.adapters.keys.certificates import self_signed
from acrux.adapters.postgresql.address import Address
from acrux.adapters.postgresql.database import PostgresDatabase
from acrux.adapters.sql.database import Statement
from acrux.errors import InvalidSettings
from tests import postgresql
from tests.postgresql import ACCOUNT, TEMPLATE, is_root
from tests.running import free_port

NOW = datetime.now(UTC)
ENCRYPTED = Statement("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", {})


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The URL of a server that listens on 127.0.0.1 with a certificate; `{ca}` is for its CA."""
    with postgresql.running() as server:
        files = self_signed(server.folder, ("127.0.0.1",), NOW)
        if is_root():
            shutil.chown(files.key, ACCOUNT)
            shutil.chown(files.certificate, ACCOUNT)
        port = free_port()
        server.stop()
        server.start(
            "listen_addresses=127.0.0.1", f"port={port}", "ssl=on",
            f"ssl_cert_file={files.certificate}", f"ssl_key_file={files.key}",
        )  # fmt: skip
        yield f"postgresql://acrux@127.0.0.1:{port}/{TEMPLATE}?sslrootcert={files.ca}"


async def is_encrypted(url: str) -> bool:
    """Whether the database can be opened, and says so of its connection."""
    database = PostgresDatabase(Address.parse(url))
    await database.open()
    try:
        [(encrypted,)] = await database.read(ENCRYPTED)
        return bool(encrypted)
    finally:
        await database.close()


async def test_a_server_is_known_by_its_certificate(url: str) -> None:
    """The password would be sent to whoever answers at that address."""
    assert await is_encrypted(f"{url}&sslmode=verify-full")
    assert not await is_encrypted(f"{url}&sslmode=disable")


async def test_a_server_with_the_certificate_of_another_ca_is_refused(
    url: str, tmp_path: Path
) -> None:
    """A certificate that nobody checks protects from nobody."""
    other = self_signed(tmp_path, ("127.0.0.1",), NOW)
    before, _, _ = url.partition("?")

    with pytest.raises(InvalidSettings, match="certificate verify failed"):
        await is_encrypted(f"{before}?sslrootcert={other.ca}&sslmode=verify-full")
