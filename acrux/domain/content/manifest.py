"""A manifest, parsed once from its bytes: descriptors, subject, type."""

import json
import re
from collections.abc import Mapping
from typing import Any, Self

import msgspec
from msgspec import Struct

from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import (
    ARTIFACTS,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    IMAGES,
    INDEXES,
    MANIFESTS,
    NON_DISTRIBUTABLE,
)
from acrux.errors import InvalidDigest, InvalidManifest

# Far above any blob (ACR allows 200 GiB), but the sum of a manifest's sizes still fits 64 bits.
MAX_BLOB_BYTES = 1 << 46

# More than any manifest needs; parsing more of them would delay every other request. An index of
# 9,000 images has about 100,000.
MAX_VALUES = 200_000

MAX_MANIFEST_BYTES = 4 * 1024 * 1024  # OCI distribution specification, "Pushing manifests"


# Possessive, and up to the end if a string has none: a search that tries again at each quote takes
# hours for a manifest of quotes.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)


class Platform(Struct, frozen=True):
    """What an image runs on (OCI image specification, image-index.md); empty if unknown."""

    architecture: str = ""
    os: str = ""


class Descriptor(Struct, frozen=True):
    """Points at content: its digest, and its media type and size if they are given.

    Source: OCI image specification, descriptor.md. `size` is in bytes; it may be missing because
    the samples of Azure's SDKs leave it out (acr-protocol.md §0.3, rule 27).
    """

    digest: Digest
    media_type: str
    size: int | None
    platform: "Platform | None" = None

    @property
    def is_distributable(self) -> bool:
        """Whether a registry that serves the manifest must hold the content too."""
        return not self.media_type.startswith(NON_DISTRIBUTABLE)


class Manifest(Struct, frozen=True):
    """A valid manifest: its exact bytes, and what they point at.

    `blobs` are the configuration and the layers, `manifests` the entries of an index.
    """

    content: bytes
    digest: Digest
    media_type: str
    blobs: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None
    config: Descriptor | None
    artifact_type: str
    annotations: Mapping[str, str]

    @classmethod
    def read(cls, content: bytes, content_type: str, algorithm: str = "sha256") -> Self:
        """Read a manifest that was pushed as `content_type`; if empty, its bytes say the type.

        Raise InvalidManifest if the bytes are not a manifest, if its type is unknown or not the
        claimed one, or if it is an image and an index at once (CVE-2021-41190).
        """
        wire = _decode(content)
        media_type = _media_type(wire, content_type)
        _check_shape(wire, media_type)
        blobs = wire.blobs if media_type in ARTIFACTS else None  # unknown to the other types
        return cls(
            content=content,
            digest=Digest.of(content, algorithm),
            media_type=media_type,
            blobs=_read_all((wire.config, *(wire.layers or ()), *(blobs or ()))),
            manifests=_read_all(wire.manifests or ()),
            subject=_read(wire.subject) if wire.subject else None,
            config=_read(wire.config) if wire.config else None,
            artifact_type=wire.artifact_type or "",
            annotations=wire.annotations or {},
        )

    @property
    def config_media_type(self) -> str:
        """The media type of the configuration, empty if there is none."""
        return self.config.media_type if self.config else ""

    @property
    def referrer_type(self) -> str:
        """The artifactType under which a referrer is listed (end-12).

        An image without one is listed under the media type of its configuration.
        """
        return self.artifact_type or (self.config_media_type if self.media_type in IMAGES else "")

    @property
    def content_size(self) -> int:
        """The size of the manifest and of all that it names, in bytes."""
        named = (*self.blobs, *self.manifests)
        return len(self.content) + sum(descriptor.size or 0 for descriptor in named)

    @property
    def required_blobs(self) -> tuple[Digest, ...]:
        """The blobs that a repository must link before it can hold this manifest, each once."""
        # Not the manifests of an index: mirrors keep only some platforms, and cannot change a
        # signed index (distribution/distribution#3628, opencontainers/distribution-spec#310).
        return tuple(dict.fromkeys(blob.digest for blob in self.blobs if blob.is_distributable))


def stated_media_type(content: bytes) -> str:
    """The media type that a manifest's own bytes state, empty if they state none.

    `content` must have been read as a manifest before: nothing else in it is checked.
    """
    return msgspec.json.decode(content, type=_WireType).media_type or ""


class Referrer(Struct, frozen=True):
    """A manifest that points at another one, as a listing of referrers shows it (end-12)."""

    digest: Digest
    media_type: str
    size: int
    artifact_type: str
    annotations: Mapping[str, str]


