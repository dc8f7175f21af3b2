"""The catalog: searched, and as a tree."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acrux.adapters.sql.content import metadata_store
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Page, Slice
from acrux.domain.content.patterns import EVERY_REPOSITORY, RepositoryPattern
from acrux.ports.content.metadata import Found
from acrux.services.content.listings import Listings
from tests.contracts.content import AT, index, walk

NAMES = ["te", "team", "team-a", "team.a", "team/app", "team/app/x", "team/app/y", "team/app0",
         "team/w_x/1", "team/wzx", "teams/app"]  # fmt: skip
ALL = (EVERY_REPOSITORY,)


@pytest.fixture
async def listings(metadata: SqlMetadata) -> Listings:
    """The service, with these repositories."""
    for name in NAMES:
        await metadata.put_manifest(RepositoryName.parse(name), index(), (), AT)
    return Listings(metadata)


def level(names: list[str], prefix: str) -> list[str]:
    """What is right below the prefix, read naively."""
    below = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
    return sorted({prefix + "".join(name.partition("/")[:2]) for name in below})


@pytest.mark.parametrize("below", ["*", "team/*", "team/app/*", "te/*", "team/wzx/*"])
@pytest.mark.parametrize("items", [1, 2, 3, 1000])
async def test_a_level_of_the_tree_holds_each_entry_once(
    listings: Listings, below: str, items: int
) -> None:
    """A folder of a million repositories is one line, and hides nothing that comes after it."""
    pattern = RepositoryPattern(below)

    entries = await walk(lambda page: listings.level(page, ALL, pattern), items, str)

    assert entries == level(NAMES, pattern.prefix or "")


async def test_a_level_shows_only_what_the_caller_may_see(listings: Listings) -> None:
    """The name of a folder tells what is in it."""
    visible = (RepositoryPattern("team/app/*"), RepositoryPattern("te"))

    assert (await listings.level(Page(), visible, EVERY_REPOSITORY)).items == ("te", "team/")
    assert (await listings.level(Page(), visible, RepositoryPattern("teams/*"))).items == ()


async def test_the_last_page_of_a_level_is_not_followed_by_an_empty_one(
    listings: Listings,
) -> None:
    """A link to nothing looks like a fault."""
    last = await listings.level(Page(1, "team0"), ALL, EVERY_REPOSITORY)

    assert last == Slice(("teams/",))
    assert await listings.level(Page(0), ALL, EVERY_REPOSITORY) == Slice(())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.sampled_from(["a", "app", "/", "_", ".", "team/", "nowhere", "w_x"]),
    items=st.integers(1, 4),
    looked_at=st.integers(1, 5),
    visible=st.sampled_from([ALL, (RepositoryPattern("team/*"), RepositoryPattern("te")), ()]),
)
async def test_a_search_that_goes_on_finds_every_name(
    listings: Listings,
    text: str,
    items: int,
    looked_at: int,
    visible: tuple[RepositoryPattern, ...],
) -> None:
    """It looks at some names at a time, and none may be lost in between."""
    names: list[str] = []
    last = ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metadata_store, "LOOKED_AT", looked_at)
        while True:
            found = await listings.search(Page(items, last), visible, text)
            names += found.names
            if found.last is None:
                break
            last = found.last

    assert names == [
        name for name in NAMES if text in name and any(one.covers(name) for one in visible)
    ]


@pytest.mark.parametrize("text", ["", "Team", "%", "a\0b", "ä", "a" * 256])
async def test_what_is_in_no_name_is_not_searched(listings: Listings, text: str) -> None:
    """A wildcard or a NUL of a caller must not reach the database."""
    assert await listings.search(Page(), ALL, text) == Found((), None)
    assert await listings.search(Page(0), ALL, "team") == Found((), None)
