"""The URL of a database is checked, and its password is never shown."""

from pathlib import Path

import pytest

from acrux.adapters.postgresql.address import MAX_BYTES, Address
from acrux.errors import InvalidSettings

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://acrux@db.example.com/acrux", "postgresql://acrux@db.example.com/acrux"),
        (f"postgres://acrux:{SECRET}@db:5432/acrux", "postgresql://acrux@db:5432/acrux"),
        (f"postgresql://db/acrux?password={SECRET}", "postgresql://db/acrux"),
        (f"postgresql://a:{SECRET}@one:1,two:2/acrux?sslmode=require", "postgresql://a@one:1,two:2/acrux"),
        ("postgresql://", "postgresql://"),
        ("postgresql:///acrux?host=/run/postgresql", "postgresql:///acrux"),
    ],
)  # fmt: skip
def test_what_is_shown_holds_no_password(url: str, shown: str) -> None:
    """Whoever reads a log or asks the doctor would get the database."""
    address = Address.parse(url)

    assert (address.url, address.shown) == (url, shown)
    assert SECRET not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://acrux:{SECRET}@db/acrux",
        f"postgresql:/acrux:{SECRET}@db/acrux",
        f"postgresql://acrux:{SECRET}#@db/acrux",
        f"postgresql://acrux:{SECRET}/@db/acrux",
        f"postgresql://acrux:{SECRET}@@db/acrux",
        f"postgresql://acrux:{SECRET}@db/acrux\n",
        f"postgresql://acrux:{SECRET}?@db/acrux#",
    ],
)
def test_what_is_no_url_is_refused_without_being_quoted(url: str) -> None:
    """A password with a sharp sign would be cut there, and its half shown as a host."""
    with pytest.raises(InvalidSettings, match="database: is not the URL") as refused:
        Address.parse(url)

    assert SECRET not in str(refused.value)


def test_a_file_holds_the_url(tmp_path: Path) -> None:
    """A secret that is mounted as a file ends with a line break, usually."""
    file = tmp_path / "url"
    file.write_text(f"postgresql://acrux:{SECRET}@db/acrux\n")

    assert Address.read(file).url == f"postgresql://acrux:{SECRET}@db/acrux"


@pytest.mark.parametrize("content", [None, b"\xff", b"", b"x" * (MAX_BYTES + 1)])
def test_a_file_that_holds_none_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    """The start would fail with a traceback."""
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(InvalidSettings, match=f"database_file: {file}"):
        Address.read(file)
