"""SBOMs and attestations, wherever they are kept."""

from typing import Final

from acrux.web.content import artifacts, asking, referrers
from acrux.web.content.artifacts import Artifact
from acrux.web.content.documents import attestations
from acrux.web.content.documents.attestations import Document, Package
from acrux.web.visits import Visit

MAX_DOCUMENTS: Final = 6  # of an artifact's blobs, that are read
_READABLE: Final = ("json", "spdx", "cyclonedx", "in-toto", "dsse", "sbom")


async def packages(visit: Visit, image: Artifact, index: Artifact) -> tuple[Package, ...] | None:
    """What the image's SBOM lists; None if it has none that can be read.

    It may be a referrer of the image or of the index that lists it, or what BuildKit adds to the
    index.
    """
    candidates = [entry.digest for entry in index.entries if entry.of == image.digest]
    for about in {image.digest: image, index.digest: index}.values():
        graph = await referrers.find(visit, about)
        kinds = {"sbom", "attestation"}
        candidates += [node.digest for node in graph.referrers if node.kind in kinds]
    for digest in dict.fromkeys(candidates):
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
        and blob.size <= artifacts.DOCUMENT_BYTES
    ]
    found = []
    for blob in wanted[:MAX_DOCUMENTS]:
        answer = await asking.if_allowed(artifacts.blob(visit, artifact.repository, blob.digest))
        document = None if answer is None else attestations.read(answer.body)
        if document is not None:
            found.append(document)
    return found


def _is_attestation(artifact: Artifact) -> bool:
    # BuildKit stores attestations as images whose layers are statements.
    return any("in-toto" in blob.media_type for blob in artifact.blobs)
