"""What one step of the collector costs: in proportion to what is removed."""

from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from acrux.adapters.sql.collection.garbage import SqlGarbage
from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import Tag
from tests.contracts.content import AT, GRACE, HELLO, PUSHER, copy, image, index, later, tags
from tests.contracts.databases import Databases, OpenDatabase

DUE = later(9 * 86400)
ITEMS = 200  # more than anything here needs


@pytest.fixture
def garbage(database: OpenDatabase) -> SqlGarbage:
    """The garbage of an empty registry."""
    return SqlGarbage(database, Rules(GRACE))


async def statements(databases: Databases, step: Callable[[], Awaitable[object]]) -> int:
    """How many statements a step executes."""
    with databases.watched() as inside:
        await step()
    texts = Counter(statement.sql for statement in inside)
    assert texts["COMMIT"] == 1, "a step is one transaction"
    return len(inside)


async def _blobs(metadata: SqlMetadata, count: int, name: str = "") -> list[Digest]:
    digests = [Digest.of(f"{name} {number}".encode()) for number in range(count)]
    for digest in digests:
        await metadata.link_blob(HELLO, copy(digest), PUSHER, AT)
    return digests


async def test_a_manifest_costs_the_same_however_many_are_beside_it(
    databases: Databases, metadata: SqlMetadata, garbage: SqlGarbage
) -> None:
    """The cost is in proportion to what is removed, not to the registry (issue 15)."""
    costs = []
    for beside in (1, 30):
        blobs = await _blobs(metadata, 2, "shared")
        for number in range(beside):
            kept = image(*blobs, annotations={"kept": f"{beside} {number}"})
            await metadata.put_manifest(
                HELLO, kept, tags(f"kept{beside}-{number}"), AT, principal=PUSHER
            )
        lost = image(*blobs, annotations={"lost": str(beside)})
        await metadata.put_manifest(HELLO, lost, tags("lost"), AT, principal=PUSHER)
        await metadata.delete_tag(HELLO, Tag.parse("lost"))
        costs.append(await statements(databases, lambda: garbage.review(DUE, ITEMS)))
        await garbage.review(DUE, ITEMS)  # of the blobs that it named

    assert costs[0] == costs[1] <= 18


@pytest.mark.parametrize("layers", [1, 400, 600, 2000])
async def test_layers_are_taken_in_hundreds(
    databases: Databases, metadata: SqlMetadata, garbage: SqlGarbage, layers: int
) -> None:
    """A manifest of 40,000 layers would take as many statements, and pushes would wait."""
    names = [Digest.of(f"layer {number}".encode()) for number in range(layers)]
    await metadata.put_manifest(HELLO, image(*names), tags("v1"), AT, allow_missing=True)
    await metadata.delete_tag(HELLO, Tag.parse("v1"))

    cost = await statements(databases, lambda: garbage.review(DUE, ITEMS))

    assert cost <= 20 + 2 * (layers // 500)


async def test_each_link_takes_few_statements(
    databases: Databases, metadata: SqlMetadata, garbage: SqlGarbage
) -> None:
    """1,000 blobs a second at least (issue 15)."""
    held = image(*await _blobs(metadata, 50))
    await metadata.put_manifest(HELLO, held, (), AT, principal=PUSHER)
    await metadata.delete_manifest(HELLO, held.digest)

    cost = await statements(databases, lambda: garbage.review(DUE, ITEMS))

    assert cost <= 5 + 50 * 14


async def test_each_hold_that_ends_takes_few_statements(
    databases: Databases, metadata: SqlMetadata, garbage: SqlGarbage
) -> None:
    """Every push that names what it pushed ends its own holds; the others end here."""
    held = image(*await _blobs(metadata, 50))
    await metadata.put_manifest(HELLO, held, tags("v1"), AT, principal="another")

    assert await statements(databases, lambda: garbage.end_holds(DUE, ITEMS)) <= 4 + 50 * 4


async def test_a_step_looks_at_no_more_than_it_is_told(
    metadata: SqlMetadata, garbage: SqlGarbage
) -> None:
    """A step that takes all that is due would hold up every push for minutes."""
    held = image(*await _blobs(metadata, 20))
    await metadata.put_manifest(HELLO, held, (), AT, principal=PUSHER)
    await metadata.put_manifest(HELLO, index("keeps"), (), AT)
    await metadata.delete_manifest(HELLO, held.digest)

    looked_at = []
    while step := (await garbage.review(DUE, 7)).looked_at:
        looked_at.append(step)

    assert looked_at == [7, 7, 6]
    assert len(await garbage.removals(DUE, 7)) == 7
    assert len(await garbage.removals(DUE, 100)) == 20


async def test_a_step_takes_few_manifests_if_they_are_large(
    metadata: SqlMetadata, garbage: SqlGarbage
) -> None:
    """Twenty of 8,000 layers each took one transaction of two seconds, and pushes waited."""
    for number in range(3):
        names = [Digest.of(f"{number} {layer}".encode()) for layer in range(4000)]
        tag = f"v{number}"
        await metadata.put_manifest(HELLO, image(*names), tags(tag), AT, allow_missing=True)
        await metadata.delete_tag(HELLO, Tag.parse(tag))

    steps = [await garbage.review(DUE, ITEMS) for _ in range(3)]

    assert [step.manifests for step in steps] == [1, 1, 1]
