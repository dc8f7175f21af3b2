"""The pictures of README.md: what they show, and that they are there.

`./scripts/test tests/web/pictures --pictures` makes them again.
"""

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.running import ROOT
from tests.web.pictures.png import shrunk
from tests.web.pictures.story import FORWARDED, READ, WRITE, Story
from tests.web.visiting import Guest, guest_of

FOLDER = ROOT / "docs" / "images"
PAGES = (ROOT / "README.md", ROOT / "docs" / "how-to" / "pages.md")
WIDTH = 1280
MAX_BYTES = 150_000

# The id of a case is random. The picture has that of the documents.
CASE = "k7w4zn9q2m"
_RENAME = """([before, after]) => {
    for (const one of document.querySelectorAll("h1"))
        one.textContent = one.textContent.replace(before, after);
}"""

_IMAGES = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")


@pytest.fixture(scope="module")
def admin(browser: Browser, story: Story) -> Iterator[Guest]:
    """The administrator of the registry that the pictures show."""
    with guest_of(
        browser, story.registry, extra_http_headers=FORWARDED, color_scheme="light",
        viewport={"width": WIDTH, "height": 800}, reduced_motion="reduce",
    ) as guest:  # fmt: skip
        guest.log_in_as_admin()
        yield guest


def image(admin: Guest, _: Story) -> int:
    """An image with its layers, and what refers to it."""
    admin.go("/web/repositories/shop/web/-/manifests/2.5.0-amd64")
    expect(admin.page.get_by_text("docker pull registry.example.com/shop/web")).to_be_visible()
    layers = admin.page.get_by_role("region", name="Layers")
    expect(layers).to_contain_text("also in 2.5.0-arm64")
    expect(layers.locator("svg")).to_have_count(4)
    graph = admin.page.get_by_role("region", name="Referrers")
    for kind, count in {"SBOM": 2, "Attestation": 1, "Signature": 2}.items():
        expect(graph.get_by_role("link", name=kind)).to_have_count(count)
    return 1290


def refusal(admin: Guest, story: Story) -> int:
    """Why a push was refused, and the command that mends it."""
    case = story.refusal()
    admin.go(f"/web/cases/{case}")
    picture = admin.page.get_by_role("img", name="The decision, step by step")
    for text in ("deploy-prod", "no line grants push on shop/web", "shop/web content/write"):
        expect(picture).to_contain_text(text)
    admin.page.evaluate(_RENAME, [case, CASE])
    return 900


def simulation(admin: Guest, _: Story) -> int:
    """What a change of a scope map would mean, before it is saved."""
    admin.go("/web/scope-maps/shop-build")
    admin.page.get_by_label("Permissions").fill(
        f"{READ}\n{WRITE.replace('*', 'web')}\n{READ.replace('read', 'delete')}"
    )
    admin.press("Try it on the last 30 days")
    for name, scope in (
        ("Succeeded, and would be refused", "repository:shop/api:push"),
        ("Were refused, and would succeed", "repository:shop/web:delete"),
    ):
        expect(admin.page.get_by_role("region", name=name)).to_contain_text(scope)
    return 690


SHOWN: dict[str, Callable[[Guest, Story], int]] = {
    "image": image, "refusal": refusal, "simulation": simulation,
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_shows_what_its_picture_shows(
    admin: Guest, story: Story, browser: Browser, pytestconfig: pytest.Config, name: str
) -> None:
    """A picture of pages as they were once would promise what is not there."""
    height = SHOWN[name](admin, story)

    if pytestconfig.getoption("pictures"):
        admin.page.set_viewport_size({"width": WIDTH, "height": height})
        admin.page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
        taken = admin.page.screenshot(animations="disabled", caret="hide")
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{name}.png").write_bytes(shrunk(browser, taken))


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_is_there_and_small(name: str) -> None:
    """Whoever clones the repository has its pictures for ever."""
    content = (FOLDER / f"{name}.png").read_bytes()

    assert content.startswith(b"\x89PNG")
    assert struct.unpack(">I", content[16:20]) == (WIDTH,)
    assert len(content) < MAX_BYTES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_the_pictures_and_says_in_words_what_they_show(page: Path) -> None:
    """Who does not see a picture reads its words."""
    found = _IMAGES.findall(page.read_text())

    assert {(page.parent / target).resolve() for _, target in found} == {
        FOLDER / f"{name}.png" for name in SHOWN
    }
    assert all(len(words.split()) > 5 for words, _ in found)
