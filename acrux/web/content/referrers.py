"""What refers to an artifact, at any depth: read, and laid out as a graph."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from acrux.web.calls import Call
from acrux.web.content import asking
from acrux.web.content.artifacts import Artifact
from acrux.web.content.documents import loose
from acrux.web.visits import Visit

MAX_NODES: Final = 60
MAX_DEPTH: Final = 8

Kind = Literal["subject", "signature", "sbom", "provenance", "attestation", "artifact"]

# In which tags cosign keeps what it has no referrers for, `sha256-….sig` and the like.
_FALLBACKS: Final[Mapping[str, Kind]] = {"sig": "signature", "att": "attestation", "sbom": "sbom"}

WIDTH: Final = 210  # of a node and its distances, in pixels of the drawing
HEIGHT: Final = 48
ACROSS: Final = 40
DOWN: Final = 14

# The first words that a type contains tell what it is.
_KINDS: Final[tuple[tuple[str, Kind], ...]] = (
    ("spdx", "sbom"),
    ("cyclonedx", "sbom"),
    ("syft", "sbom"),
    ("sbom", "sbom"),
    ("slsa", "provenance"),
    ("provenance", "provenance"),
    ("signature", "signature"),
    ("cosign", "signature"),
    ("notary", "signature"),
    ("in-toto", "attestation"),
    ("dsse", "attestation"),
    ("attestation", "attestation"),
    ("sigstore", "signature"),
)


class Node(Struct, frozen=True):
    """A manifest of the graph: what it is, and by its place in the list, what it refers to."""

    kind: Kind
    type: str
    reference: str
    digest: str
    depth: int
    subject: int


class Placed(Struct, frozen=True):
    """A node with its place in the drawing, and where the line to its subject ends."""

    node: Node
    x: int
    y: int
    from_x: int
    from_y: int


class Graph(Struct, frozen=True):
    """The nodes, the subject first; not all of them unless it `is_whole`."""

    nodes: tuple[Placed, ...]
    width: int
    height: int
    is_whole: bool

    @property
    def referrers(self) -> tuple[Node, ...]:
        """All nodes but the first, which is what all of them are about."""
        return tuple(placed.node for placed in self.nodes[1:])


async def find(visit: Visit, artifact: Artifact, *, sees_properties: bool) -> Graph:
    """The artifact and what refers to it, and to that, breadth first.

    What cosign keeps in tags is there only for who sees properties.
    """
    subject = Node("subject", artifact.type, artifact.reference, artifact.digest, 0, -1)
    nodes, waiting, is_whole = [subject], deque([0]), True
    while waiting:
        at = waiting.popleft()
        if nodes[at].depth == MAX_DEPTH:
            is_whole = False
            continue
        found, has_more = await _referrers(visit, artifact.repository, nodes[at].digest)
        room = MAX_NODES - len(nodes)
        is_whole = is_whole and not has_more and len(found) <= room
        for one in found[:room]:
            waiting.append(len(nodes))
            nodes.append(_node(one, nodes[at].depth + 1, at))
    nodes += await _fallbacks(visit, artifact) if sees_properties else []
    return _placed(nodes, is_whole=is_whole)


async def _referrers(
    visit: Visit, repository: str, digest: str
) -> tuple[list[dict[str, Any]], bool]:
    call = Call("GET", f"/v2/{repository}/referrers/{digest}", {"n": str(MAX_NODES)})
    answer = await asking.if_allowed(visit.send(call))
    if answer is None:
        return [], False
    found = loose.mappings(loose.at(loose.decode(answer.body), "manifests"))
    return found, "link" in answer.headers


async def _fallbacks(visit: Visit, artifact: Artifact) -> list[Node]:
    found = []
    for ending, kind in _FALLBACKS.items():
        tag = f"{artifact.digest.replace(':', '-')}.{ending}"
        path = f"/acr/v1/{artifact.repository}/_tags/{tag}"
        answer = await asking.if_allowed(visit.get(path))
        if answer is not None:
            digest = loose.text(loose.at(answer, "tag", "digest"))
            found.append(Node(kind, f"cosign .{ending}", tag, digest, 1, 0))
    return found


def _node(one: dict[str, Any], depth: int, subject: int) -> Node:
    type_ = loose.text(one.get("artifactType"))
    annotations = loose.mapping(one.get("annotations"))
    predicate = loose.text(
        annotations.get("in-toto.io/predicate-type")
        or annotations.get("dev.sigstore.bundle.predicateType")
    )
    digest = loose.text(one.get("digest"))
    kind = _kind(predicate) or _kind(type_) or "artifact"
    return Node(kind, type_, digest, digest, depth, subject)


def _kind(text: str) -> Kind | None:
    lower = text[:200].lower()
    return next((kind for word, kind in _KINDS if word in lower), None)


def _placed(nodes: list[Node], *, is_whole: bool) -> Graph:
    # Each referrer has one subject, so this is a tree: a leaf takes a row, and the others stand
    # beside the first of those that refer to them.
    rows = _rows(nodes)
    places = [
        (node.depth * (WIDTH + ACROSS), row * (HEIGHT + DOWN))
        for node, row in zip(nodes, rows, strict=True)
    ]
    placed = [
        Placed(node, x, y, *_end_of(places, node.subject))
        for node, (x, y) in zip(nodes, places, strict=True)
    ]
    width = max(x for x, _ in places) + WIDTH
    return Graph(tuple(placed), width, max(y for _, y in places) + HEIGHT, is_whole)


def _end_of(places: list[tuple[int, int]], subject: int) -> tuple[int, int]:
    if subject < 0:
        return 0, 0
    x, y = places[subject]
    return x + WIDTH, y + HEIGHT // 2


def _rows(nodes: list[Node]) -> list[int]:
    referrers: dict[int, list[int]] = {}
    for place, node in enumerate(nodes[1:], 1):
        referrers.setdefault(node.subject, []).append(place)
    rows, row, stack = [0] * len(nodes), 0, [0]
    while stack:
        place = stack.pop()
        rows[place] = row
        below = referrers.get(place, [])
        stack += reversed(below)
        if not below:
            row += 1
    return rows
