"""OCI image layouts become repositories: folders, archives, indexes; and mistakes are named."""

import json
import tarfile
from pathlib import Path

import pytest

from acrux.domain.content.digest import Digest
from acrux.testing.errors import NotALayout, Refused
from acrux.testing.registry import Registry
from tests.images import Image, descriptor, image, index
from tests.running import write_layout

REFERENCE = "org.opencontainers.image.ref.name"


def write_all(folder: Path, tagged: dict[str, Image], *untagged: Image) -> Path:
    """Write a layout of several images."""
    listed = []
    for tag, one in tagged.items():
        write_layout(folder, one, tag)
        listed += json.loads((folder / "index.json").read_text())["manifests"]
    for one in untagged:
        write_layout(folder, one, "")
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": listed}))
    return folder


def packed(folder: Path, archive: Path, mode: str) -> Path:
    """The folder as an archive, its names beginning with ./ as tar writes them."""
    with tarfile.open(archive, mode) as tar:  # type: ignore[call-overload]
        tar.add(folder, arcname=".")
    return archive


def media_types(registry: Registry, *references: str) -> list[str]:
    """The types of these manifests of team/app."""
    with registry.client() as client:
        answers = [client.get(f"/v2/team/app/manifests/{one}") for one in references]
    return [answer.headers["Content-Type"] for answer in answers]


@pytest.mark.parametrize("form", ["folder", "w", "w:gz"])
def test_a_layout_may_be_a_folder_or_an_archive(
    registry: Registry, layout: Path, tmp_path: Path, form: str
) -> None:
    """skopeo, buildah and docker save write either."""
    hello = image(b"layer", b"another")
    source = write_layout(layout, hello, "1")
    source = source if form == "folder" else packed(source, tmp_path / "layout.tar", form)

    digests = registry.push_layout(str(source), "team/app")

    assert digests == (str(hello.digest),)
    assert registry.tags("team/app") == ["1"]
    with registry.client() as client:
        layer = client.get(f"/v2/team/app/blobs/{Digest.of(b'another')}")
    assert layer.content == b"another"


def test_an_index_brings_its_images(registry: Registry, layout: Path) -> None:
    """A client chooses its platform from an index."""
    arm, amd = image(b"arm"), image(b"amd")
    both = index(arm, amd)
    source = write_all(layout, {"1": both}, arm, amd)

    registry.push_layout(source, "team/app")

    types = media_types(registry, "1", str(arm.digest), str(amd.digest))
    assert types == [both.media_type, arm.media_type, amd.media_type]


def test_every_image_of_a_layout_is_pushed_with_its_tag(registry: Registry, layout: Path) -> None:
    """buildah writes the whole name of an image where others write the tag."""
    source = write_all(layout, {"1": image(b"one"), "localhost:5000/team/app:2": image(b"two")})

    registry.push_layout(source, "team/app")

    assert registry.tags("team/app") == ["1", "2"]


def test_an_image_without_a_tag_is_pushed_by_its_digest(registry: Registry, layout: Path) -> None:
    """Signatures and SBOMs have none."""
    hello = image(b"layer")
    source = write_layout(layout, hello, "")

    registry.push_layout(source, "team/app")

    assert registry.tags("team/app") == []
    assert media_types(registry, str(hello.digest)) == [hello.media_type]


def test_one_image_can_be_given_another_tag(registry: Registry, layout: Path) -> None:
    """One layout serves many tests."""
    source = write_layout(layout, image(b"layer"), "1")

    registry.push_layout(source, "team/app", "stable")
    registry.push_layout(source, "team/app", "latest")

    assert registry.tags("team/app") == ["latest", "stable"]


def test_two_images_cannot_be_given_one_tag(registry: Registry, layout: Path) -> None:
    """The second would take it from the first."""
    source = write_all(layout, {"1": image(b"one"), "2": image(b"two")})

    with pytest.raises(NotALayout, match="lists 2 manifests"):
        registry.push_layout(source, "team/app", "stable")


def test_what_is_no_layout_is_named(registry: Registry, layout: Path, tmp_path: Path) -> None:
    """The path in a test is easily wrong."""
    layout.mkdir()
    text = tmp_path / "text"
    text.write_text("no archive")

    for source, said in (
        (tmp_path / "nowhere", "there is neither a folder nor a file"),
        (text, "neither a folder nor a tar file"),
        (layout, "holds no index.json"),
    ):
        with pytest.raises(NotALayout, match=said):
            registry.push_layout(source, "team/app")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "index.json of .* is not what it should be: Input data was truncated"),
        ("[]", "Expected `object`, got `array`"),
        ('{"manifests": [{}]}', "missing required field `digest`"),
        ('{"manifests": [{"digest": "../../secret"}]}', "'../../secret' is not a digest"),
        (json.dumps({"manifests": [descriptor(b"x", "y")]}), "lacks the manifest sha256:"),
    ],
)
def test_what_a_layout_lacks_is_named(
    registry: Registry, layout: Path, content: str, said: str
) -> None:
    """A layout that was cut off while it was copied looks whole from outside."""
    layout.mkdir()
    (layout / "index.json").write_text(content)

    with pytest.raises(NotALayout, match=said):
        registry.push_layout(layout, "team/app")


def test_a_manifest_that_is_none_is_named(registry: Registry, layout: Path) -> None:
    """As above."""
    source = write_layout(layout, Image(b"no manifest", "text/plain", ()), "1")

    with pytest.raises(NotALayout, match=r"the manifest sha256:.* is not what it should be"):
        registry.push_layout(source, "team/app")


def test_what_the_registry_refuses_is_said_in_its_words(registry: Registry, layout: Path) -> None:
    """An image whose layer is missing cannot be pushed anywhere."""
    source = write_layout(layout, image(b"layer"), "1")
    (layout / "blobs/sha256" / Digest.of(b"layer").encoded).unlink()

    with pytest.raises(Refused, match="MANIFEST_BLOB_UNKNOWN"):
        registry.push_layout(source, "team/app")