# Go's clients write null for what is empty, and read it so.
class _WireType(msgspec.Struct, rename="camel"):
    media_type: str | None = ""


class _WirePlatform(msgspec.Struct):
    architecture: str | None = ""
    os: str | None = ""


class _WireDescriptor(msgspec.Struct, rename="camel"):
    digest: str
    media_type: str | None = ""
    size: int | None = None
    platform: _WirePlatform | None = None


class _WireManifest(msgspec.Struct, rename="camel"):
    schema_version: int | None = None
    media_type: str | None = ""
    artifact_type: str | None = ""
    config: _WireDescriptor | None = None
    layers: list[_WireDescriptor] | None = None
    manifests: list[_WireDescriptor] | msgspec.UnsetType | None = msgspec.UNSET
    blobs: list[_WireDescriptor] | None = None
    subject: _WireDescriptor | None = None
    annotations: dict[str, str] | None = None


def _decode(content: bytes) -> _WireManifest:
    # Strings may hold as many separators as they like: an annotation may be JSON itself.
    if _separators(content) > MAX_VALUES and _separators(_STRING.sub(b"", content)) > MAX_VALUES:
        raise InvalidManifest(f"the manifest holds more than {MAX_VALUES} values")
    try:
        # Twice: json detects equal keys; msgspec rejects NaN, lone surrogates and invalid UTF-8.
        json.loads(content, object_pairs_hook=_unique)
        return msgspec.json.decode(content, type=_WireManifest)
    except RecursionError:
        raise InvalidManifest("the manifest is nested too deeply") from None
    except msgspec.DecodeError as refused:
        raise InvalidManifest(f"the manifest is not as specified: {refused}") from None
    except ValueError as refused:
        raise InvalidManifest(f"the manifest is not JSON: {refused}") from None


def _separators(content: bytes) -> int:
    # Each value but the first follows one of them.
    return sum(map(content.count, (b",", b":", b"[")))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Parsers differ in which of two equal keys they use: such a manifest is two manifests.
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise InvalidManifest("the manifest holds the same key twice in one object")
    return keys


def _media_type(wire: _WireManifest, content_type: str) -> str:
    media_type = content_type or wire.media_type or ""
    if media_type not in MANIFESTS:
        raise InvalidManifest(
            "the media type is not one of a manifest: use " + " or ".join(sorted(MANIFESTS)),
            media_type=media_type[:160],
        )
    if wire.media_type and wire.media_type != media_type:
        raise InvalidManifest(
            "Content-Type and the manifest's mediaType differ",
            content_type=media_type[:160],
            media_type=wire.media_type[:160],
        )
    return media_type


def _check_shape(wire: _WireManifest, media_type: str) -> None:
    is_index = media_type in INDEXES
    if media_type not in ARTIFACTS and wire.schema_version != 2:
        raise InvalidManifest("the manifest's schemaVersion must be 2")
    if media_type in (DOCKER_MANIFEST, DOCKER_LIST) and not wire.media_type:
        raise InvalidManifest("a manifest of docker's types must hold its mediaType")
    if is_index and (wire.config or wire.layers is not None):
        raise InvalidManifest("an index holds neither config nor layers (CVE-2021-41190)")
    if not is_index and isinstance(wire.manifests, list):
        raise InvalidManifest("only an index holds manifests (CVE-2021-41190)")
    if is_index and wire.manifests is msgspec.UNSET:
        # It may be null: so crane writes an index from which it has left out all platforms.
        raise InvalidManifest("an index must hold manifests")
    if media_type in IMAGES and wire.config is None:
        # Layers may be missing: artifacts without layers are pushed with null instead.
        raise InvalidManifest("an image manifest must hold config")


def _read_all(
    descriptors: tuple[_WireDescriptor | None, ...] | list[_WireDescriptor],
) -> tuple[Descriptor, ...]:
    return tuple(_read(descriptor) for descriptor in descriptors if descriptor is not None)


def _read(wire: _WireDescriptor) -> Descriptor:
    if wire.size is not None and not 0 <= wire.size <= MAX_BLOB_BYTES:
        raise InvalidManifest(
            f"a descriptor's size must be from 0 to {MAX_BLOB_BYTES} bytes",
            digest=wire.digest[:160],
        )
    try:
        digest = Digest.parse(wire.digest)
    except InvalidDigest as refused:
        raise InvalidManifest(refused.message, digest=wire.digest[:160]) from None
    platform = _read_platform(wire.platform) if wire.platform else None
    return Descriptor(digest, wire.media_type or "", wire.size, platform)


def _read_platform(wire: _WirePlatform) -> Platform:
    return Platform(wire.architecture or "", wire.os or "")
