"""Random histories of pushes, deletions, restorations and purges."""

from contextlib import suppress
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acrux.adapters.sql.database import nobody
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest
from acrux.errors import RegistryError
from tests.contracts.content import BLOB, HELLO, descriptor, image, index, tags
from tests.contracts.databases import Places, only_sqlite
from tests.contracts.graves import Graves

IMAGES = [image(BLOB, Digest.of(f"layer {number}".encode())) for number in range(3)]
WHOLE = index("whole", manifests=[descriptor(one.digest) for one in IMAGES[:2]])
SIGNATURE = index("signature", subject=descriptor(IMAGES[0].digest))
MANIFESTS: list[Manifest] = [*IMAGES, WHOLE, SIGNATURE]
TAGS = tags("v1", "v2")

manifests = st.sampled_from(MANIFESTS)
some_tags = st.sampled_from(TAGS)
steps = st.one_of(
    st.tuples(st.just("push"), manifests, st.none() | some_tags),
    st.tuples(st.just("delete"), manifests),
    st.tuples(st.just("untag"), some_tags),
    st.tuples(st.just("remove")),
    st.tuples(st.just("restore"), manifests, st.none() | some_tags, st.booleans()),
    st.tuples(st.just("restore all")),
    st.tuples(st.just("purge"), manifests),
    st.tuples(st.just("purge all")),
    st.tuples(st.just("wait"), st.sampled_from([1, 30, 200])),
    st.tuples(st.just("collect")),
)


async def act(graves: Graves, step: tuple[object, ...]) -> None:
    """One step; a refusal changes nothing."""
    match step:
        case "push", Manifest() as manifest, tag:
            await graves.push(manifest, *((tag,) if tag else ()))
        case "delete", Manifest() as manifest:
            await graves.metadata.delete_manifest(HELLO, manifest.digest)
        case "untag", tag:
            await graves.metadata.delete_tag(HELLO, tag)  # type: ignore[arg-type]
        case ("remove",):
            await graves.metadata.delete_repository(HELLO)
        case "restore", Manifest() as manifest, tag, force:
            await graves.restore(manifest.digest, tag, force=bool(force))  # type: ignore[arg-type]
        case ("restore all",):
            await graves.graveyard.restore_repository(HELLO, graves.now)
        case "purge", Manifest() as manifest:
            await graves.graveyard.purge_manifest(HELLO, manifest.digest, graves.now)
        case ("purge all",):
            await graves.graveyard.purge_repository(HELLO, graves.now)
        case "wait", int() as hours:
            graves.now += timedelta(hours=hours)
        case _:
            await graves.collect()


@only_sqlite  # a minute on PostgreSQL, where test_counters.py has histories of the same statements
@given(st.lists(steps, max_size=25))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_the_counters_are_right_and_what_is_listed_can_be_restored(
    places: Places, history: list[tuple[object, ...]]
) -> None:
    """Usage would drift, or a listed image turn out to have lost its layers."""
    with places() as place:
        graves = Graves(place(nobody))
        try:
            await graves.enable()
            for step in history:
                with suppress(RegistryError):
                    await act(graves, step)
                await graves.check_counters()
            await check_restorable(graves)
            for _ in range(2):  # what was untagged goes to the graveyard first
                graves.now += timedelta(days=30)
                await graves.collect()
            assert (await graves.deleted(), await graves.deleted_tags()) == ([], [])
            await graves.check_counters()
        finally:
            graves.database.close()


async def check_restorable(graves: Graves) -> None:
    """Restore all that is listed: each has its blobs."""
    for manifest in MANIFESTS:
        if str(manifest.digest) in await graves.deleted():
            await graves.restore(manifest.digest, force=True)
            await graves.collect()
            assert str(manifest.digest) in await graves.live()
            found = await graves.metadata.find_copies(HELLO, manifest.required_blobs)
            assert set(found) == set(manifest.required_blobs)
