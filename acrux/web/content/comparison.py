"""The page that compares two images."""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from acrux.domain.content.storage.space import Target
from acrux.http.messages import Response
from acrux.web.content import artifacts, bills
from acrux.web.content.artifacts import Artifact, Blob
from acrux.web.content.documents import configs
from acrux.web.content.documents.attestations import SHOWN, Package
from acrux.web.visits import Visit

PREFERRED: Final = "linux/amd64"

Where = Literal["both", "left", "right"]


class Side(Struct, frozen=True):
    """What was asked for, and the image of the compared platform, which may be the same."""

    asked: Artifact
    image: Artifact


class Row(Struct, frozen=True):
    """Something that one of the two has, or both, perhaps with other values."""

    name: str
    left: str
    right: str
    differs_unseen: bool = False  # the values differ where they are masked

    @property
    def differs(self) -> bool:
        """Whether the two are different."""
        return self.left != self.right or self.differs_unseen


class LayerRow(Struct, frozen=True):
    """A layer, and where it is."""

    layer: Blob
    where: Where


class Comparison(Struct, frozen=True):
    """Two images beside each other."""

    left: Side
    right: Side
    platforms: tuple[Row, ...]
    platform: str
    layers: tuple[LayerRow, ...]
    configuration: tuple[Row, ...]
    packages: tuple[Row, ...] | None
    more_packages: int

    def bytes_in(self, where: Where) -> int:
        """How large the layers are that are there."""
        return sum(row.layer.size for row in self.layers if row.where == where)


async def compare(visit: Visit) -> Response:
    """GET: the form, and the comparison if both are given."""
    left, right = visit.param("left").strip(), visit.param("right").strip()
    async with visit.turn:
        found = await _compared(visit, left, right) if left and right else None
    return visit.page("content/compare", left=left, right=right, found=found)


async def _compared(visit: Visit, left_text: str, right_text: str) -> Comparison:
    left, right = await _asked(visit, left_text), await _asked(visit, right_text)
    platforms = _platforms(left, right)
    platform = _chosen(visit.param("platform"), platforms)
    sides = (await _side(visit, left, platform), await _side(visit, right, platform))
    packages, more = await _packages(visit, *sides)
    return Comparison(
        *sides, platforms, platform, _layers(*sides), _configuration(*sides), packages, more
    )


async def _asked(visit: Visit, text: str) -> Artifact:
    target = Target.parse(text)
    reference = "latest" if target.reference is None else str(target.reference)
    return await artifacts.find(visit, str(target.repository), reference)


def _platforms(left: Artifact, right: Artifact) -> tuple[Row, ...]:
    of_left, of_right = (
        {one.platform: one.digest for one in side.platforms} for side in (left, right)
    )
    names = sorted({*of_left, *of_right})
    return tuple(Row(name, of_left.get(name, ""), of_right.get(name, "")) for name in names)


def _chosen(wanted: str, platforms: tuple[Row, ...]) -> str:
    names = [row.name for row in platforms]
    common = [row.name for row in platforms if row.left and row.right]
    if wanted in names:
        return wanted
    if PREFERRED in common:
        return PREFERRED
    return next(iter([*common, *names]), "")


async def _side(visit: Visit, asked: Artifact, platform: str) -> Side:
    entries = asked.platforms
    if not entries:
        return Side(asked, asked)
    chosen = next((entry for entry in entries if entry.platform == platform), entries[0])
    return Side(asked, await artifacts.find(visit, asked.repository, chosen.digest))


def _layers(left: Side, right: Side) -> tuple[LayerRow, ...]:
    of_left = {layer.digest: layer for layer in left.image.blobs}
    of_right = {layer.digest: layer for layer in right.image.blobs}
    return (
        *(
            LayerRow(layer, "both" if digest in of_right else "left")
            for digest, layer in of_left.items()
        ),
        *(LayerRow(layer, "right") for digest, layer in of_right.items() if digest not in of_left),
    )


def _configuration(left: Side, right: Side) -> tuple[Row, ...]:
    unmasked = _rows(*(_flat(side.image, shows_secrets=True) for side in (left, right)))
    differing = {row.name for row in unmasked if row.differs}
    shown = _rows(_flat(left.image), _flat(right.image))
    return tuple(
        replace(row, differs_unseen=row.name in differing and not row.differs) for row in shown
    )


def _flat(image: Artifact, *, shows_secrets: bool = False) -> dict[str, str]:
    read = configs.read(image.config, shows_secrets=shows_secrets)
    return {
        **dict(read.facts),
        **{f"env {one.name}": one.value for one in read.environment},
        **{f"label {name}": value for name, value in read.labels},
        **{f"annotation {name}": value for name, value in image.annotations},
    }


def _rows(left: Mapping[str, str], right: Mapping[str, str]) -> tuple[Row, ...]:
    names = dict.fromkeys([*left, *right])
    return tuple(Row(name, left.get(name, ""), right.get(name, "")) for name in names)


async def _packages(visit: Visit, left: Side, right: Side) -> tuple[tuple[Row, ...] | None, int]:
    of_left = await bills.packages(visit, left.image, left.asked)
    of_right = await bills.packages(visit, right.image, right.asked) if of_left else None
    if of_left is None or of_right is None:
        return None, 0
    rows = [row for row in _rows(_versions(of_left), _versions(of_right)) if row.differs]
    shown = sorted(rows, key=lambda row: row.name)
    return tuple(shown[:SHOWN]), max(0, len(shown) - SHOWN)


def _versions(packages: tuple[Package, ...]) -> dict[str, str]:
    # A package may be there in several versions.
    versions: dict[str, list[str]] = {}
    for package in sorted(packages):
        versions.setdefault(package.name, []).append(package.version or "?")
    return {name: ", ".join(dict.fromkeys(found)) for name, found in versions.items()}
