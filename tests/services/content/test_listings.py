"""Listings: what the service adds to what is stored."""

import pytest

from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.domain.content.digest import Digest
from acrux.domain.content.page import Page, Slice
from acrux.services.content.listings import MAX_REFERRERS_BYTES, REFERRERS_AT_A_TIME, Listings
from tests.contracts.content import AT, HELLO, descriptor, index, walk

SUBJECT = Digest.of(b"subject")
TYPE = "application/vnd.example.signature"


@pytest.fixture
def listings(metadata: SqlMetadata) -> Listings:
    """The service."""
    return Listings(metadata)


async def put(metadata: SqlMetadata, count: int, size: int = 0) -> list[str]:
    """Store this many referrers of at least this size in bytes; return their sorted digests."""
    held = [
        index(subject=descriptor(SUBJECT), artifactType=TYPE, annotations={"n": f"{n:0{size}}"})
        for n in range(count)
    ]
    for manifest in held:
        await metadata.put_manifest(HELLO, manifest, (), AT)
    return sorted(str(manifest.digest) for manifest in held)


@pytest.mark.parametrize("count", [0, 1, REFERRERS_AT_A_TIME, REFERRERS_AT_A_TIME * 2 + 1])
async def test_all_referrers_come_on_one_page_if_they_fit(
    listings: Listings, metadata: SqlMetadata, count: int
) -> None:
    """A client that follows no links would miss a signature (end-12)."""
    digests = await put(metadata, count)

    page = await listings.referrers(HELLO, SUBJECT, TYPE, Page(1000))

    assert [str(referrer.digest) for referrer in page.items] == digests
    assert page.more is False


@pytest.mark.parametrize("items", [1, 7, REFERRERS_AT_A_TIME, REFERRERS_AT_A_TIME + 1])
async def test_a_page_holds_as_many_referrers_as_were_asked_for(
    listings: Listings, metadata: SqlMetadata, items: int
) -> None:
    """They are read in portions: one could be lost or repeated between two."""
    digests = await put(metadata, REFERRERS_AT_A_TIME * 2 + 2)

    listed = await walk(
        lambda page: listings.referrers(HELLO, SUBJECT, None, page),
        items,
        lambda referrer: str(referrer.digest),
    )

    assert [str(referrer.digest) for referrer in listed] == digests


async def test_a_page_of_large_referrers_is_shorter_and_says_that_there_is_more(
    listings: Listings, metadata: SqlMetadata
) -> None:
    """Megabytes of annotations would fill the memory, or exceed what clients read."""
    digests = await put(metadata, 3, MAX_REFERRERS_BYTES // 2)
    listed, last, more = [], "", True
    while more:
        page = await listings.referrers(HELLO, SUBJECT, None, Page(1000, last))
        assert len(page.items) == 1  # two of them exceed a page
        listed.append(last := str(page.items[0].digest))
        more = page.more

    assert listed == digests


async def test_a_page_of_nothing_is_the_last(listings: Listings, metadata: SqlMetadata) -> None:
    """A client that requests n=0 would be sent round in circles."""
    await put(metadata, 1)

    assert await listings.referrers(HELLO, SUBJECT, None, Page(0)) == Slice(())
