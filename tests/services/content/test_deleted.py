"""What was deleted is found and restored, however much of it there is."""

from pathlib import Path

import pytest

from acrux.adapters.sql.deleted import restoring
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.deleted import Restoration
from acrux.services.content.deleted import DeletedContent
from tests.contracts.content import BLOB, HELLO, descriptor, image, index, tags
from tests.contracts.graves import Graves

V1, V2 = tags("v1", "v2")
IMAGES = [image(BLOB, Digest.of(f"layer {number}".encode())) for number in range(4)]


@pytest.fixture
async def graves(tmp_path: Path) -> Graves:
    """A registry in which everything that is deleted can be restored."""
    database = SqliteDatabase(tmp_path / "registry.sqlite")
    database.open()
    graves = Graves(database)
    await graves.enable()
    return graves


@pytest.fixture
def service(graves: Graves) -> DeletedContent:
    """The service on it."""
    return DeletedContent(graves.graveyard, lambda: graves.now)


async def test_what_takes_several_transactions_is_restored_by_one_call(
    graves: Graves, service: DeletedContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client asks once."""
    monkeypatch.setattr(restoring, "RESTORED_AT_ONCE", 1)
    whole = index("whole", manifests=[descriptor(one.digest) for one in IMAGES])
    for one in (*IMAGES, whole):
        await graves.push(one)
    before = await graves.live()
    for one in (whole, *IMAGES):
        await graves.metadata.delete_manifest(HELLO, one.digest)
    await service.restore(Restoration(HELLO, whole.digest))

    assert await graves.live() == before
