"""One manifest with what it names: what all pages of images read."""

from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from acrux.domain.content.media_types import IMAGE_CONFIGS, INDEXES
from acrux.web.calls import Answer, Call
from acrux.web.content import asking
from acrux.web.content.documents import loose
from acrux.web.visits import Visit

HELM_CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
ATTESTATION: Final = "attestation-manifest"  # of BuildKit, as an entry of an index
CONFIG_BYTES: Final = 2 * 1024 * 1024  # its value takes up to twenty times as much memory
DOCUMENT_BYTES: Final = 8 * 1024 * 1024  # all documents of an artifact together

Kind = Literal["index", "image", "chart", "artifact"]


class Blob(Struct, frozen=True):
    """A blob that a manifest names."""

    digest: str
    media_type: str
    size: int
    title: str


class Entry(Struct, frozen=True):
    """A manifest that an index names; `of` is the manifest that it is an attestation of."""

    digest: str
    media_type: str
    size: int
    platform: str
    of: str


class Artifact(Struct, frozen=True):
    """A manifest of a repository, under the reference by which it was asked for."""

    repository: str
    reference: str
    digest: str
    media_type: str
    content: dict[str, Any]
    config: Any = None  # of an image or a chart, if it could be read

    @property
    def is_tag(self) -> bool:
        """Whether it was asked for by a tag."""
        return self.reference != self.digest

    @property
    def address(self) -> str:
        """The repository with the reference, as clients write it."""
        return f"{self.repository}{':' if self.is_tag else '@'}{self.reference}"

    @property
    def config_media_type(self) -> str:
        """The media type of the configuration."""
        return loose.text(loose.at(self.content, "config", "mediaType"))

    @property
    def type(self) -> str:
        """What it says that it is."""
        return loose.text(self.content.get("artifactType")) or self.config_media_type

    @property
    def kind(self) -> Kind:
        """What people call it."""
        if self.media_type in INDEXES:
            return "index"
        if self.config_media_type in IMAGE_CONFIGS:
            return "image" if not self.content.get("artifactType") else "artifact"
        return "chart" if self.config_media_type == HELM_CONFIG else "artifact"

    @property
    def subject(self) -> str:
        """The digest of what it refers to; empty if it is about nothing else."""
        return loose.text(loose.at(self.content, "subject", "digest"))

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """Its layers, or the blobs of an artifact manifest."""
        named = self.content.get("layers") or self.content.get("blobs")
        return tuple(map(_blob, loose.mappings(named)))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What an index lists."""
        return tuple(map(_entry, loose.mappings(self.content.get("manifests"))))

    @property
    def platforms(self) -> tuple[Entry, ...]:
        """The images that an index lists, without attestations of them."""
        return tuple(entry for entry in self.entries if not entry.of)

    @property
    def attestations(self) -> dict[str, list[Entry]]:
        """What an index lists about its images, by the digest of the image."""
        found: dict[str, list[Entry]] = {}
        for entry in self.entries:
            if entry.of:
                found.setdefault(entry.of, []).append(entry)
        return found

    @property
    def annotations(self) -> list[tuple[str, str]]:
        """Its annotations by name."""
        return loose.pairs(self.content.get("annotations"))


async def find(visit: Visit, repository: str, reference: str) -> Artifact:
    """The manifest, with the configuration of an image or a chart. Raises Refused."""
    answer = await visit.send(Call("GET", f"/v2/{repository}/manifests/{reference}"))
    found = Artifact(
        repository,
        reference,
        answer.headers.get("docker-content-digest", reference),
        answer.headers.get("content-type", ""),
        loose.mapping(loose.decode(answer.body)),
    )
    if found.kind not in {"image", "chart"}:
        return found
    digest = loose.text(loose.at(found.content, "config", "digest"))
    config = await asking.if_allowed(blob(visit, repository, digest, CONFIG_BYTES))
    return found if config is None else replace(found, config=loose.decode(config.body))


async def blob(visit: Visit, repository: str, digest: str, limit: int) -> Answer:
    """A blob of the repository. Raises Refused, also if it has more than `limit` bytes."""
    return await visit.send(Call("GET", f"/v2/{repository}/blobs/{digest}"), limit)


def _blob(descriptor: dict[str, Any]) -> Blob:
    return Blob(
        loose.text(descriptor.get("digest")),
        loose.text(descriptor.get("mediaType")),
        loose.number(descriptor.get("size")),
        loose.text(loose.at(descriptor, "annotations", "org.opencontainers.image.title")),
    )


def _entry(descriptor: dict[str, Any]) -> Entry:
    platform = loose.mapping(descriptor.get("platform"))
    names = (platform.get("os"), platform.get("architecture"), platform.get("variant"))
    annotations = loose.mapping(descriptor.get("annotations"))
    is_attestation = annotations.get("vnd.docker.reference.type") == ATTESTATION
    return Entry(
        loose.text(descriptor.get("digest")),
        loose.text(descriptor.get("mediaType")),
        loose.number(descriptor.get("size")),
        "/".join(loose.text(name) for name in names if name),
        loose.text(annotations.get("vnd.docker.reference.digest")) if is_attestation else "",
    )
