"""Which storage a registry has, and what it says if it cannot have it."""

import sys
from pathlib import Path

import pytest

from acrux.adapters.sql.facts import SqlFacts
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.bootstrap.application import build
from acrux.bootstrap.storage import FACT, Place
from acrux.errors import InvalidSettings, StorageReadOnly
from acrux.settings import Settings
from acrux.settings_problems import find

BUCKET = "s3://bucket/prefix"


class ReadOnlyFacts(SqlFacts):
    """A database that takes nothing."""

    async def keep(self, name: str, value: str) -> None:
        """Refuse it."""
        raise StorageReadOnly


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ImportError with thirty lines says the same to fewer people."""
    for module in list(sys.modules):
        if module.startswith(("obstore", "acrux.adapters.objects")):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "obstore", None)

    with pytest.raises(InvalidSettings, match=r"pip install '\.\[objects\]'"):
        build(Settings(data_dir=tmp_path / "data", storage=BUCKET))


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (Settings(storage="bucket"), "storage"),
        (Settings(storage_redirect=True), "storage_redirect"),
        (Settings(storage=BUCKET, storage_redirect=True), None),
        (Settings(blob_cache_bytes=-1), "blob_cache_bytes"),
    ],
)
def test_settings_that_cannot_be_meant_are_named(settings: Settings, name: str | None) -> None:
    """A registry that starts with them does something else than its operator thinks."""
    assert [problem.name for problem in find(settings)] == [name] * (name is not None)


async def test_a_place_that_cannot_be_noted_is_noted_at_the_next_start(tmp_path: Path) -> None:
    """A full disk must not keep a new registry from starting, nor let an old one move."""
    database = SqliteDatabase(tmp_path / "registry.sqlite")
    database.open()
    try:
        facts = SqlFacts(database)
        new = Settings(storage=BUCKET)
        await Place(new, ReadOnlyFacts(database), database).check()
        assert await facts.find(FACT) is None
        await Place(new, facts, database).check()
        await Place(new, ReadOnlyFacts(database), database).check()
        moved = Settings(storage="s3://other/prefix", storage_moved=True)

        with pytest.raises(StorageReadOnly):
            await Place(moved, ReadOnlyFacts(database), database).check()

        assert await facts.find(FACT) == BUCKET
    finally:
        database.close()
