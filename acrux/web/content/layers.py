"""The layers of an image: their sizes, what made them, who has them."""

from typing import Final

from msgspec import Struct

from acrux.web.content import artifacts, asking
from acrux.web.content.artifacts import Artifact
from acrux.web.content.documents import loose
from acrux.web.content.documents.configs import Configuration
from acrux.web.visits import Visit

NEIGHBOURS: Final = 8  # other tags, the newest, that are looked at for shared layers
BAR: Final = 100  # the width of the largest layer's bar, in pixels of the drawing


class Layer(Struct, frozen=True):
    """A layer or another blob; its bar's width is relative to the largest one."""

    digest: str
    media_type: str
    size: int
    title: str
    bar: int
    by: str
    also_in: tuple[str, ...]


class Shared(Struct, frozen=True):
    """How much of an image another tag of the repository has, in bytes and in percent."""

    tag: str
    size: int
    percent: int


class Layers(Struct, frozen=True):
    """All layers of an image, in order, and what other tags share with it."""

    layers: tuple[Layer, ...]
    size: int
    shared: tuple[Shared, ...]


async def find(
    visit: Visit, artifact: Artifact, configuration: Configuration | None, *, sees_properties: bool
) -> Layers:
    """The layers of the artifact, and which of the newest other tags have them too.

    Who does not see properties is not told of other tags.
    """
    blobs = artifact.blobs
    looks = sees_properties and artifact.kind == "image"
    holders = await _holders(visit, artifact) if looks else {}
    made_by = _made_by(configuration, len(blobs))
    largest = max((blob.size for blob in blobs), default=0) or 1
    layers = tuple(
        Layer(
            blob.digest,
            blob.media_type,
            blob.size,
            blob.title,
            max(1, BAR * blob.size // largest),
            by,
            tuple(tag for tag, digests in holders.items() if blob.digest in digests),
        )
        for blob, by in zip(blobs, made_by, strict=True)
    )
    size = sum(blob.size for blob in blobs)
    return Layers(layers, size, _shared(layers, holders, size))


def _made_by(configuration: Configuration | None, count: int) -> list[str]:
    steps = [] if configuration is None else [s.by for s in configuration.history if not s.is_empty]
    return steps if len(steps) == count else [""] * count


def _shared(
    layers: tuple[Layer, ...], holders: dict[str, frozenset[str]], size: int
) -> tuple[Shared, ...]:
    found = []
    for tag in holders:
        common = sum(layer.size for layer in layers if tag in layer.also_in)
        if common:
            found.append(Shared(tag, common, 100 * common // size))
    return tuple(sorted(found, key=lambda one: -one.size))


async def _holders(visit: Visit, artifact: Artifact) -> dict[str, frozenset[str]]:
    path = f"/acr/v1/{artifact.repository}/_tags"
    query = {"orderby": "timedesc", "n": str(NEIGHBOURS + 1)}
    found = await asking.if_allowed(visit.get(path, **query))
    others: dict[str, str] = {
        loose.text(tag.get("digest")): loose.text(tag.get("name"))
        for tag in loose.mappings(loose.at(found, "tags"))
        if tag.get("digest") != artifact.digest
    }
    platform = _platform(artifact)
    holders = {}
    for digest, tag in list(others.items())[:NEIGHBOURS]:
        other = await asking.if_allowed(on_platform(visit, artifact.repository, digest, platform))
        if other is not None and other.digest != artifact.digest:
            holders[tag] = frozenset(blob.digest for blob in other.blobs)
    return holders


def _platform(artifact: Artifact) -> str:
    names = (loose.at(artifact.config, name) for name in ("os", "architecture", "variant"))
    return "/".join(loose.text(name) for name in names if name)


async def on_platform(visit: Visit, repository: str, reference: str, platform: str) -> Artifact:
    """The manifest; if it is an index, that of the platform which it lists, if it does."""
    found = await artifacts.find(visit, repository, reference)
    for entry in found.platforms:
        if entry.platform == platform:
            return await artifacts.find(visit, repository, entry.digest)
    return found
