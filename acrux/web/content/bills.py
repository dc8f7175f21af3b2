"""SBOMs and attestations, wherever they are kept."""

from typing import Final

from acrux.web.content import artifacts, asking, referrers
from acrux.web.content.artifacts import Artifact
from acrux.web.content.documents import attestations
from acrux.web.content.documents.attestations import Document, Package
from acrux.web.visits import Visit

MAX_DOCUMENTS: Final = 6  # of an artifact's blobs, that are read
MAX_CANDIDATES: Final = 6  # for an image's SBOM: an index can name ten thousand
_READABLE: Final = ("json", "spdx", "cyclonedx", "in-toto", "dsse", "sbom")


async def packages(visit: Visit, image: Artifact, index: Artifact) -> tuple[Package, ...] | None:
    """What the image's SBOM lists; None if it has none that can be read.

    It may be a referrer of the image or of the index that lists it, or what BuildKit adds to the
    index.
    """
    knows = await asking.sees_properties(visit, image.repository)
    candidates = [entry.digest for entry in index.entries if entry.of == image.digest]
    for about in {image.digest: image, index.digest: index}.values():
        graph = await referrers.find(visit, about, sees_properties=knows)
        kinds = {"sbom", "attestation"}
        candidates += [node.digest for node in graph.referrers if node.kind in kinds]
    for digest in [*dict.fromkeys(candidates)][:MAX_CANDIDATES]:
        found = await asking.if_allowed(artifacts.find(visit, image.repository, digest))
        read = [] if found is None else await documents(visit, found)
        for document in read:
            if document.packages:
                return document.packages
    return None


async def documents(visit: Visit, artifact: Artifact) -> list[Document]:
    """The SBOMs and attestations that the artifact's blobs are."""
    if artifact.kind != "artifact" and not _is_attestation(artifact):
        return []
    wanted = [
        blob
        for blob in artifact.blobs
        if any(word in blob.media_type.lower() for word in _READABLE)
    ]
    found, room = [], artifacts.DOCUMENT_BYTES
    for blob in wanted[:MAX_DOCUMENTS]:
        reading = artifacts.blob(visit, artifact.repository, blob.digest, room)
        answer = await asking.if_allowed(reading)
        if answer is not None:
            room -= len(answer.body)
            found.append(attestations.read(answer.body))
    return [document for document in found if document is not None]


def _is_attestation(artifact: Artifact) -> bool:
    # BuildKit stores attestations as images whose layers are statements.
    return any("in-toto" in blob.media_type for blob in artifact.blobs)
