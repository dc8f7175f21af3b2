"""The files that every page needs."""

from importlib.resources import files
from pathlib import Path

import httpx2
import pytest

from tests.running import RunningRegistry

STATIC = files("acrux.web").joinpath("static")
FIRST_PAGE_BYTES = 100_000


def test_htmx_is_the_file_that_its_authors_published(packages: Path) -> None:
    """npm checked it against the hash of the lock; nobody reads 50 kB without line breaks."""
    for ours, theirs in (
        ("htmx.min.js", "dist/htmx.min.js"),
        ("htmx.min.js.LICENSE.txt", "LICENSE"),
    ):
        published = (packages / "htmx.org" / theirs).read_bytes()

        assert STATIC.joinpath(ours).read_bytes() == published


@pytest.mark.parametrize("name", ["style.css", "pages.js", "htmx.min.js", "icon.svg"])
def test_a_file_is_sent_compressed_and_kept(registry: RunningRegistry, name: str) -> None:
    """A browser asks for it once, and waits for a third of it."""
    page = httpx2.get(f"{registry.url}/web/login").text
    version = page.partition(f"/web/static/{name}")[2].partition('"')[0]

    answer = httpx2.get(f"{registry.url}/web/static/{name}{version}")

    assert answer.content == STATIC.joinpath(name).read_bytes()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) < len(answer.content)
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_a_file_in_another_version_is_not_kept(registry: RunningRegistry) -> None:
    """During an upgrade, an old worker may answer for the new address, for a year."""
    answer = httpx2.get(f"{registry.url}/web/static/style.css?v=another")

    assert answer.headers["Cache-Control"] == "no-cache"


def test_whoever_takes_no_compressed_file_gets_a_plain_one(registry: RunningRegistry) -> None:
    """Not every client can decompress."""
    address = f"{registry.url}/web/static/style.css"

    answer = httpx2.get(address, headers={"Accept-Encoding": "identity"})

    assert answer.content == STATIC.joinpath("style.css").read_bytes()
    assert "Content-Encoding" not in answer.headers


def test_a_file_that_is_not_there_is_not_found(registry: RunningRegistry) -> None:
    """A name must not lead out of the folder."""
    assert httpx2.get(f"{registry.url}/web/static/..%2Fenglish.toml").status_code == 404


def test_the_head_of_a_page_is_that_of_the_page(registry: RunningRegistry) -> None:
    """Link checkers ask for the head alone."""
    page, head = (request(f"{registry.url}/web/login") for request in (httpx2.get, httpx2.head))

    assert (head.headers["Content-Length"], head.content) == (str(len(page.content)), b"")
    assert head.headers["Content-Security-Policy"] == page.headers["Content-Security-Policy"]


def test_a_page_is_kept_by_nobody(registry: RunningRegistry) -> None:
    """What one visitor may see must not come out of a cache for the next."""
    answer = httpx2.get(f"{registry.url}/web/login")

    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Encoding" not in answer.headers


def test_the_first_page_is_small(registry: RunningRegistry) -> None:
    """It opens at once over a slow line too, even for who takes nothing compressed."""
    names = ("style.css", "pages.js", "htmx.min.js", "icon.svg")
    sizes = [len(STATIC.joinpath(name).read_bytes()) for name in names]

    page = httpx2.get(f"{registry.url}/web/login")

    assert sum(sizes) + len(page.content) < FIRST_PAGE_BYTES
